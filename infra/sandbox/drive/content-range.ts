/** The `Content-Range` header of an upload: a chunk, or a status query. */
import { DriveError } from './errors.ts'

export interface ContentRange {
  /** The position of the chunk; undefined in a status query, `bytes *\/TOTAL`. */
  chunk: { first: number; last: number } | undefined
  /** Undefined while the total is unknown: `*`. */
  total: number | undefined
}

/** @throws 400 for anything but `bytes a-b/total`, `bytes a-b/*`, `bytes *\/total` and `bytes *\/*` */
export function readContentRange(header: string): ContentRange {
  const match = /^bytes (?:(\d{1,15})-(\d{1,15})|\*)\/(\d{1,15}|\*)$/.exec(header)
  if (!match) throw badContentRange(`Failed to parse Content-Range header: ${header}`)
  const total = match[3] === '*' ? undefined : Number(match[3])
  if (match[1] === undefined) return { chunk: undefined, total }
  const chunk = { first: Number(match[1]), last: Number(match[2]) }
  if (chunk.last < chunk.first || (total !== undefined && chunk.last >= total)) {
    throw badContentRange(`Content-Range is inconsistent: ${header}`)
  }
  return { chunk, total }
}

export function badContentRange(message: string): DriveError {
  return new DriveError(400, 'badContent', message, {
    location: 'Content-Range',
    locationType: 'header',
  })
}
