/** Verifies uploads: compares Drive's SHA-256 with the digest of the local file. */
import { Problem } from '../api/problem.ts'
import type { DriveFile } from '../api/types.ts'
import type { UploadItem } from './upload-item.ts'
import { strings } from './strings.ts'

export interface CompletedUpload {
  /** The upload's URL at the gateway. */
  readonly url: string
  /** Reads a header of the response that acknowledged the last byte. */
  readonly header: (name: string) => string | null
  readonly headers: () => Readonly<Record<string, string>>
}

/** Drive may compute the checksum of a large file with a delay. */
const pollDelaysMs = [1_000, 3_000, 10_000, 30_000]

/**
 * @param digest the local file's SHA-256 in hex
 * @throws {Problem} `digest_mismatch` after the file is deleted from Drive; `checksum_unavailable`
 */
export async function verifyUpload(
  item: UploadItem,
  upload: CompletedUpload,
  digest: string,
): Promise<DriveFile> {
  let { header } = upload
  for (const delay of pollDelaysMs) {
    if (header('Driveway-File-Sha256') !== null) break
    await new Promise((resolve) => setTimeout(resolve, delay))
    header = await fetchHeaders(upload).catch(() => header)
  }
  const sha256 = header('Driveway-File-Sha256')
  if (sha256 === null) {
    throw new Problem({ code: 'checksum_unavailable', title: strings.checksumUnavailable })
  }
  if (sha256 !== digest) {
    await deleteUpload(upload)
    throw new Problem({ code: 'digest_mismatch', title: strings.digestMismatch })
  }
  return {
    id: header('Driveway-File-Id') ?? '',
    name: item.name,
    mimeType: item.mimeType,
    kind: 'file',
    size: item.size,
    modified: new Date(),
    webViewLink: header('Driveway-File-Link') ?? undefined,
    shortcut: null,
    isAppAuthorized: true,
    canAddChildren: false,
    canDownload: true,
  }
}

/** Terminates an upload; deletes its file from Drive when the upload is complete. */
export async function deleteUpload({ url, headers }: Omit<CompletedUpload, 'header'>) {
  await fetch(url, { method: 'DELETE', headers: { ...headers(), 'Tus-Resumable': '1.0.0' } })
}

async function fetchHeaders({ url, headers }: CompletedUpload): Promise<CompletedUpload['header']> {
  const response = await fetch(url, {
    method: 'HEAD',
    headers: { ...headers(), 'Tus-Resumable': '1.0.0' },
    cache: 'no-store',
  })
  return (name) => response.headers.get(name)
}
