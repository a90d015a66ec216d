/** files.copy. */
import type { Exchange } from '../router.ts'
import { canReadContent, mayWrite, requireScope, roleOf } from './auth-context.ts'
import { readJson } from './body.ts'
import type { Content } from './content-writer.ts'
import { createContentWriter } from './content-writer.ts'
import { DriveError, appNotAuthorized } from './errors.ts'
import { fileMask, sendFile } from './files.ts'
import { readMetadata } from './metadata.ts'
import { prepareCreate } from './mutations.ts'
import { findFile } from './permissions.ts'
import type { DriveContext } from './service.ts'
import { folderType } from './tree.ts'
import { checkSize } from './upload-limits.ts'

/** The copy has the metadata of the request, else name, type and folder of the source. */
export async function copyFile(context: DriveContext, exchange: Exchange): Promise<void> {
  const { req, url, params } = exchange
  const { tree } = context
  const caller = context.authenticate(req)
  requireScope(caller, 'drive.files.copy')
  const mask = fileMask(url)
  const source = findFile(tree, caller, url, params[0] ?? '')
  if (source.mimeType === folderType) {
    throw new DriveError(403, 'cannotCopyFile', 'This file cannot be copied by the user.')
  }
  if (!canReadContent(caller, source)) throw appNotAuthorized(source.id)
  checkSize(context, caller, source.content?.size ?? 0)
  const metadata = readMetadata(await readJson(exchange), false)
  metadata.name ??= `Copy of ${source.name}`
  metadata.mimeType ??= source.mimeType
  if (source.shortcutTo !== undefined) metadata.shortcutTo ??= source.shortcutTo
  const parent = tree.parentOf(source)
  if (parent && mayWrite(roleOf(tree, caller.sub, parent))) metadata.parents ??= [parent.id]
  const mutation = prepareCreate(context, caller, url, metadata, false)
  const copy = await mutation.apply(source.content && (await copyContent(context, source.content)))
  copy.text = source.text
  await sendFile(context, caller, copy, exchange, mask)
}

async function copyContent({ blobStore }: DriveContext, content: Content): Promise<Content> {
  const writer = createContentWriter(blobStore.open())
  for await (const part of content.read(0, content.size)) await writer.write(part)
  await writer.commit()
  return writer.finish()
}
