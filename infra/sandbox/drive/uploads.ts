/** Uploads in one request: media, or metadata and media. They are stored completely or not at all. */
import type { Exchange } from '../router.ts'
import type { Content, ContentWriter } from './content-writer.ts'
import { createContentWriter } from './content-writer.ts'
import { streamBody, parseJson } from './body.ts'
import type { Caller } from './auth-context.ts'
import { requireScope } from './auth-context.ts'
import { badRequest } from './errors.ts'
import { sendFile, fileMask } from './files.ts'
import type { Metadata } from './metadata.ts'
import { readMetadata } from './metadata.ts'
import { createRelatedParser } from './multipart.ts'
import type { Mutation } from './mutations.ts'
import { prepareCreate, prepareUpdate } from './mutations.ts'
import type { DriveContext } from './service.ts'
import { checkSize } from './upload-limits.ts'

/** `uploadType=media`: a new file is named Untitled. */
export async function uploadSimple(context: DriveContext, exchange: Exchange): Promise<void> {
  const { req, url } = exchange
  const caller = authenticateUpload(context, exchange)
  if (url.searchParams.get('uploadType') !== 'media') {
    throw badRequest('uploadType is media, multipart or resumable.')
  }
  const mask = fileMask(url)
  const mutation = prepareUpload(context, caller, exchange, readMetadata({}, false))
  checkSize(context, caller, Number(req.headers['content-length'] ?? 0))
  const content = await receive(context, caller, exchange, (writer) => writer.write)
  if (!content) return
  const item = await mutation.apply(content, req.headers['content-type'])
  await sendFile(context, caller, item, exchange, mask)
}

/** `uploadType=multipart`: metadata, then media. */
export async function uploadMultipart(context: DriveContext, exchange: Exchange): Promise<void> {
  const { req, url } = exchange
  const caller = authenticateUpload(context, exchange)
  const mask = fileMask(url)
  checkSize(context, caller, 0)
  let mutation: Mutation | undefined
  let type: string | undefined
  const content = await receive(context, caller, exchange, (writer) => {
    const parser = createRelatedParser(req.headers['content-type'] ?? '', {
      head(json, mediaType) {
        type = mediaType
        const isUpdate = exchange.params[0] !== undefined
        mutation = prepareUpload(context, caller, exchange, readMetadata(parseJson(json), isUpdate))
      },
      media: writer.write,
    })
    return Object.assign(parser.write, { checkEnd: parser.end })
  })
  if (!content || !mutation) return
  await sendFile(context, caller, await mutation.apply(content, type), exchange, mask)
}

/** Authenticates the caller of an upload. @throws 401, 403 */
export function authenticateUpload(context: DriveContext, { req, params }: Exchange): Caller {
  const caller = context.authenticate(req)
  requireScope(caller, params[0] === undefined ? 'drive.files.create' : 'drive.files.update')
  return caller
}

/** Prepares a new file, or new content for the file in the path. */
export function prepareUpload(
  context: DriveContext,
  caller: Caller,
  { url, params }: Pick<Exchange, 'url' | 'params'>,
  metadata: Metadata,
): Mutation {
  const [fileId] = params
  return fileId === undefined
    ? prepareCreate(context, caller, url, metadata, true)
    : prepareUpdate(context, caller, url, fileId, metadata, true)
}

type ChunkHandler = ((chunk: Buffer) => Promise<void> | undefined) & { checkEnd?(): void }

/** @returns undefined when the connection ended early */
async function receive(
  context: DriveContext,
  caller: Caller,
  exchange: Exchange,
  createHandler: (writer: ContentWriter) => ChunkHandler,
): Promise<Content | undefined> {
  const writer = limitWriter(
    createContentWriter(context.blobStore.open()),
    exchange.fault?.acceptBytes,
  )
  try {
    const onChunk = createHandler(writer)
    const isComplete = await streamBody(exchange, onChunk)
    if (!isComplete) {
      writer.discard()
      return undefined
    }
    onChunk.checkEnd?.()
    await writer.commit()
    checkSize(context, caller, writer.committed)
    return await writer.finish()
  } catch (error) {
    writer.discard()
    throw error
  }
}

/** A writer that stores at most `maxBytes` and silently discards the rest. */
export function limitWriter(writer: ContentWriter, maxBytes: number | undefined): ContentWriter {
  if (maxBytes === undefined) return writer
  let remaining = maxBytes
  return Object.assign(Object.create(writer) as ContentWriter, {
    write(chunk: Buffer) {
      const accepted = chunk.subarray(0, remaining)
      remaining -= accepted.length
      return accepted.length > 0 ? writer.write(accepted) : undefined
    },
  })
}
