/** revisions.list and revisions.get. */
import type { Exchange } from '../router.ts'
import { sendJson } from '../router.ts'
import type { Caller } from './auth-context.ts'
import { mayWrite, requireScope, roleOf } from './auth-context.ts'
import type { Content } from './content-writer.ts'
import { checksum } from './content-writer.ts'
import { sendContent } from './download.ts'
import { DriveError, invalidParameter } from './errors.ts'
import type { Mask } from './fields.ts'
import { applyMask, includesField, innerMask, maskOf, readMask } from './fields.ts'
import { userJson } from './file-json.ts'
import { exportTypes } from './google-types.ts'
import type { PageTokens } from './page-tokens.ts'
import { readPage } from './paging.ts'
import { findFile, insufficientFilePermissions } from './permissions.ts'
import type { MethodId } from './schema/index.ts'
import { shapeOf } from './schema/index.ts'
import type { DriveContext } from './service.ts'
import type { Item, Revision, Tree } from './tree.ts'

/** A revision; a Google Doc has one without content. */
type AnyRevision = Omit<Revision, 'content'> & { content: Content | undefined }

const defaultFields = maskOf('kind', 'id', 'mimeType', 'modifiedTime')

export async function listRevisions(
  context: DriveContext,
  pageTokens: PageTokens,
  exchange: Exchange,
): Promise<void> {
  const { caller, item, revisions } = find(context, 'drive.revisions.list', exchange)
  const fields = exchange.url.searchParams.get('fields')
  const mask = fields
    ? readMask(fields, shapeOf('RevisionList'))
    : maskOf('kind', 'nextPageToken', ['revisions', defaultFields])
  const pageSize = { max: 1000, default: 200 }
  const { page, nextPageToken } = readPage(pageTokens, caller, exchange, revisions, pageSize)
  const json: unknown[] = []
  for (const revision of page) {
    json.push(
      await revisionJson(context.tree, caller, item, revision, innerMask(mask, 'revisions')),
    )
  }
  const response = {
    kind: 'drive#revisionList',
    ...(nextPageToken === undefined ? {} : { nextPageToken }),
    revisions: json,
  }
  sendJson(exchange.res, 200, applyMask(mask, response))
}

export async function getRevision(context: DriveContext, exchange: Exchange): Promise<void> {
  const { url, params, res } = exchange
  const { caller, item, revisions } = find(context, 'drive.revisions.get', exchange)
  const fields = url.searchParams.get('fields')
  const mask = fields ? readMask(fields, shapeOf('Revision')) : defaultFields
  const revision = revisions.find(({ id }) => id === params[1])
  if (!revision) {
    const message = `Revision not found: ${params[1]}.`
    throw new DriveError(404, 'notFound', message, { location: 'revisionId' })
  }
  const alt = url.searchParams.get('alt') || 'json'
  if (alt === 'media') return sendContent(caller, { ...item, ...revision }, exchange)
  if (alt !== 'json') throw invalidParameter('alt')
  sendJson(res, 200, await revisionJson(context.tree, caller, item, revision, mask))
}

function find(context: DriveContext, method: MethodId, { req, url, params }: Exchange) {
  const { tree } = context
  const caller = context.authenticate(req)
  requireScope(caller, method)
  const item = findFile(tree, caller, url, params[0] ?? '')
  if (!mayWrite(roleOf(tree, caller.sub, item))) throw insufficientFilePermissions()
  return { caller, item, revisions: revisionsOf(item) }
}

/** Oldest first. */
function revisionsOf(item: Item): AnyRevision[] {
  const { content, name, mimeType, modifiedTime, headRevisionId = '1' } = item
  if (!content && exportTypes(mimeType).length === 0) {
    throw new DriveError(403, 'revisionsNotSupported', 'The file does not support revisions.')
  }
  return [...item.revisions, { id: headRevisionId, content, name, mimeType, modifiedTime }]
}

async function revisionJson(
  tree: Tree,
  caller: Caller,
  item: Item,
  { id, content, name, mimeType, modifiedTime }: AnyRevision,
  mask: Mask,
): Promise<unknown> {
  const md5 = content && includesField(mask, 'md5Checksum')
  return applyMask(mask, {
    kind: 'drive#revision',
    id,
    mimeType,
    modifiedTime: new Date(modifiedTime).toISOString(),
    published: false,
    ...(item.owner === undefined ? {} : { lastModifyingUser: userJson(tree, caller, item.owner) }),
    ...(content ? { keepForever: false, originalFilename: name, size: String(content.size) } : {}),
    ...(md5 ? { md5Checksum: await checksum(content, 'md5') } : {}),
  })
}
