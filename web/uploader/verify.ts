/** A file is in Drive when Drive's own SHA-256 is that of the file in the person's hand. */
import { Problem } from '../api/problem.ts'
import type { DriveFile } from '../api/types.ts'
import type { Item } from './upload-item.ts'
import { strings } from './strings.ts'

export interface Claim {
  /** The upload's, at the gateway. */
  readonly address: string
  /** Reads a header of the answer that said that all bytes are there. */
  readonly header: (name: string) => string | null
  readonly headers: () => Readonly<Record<string, string>>
}

/** Milliseconds; Drive may need a moment for a large file's checksum. */
const waits = [1_000, 3_000, 10_000, 30_000]

/**
 * @param digest the file's SHA-256 in hex
 * @throws {Problem} `digest_mismatch` after the other file was taken out of Drive, `unproven`
 */
export async function proven(item: Item, claim: Claim, digest: string): Promise<DriveFile> {
  let { header } = claim
  for (const wait of waits) {
    if (header('Driveway-File-Sha256') !== null) break
    await new Promise((resolve) => setTimeout(resolve, wait))
    header = await askAgain(claim).catch(() => header)
  }
  const sha256 = header('Driveway-File-Sha256')
  if (sha256 === null) throw new Problem({ code: 'unproven', title: strings.unproven })
  if (sha256 !== digest) {
    await endUpload(claim)
    throw new Problem({ code: 'digest_mismatch', title: strings.otherBytes })
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
    isOurs: true,
    canAddChildren: false,
    canDownload: true,
  }
}

/** Gives an upload up, and takes its file out of Drive where it has become one. */
export async function endUpload({ address, headers }: Omit<Claim, 'header'>): Promise<void> {
  await fetch(address, { method: 'DELETE', headers: { ...headers(), 'Tus-Resumable': '1.0.0' } })
}

async function askAgain({ address, headers }: Claim): Promise<Claim['header']> {
  const spoken = { ...headers(), 'Tus-Resumable': '1.0.0' }
  const answer = await fetch(address, { method: 'HEAD', headers: spoken, cache: 'no-store' })
  return (name) => answer.headers.get(name)
}
