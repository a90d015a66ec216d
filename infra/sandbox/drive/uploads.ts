/** Uploads in one request: bytes alone, or metadata and bytes. All of it is stored, or nothing. */
import type { Exchange } from '../router.ts'
import type { Content, Writer } from './blobs.ts'
import { createWriter } from './blobs.ts'
import { flow, parseJson } from './body.ts'
import type { Caller } from './auth-context.ts'
import { requireScope } from './auth-context.ts'
import { badRequest } from './errors.ts'
import { answerFile, fileMask } from './files.ts'
import type { Metadata } from './metadata.ts'
import { readMetadata } from './metadata.ts'
import { createRelatedParser } from './multipart.ts'
import type { Plan } from './mutations.ts'
import { planCreate, planUpdate } from './mutations.ts'
import type { Place } from './service.ts'
import { checkSize } from './upload-limits.ts'

/** `uploadType=media`: the file is called Untitled, unless it is an update. */
export async function uploadSimple(place: Place, exchange: Exchange): Promise<void> {
  const { req, url } = exchange
  const caller = uploader(place, exchange)
  if (url.searchParams.get('uploadType') !== 'media') {
    throw badRequest('uploadType is media, multipart or resumable.')
  }
  const mask = fileMask(url)
  const plan = planUpload(place, caller, exchange, readMetadata({}, false))
  checkSize(place, caller, Number(req.headers['content-length'] ?? 0))
  const content = await receive(place, caller, exchange, (writer) => writer.take)
  if (!content) return
  const item = await plan.carryOut(content, req.headers['content-type'])
  await answerFile(place, caller, item, exchange, mask)
}

/** `uploadType=multipart`: the metadata first, then the bytes. */
export async function uploadMultipart(place: Place, exchange: Exchange): Promise<void> {
  const { req, url } = exchange
  const caller = uploader(place, exchange)
  const mask = fileMask(url)
  checkSize(place, caller, 0)
  let plan: Plan | undefined
  let type: string | undefined
  const content = await receive(place, caller, exchange, (writer) => {
    const parser = createRelatedParser(req.headers['content-type'] ?? '', {
      head(json, mediaType) {
        type = mediaType
        const isUpdate = exchange.params[0] !== undefined
        plan = planUpload(place, caller, exchange, readMetadata(parseJson(json), isUpdate))
      },
      media: writer.take,
    })
    return Object.assign(parser.take, { whole: parser.end })
  })
  if (!content || !plan) return
  await answerFile(place, caller, await plan.carryOut(content, type), exchange, mask)
}

/** Who uploads. @throws 401, 403 */
export function uploader(place: Place, { req, params }: Exchange): Caller {
  const caller = place.authenticate(req)
  requireScope(caller, params[0] === undefined ? 'drive.files.create' : 'drive.files.update')
  return caller
}

/** A new file, or new content for the one in the path. */
export function planUpload(
  place: Place,
  caller: Caller,
  { url, params }: Pick<Exchange, 'url' | 'params'>,
  metadata: Metadata,
): Plan {
  const [fileId] = params
  return fileId === undefined
    ? planCreate(place, caller, url, metadata, true)
    : planUpdate(place, caller, url, fileId, metadata, true)
}

type Take = ((part: Buffer) => Promise<void> | undefined) & { whole?(): void }

/** @returns undefined when the connection broke: there is nobody left to answer */
async function receive(
  place: Place,
  caller: Caller,
  exchange: Exchange,
  taking: (writer: Writer) => Take,
): Promise<Content | undefined> {
  const writer = limit(createWriter(place.sinks.open()), exchange.fault?.acceptBytes)
  try {
    const take = taking(writer)
    const isWhole = await flow(exchange, take)
    if (!isWhole) {
      writer.discard()
      return undefined
    }
    take.whole?.()
    await writer.commit()
    checkSize(place, caller, writer.committed)
    return await writer.finish()
  } catch (error) {
    writer.discard()
    throw error
  }
}

/** Stores no more than `most` bytes, and does as if it had stored them all. */
export function limit(writer: Writer, most: number | undefined): Writer {
  if (most === undefined) return writer
  let left = most
  return Object.assign(Object.create(writer) as Writer, {
    take(part: Buffer) {
      const kept = part.subarray(0, left)
      left -= kept.length
      return kept.length > 0 ? writer.take(kept) : undefined
    },
  })
}
