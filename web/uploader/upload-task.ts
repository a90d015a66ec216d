/** An upload as the engine keeps it: what the person sees of it, and what they do not. */
import { formatBytes } from '../format.ts'
import { Problem } from '../api/problem.ts'
import type { Item, Picked, Target } from './upload-item.ts'
import type { Meta } from './uppy.ts'
import { createMeter } from './transfer-rate.ts'
import { strings } from './strings.ts'

export interface Job {
  readonly item: Item
  readonly meta: Meta
  readonly meter: ReturnType<typeof createMeter>
  file: File | undefined
  /** Ends what is done beside the upload. */
  stop: AbortController
  digest: Promise<string> | undefined
  /** Set once all bytes are there. */
  address: string | undefined
  /** Whether Uppy has it in hand, stopped or not. */
  isBegun: boolean
  isStopped: boolean
}

/** @param file none where an earlier page had it, and this one has not */
export function createJob(id: string, meta: Meta, file: File | undefined, size: number): Job {
  const item: Item = {
    id,
    name: meta.filename,
    mimeType: meta.filetype,
    size,
    path: meta.path,
    target: { id: meta.folder || null, name: meta.into },
    state: { is: file === undefined ? 'missing' : 'waiting' },
  }
  return {
    item,
    meta,
    file,
    meter: createMeter(),
    stop: new AbortController(),
    digest: undefined,
    address: undefined,
    isBegun: false,
    isStopped: false,
  }
}

let count = 0

export function metaOf({ file, path }: Picked, target: Target): Meta {
  count += 1
  return {
    filename: file.name,
    filetype: file.type,
    folder: target.id ?? '',
    path: pathIn(target, path),
    into: target.name,
    relativePath: `${Date.now()}-${count}`,
  }
}

/** What two files share that are the same one, chosen twice for the same place. */
export function likeness({ file, path }: Picked, target: Target): string {
  const { name, size, lastModified } = file
  return JSON.stringify([target.id, pathIn(target, path), name, size, lastModified])
}

export function likenessOf({ file, meta, item }: Job): string {
  const { name, size } = item
  return JSON.stringify([item.target.id, meta.path, name, size, file?.lastModified])
}

export function pathIn({ path: above = '' }: Target, path: string): string {
  return [above, path].filter((part) => part !== '').join('/')
}

export function tooLarge(size: number, most: number): Problem {
  const title = strings.tooLarge(formatBytes(size), formatBytes(most))
  return new Problem({ code: 'too_large', title })
}
