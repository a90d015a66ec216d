/** The engine's internal state of one upload. */
import { formatBytes } from '../format.ts'
import { Problem } from '../api/problem.ts'
import type { PickedFile, UploadItem, UploadTarget } from './upload-item.ts'
import type { UploadMeta } from './uppy.ts'
import { createTransferRate } from './transfer-rate.ts'
import { strings } from './strings.ts'

export interface UploadTask {
  readonly item: UploadItem
  readonly meta: UploadMeta
  readonly transferRate: ReturnType<typeof createTransferRate>
  file: File | undefined
  /** Aborts the digest and the verification. */
  controller: AbortController
  digest: Promise<string> | undefined
  /** The upload's URL at the gateway, set once all bytes are sent. */
  uploadUrl: string | undefined
  /** Whether Uppy has started the upload, even if it is suspended. */
  isStarted: boolean
  isSuspended: boolean
}

/** @param file undefined when it was restored without its bytes */
export function createUploadTask(
  id: string,
  meta: UploadMeta,
  file: File | undefined,
  size: number,
): UploadTask {
  const item: UploadItem = {
    id,
    name: meta.filename,
    mimeType: meta.filetype,
    size,
    path: meta.path,
    target: { id: meta.folder || null, name: meta.folderName },
    state: { status: file === undefined ? 'missing' : 'waiting' },
  }
  return {
    item,
    meta,
    file,
    transferRate: createTransferRate(),
    controller: new AbortController(),
    digest: undefined,
    uploadUrl: undefined,
    isStarted: false,
    isSuspended: false,
  }
}

let count = 0

export function createMeta({ file, path }: PickedFile, target: UploadTarget): UploadMeta {
  count += 1
  return {
    filename: file.name,
    filetype: file.type,
    folder: target.id ?? '',
    path: pathInTarget(target, path),
    folderName: target.name,
    relativePath: `${Date.now()}-${count}`,
  }
}

/** Identifies a file and its destination, so that the same file is not added twice. */
export function fingerprint({ file, path }: PickedFile, target: UploadTarget): string {
  const { name, size, lastModified } = file
  return JSON.stringify([target.id, pathInTarget(target, path), name, size, lastModified])
}

export function taskFingerprint({ file, meta, item }: UploadTask): string {
  const { name, size } = item
  return JSON.stringify([item.target.id, meta.path, name, size, file?.lastModified])
}

export function pathInTarget({ path: base = '' }: UploadTarget, path: string): string {
  return [base, path].filter((part) => part !== '').join('/')
}

export function fileTooLarge(size: number, maxBytes: number): Problem {
  const title = strings.tooLarge(formatBytes(size), formatBytes(maxBytes))
  return new Problem({ code: 'too_large', title })
}
