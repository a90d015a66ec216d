/** files.list: corpora, query, order and pages. */
import type { Exchange } from '../router.ts'
import { sendJson } from '../router.ts'
import type { Caller } from './auth-context.ts'
import { requireScope, grantedRole, canReadMetadata } from './auth-context.ts'
import { DriveError, badRequest, invalidParameter } from './errors.ts'
import type { Mask } from './fields.ts'
import { applyMask, readMask, includesField, innerMask } from './fields.ts'
import { defaultFields, fileJson } from './file-json.ts'
import { readOrder } from './order.ts'
import type { PageTokens } from './page-tokens.ts'
import { listingKey } from './page-tokens.ts'
import { readBoolean, readInteger } from './params.ts'
import { createPastTree } from './past-tree.ts'
import { parseQuery } from './query.ts'
import type { Query } from './query.ts'
import { shapeOf } from './schema/index.ts'
import type { ItemPredicate } from './search.ts'
import { createSearch, isFullText } from './search.ts'
import type { DriveContext } from './service.ts'
import type { Item, Tree } from './tree.ts'

const listShape = shapeOf('FileList')

const defaultMask: Mask = new Map<string, Mask>([
  ['kind', 'all'],
  ['nextPageToken', 'all'],
  ['incompleteSearch', 'all'],
  ['files', defaultFields],
])

export async function listFiles(
  context: DriveContext,
  pageTokens: PageTokens,
  exchange: Exchange,
): Promise<void> {
  const { req, res, url, fault } = exchange
  const tree =
    fault?.lagMs === undefined
      ? context.tree
      : createPastTree(context.tree, context.now() - fault.lagMs)
  const caller = context.authenticate(req)
  requireScope(caller, 'drive.files.list')
  const size = readInteger(url, 'pageSize', { min: 1, max: 1000, default: 100, clamp: true })
  const fields = url.searchParams.get('fields')
  const mask = fields ? readMask(fields, listShape) : defaultMask
  const key = listingKey(caller.sub, caller.clientId, url)
  const token = url.searchParams.get('pageToken')
  const found = new Map(
    token ? [] : search(tree, caller, url).map((item): [string, Item] => [item.id, item]),
  )
  const { ids, next } = token ? pageTokens.resolve(key, token) : { ids: [...found.keys()], next: 0 }

  const end = next + Math.min(size, fault?.pageItems ?? size)
  const files: Record<string, unknown>[] = []
  for (const id of ids.slice(next, end)) {
    const item = found.get(id) ?? tree.get(id)
    if (!item || !canReadMetadata(tree, caller, item)) continue // deleted since the first page
    files.push(await fileJson({ tree, caller, item }, innerMask(mask, 'files')))
  }
  const hasMore = end < ids.length || fault?.pageItems !== undefined
  const response = {
    kind: 'drive#fileList',
    ...(hasMore && includesField(mask, 'nextPageToken')
      ? { nextPageToken: pageTokens.issue(key, ids, end) }
      : {}),
    incompleteSearch: false,
    ...(includesField(mask, 'files') ? { files } : {}),
  }
  sendJson(res, 200, mask === 'all' ? response : selectTopLevel(mask, response))
}

/** Applies the mask to the fields around the files, which are masked already. */
function selectTopLevel(mask: Exclude<Mask, 'all'>, response: Record<string, unknown>): unknown {
  return applyMask(new Map([...mask.keys()].map((name): [string, Mask] => [name, 'all'])), response)
}

function search(tree: Tree, caller: Caller, url: URL): Item[] {
  const { searchParams } = url
  const q = searchParams.get('q')?.trim() ?? ''
  const query = q === '' ? undefined : parseQuery(q)
  const orderBy = searchParams.get('orderBy')
  if (query && orderBy && isFullText(query)) {
    const message =
      'Sorting is not supported for queries with fullText terms. Results are always in descending relevance order.'
    throw new DriveError(403, 'forbidden', message)
  }
  const compare = orderBy ? readOrder(orderBy) : newestFirst
  const isInCorpora = corporaFilter(tree, caller, url)
  const matches = query ? createSearch(query, { tree, caller }) : () => true
  // The link of a folder suffices to list it, but not to find what is in it.
  const folders = query ? requiredParents(query) : []
  const matching: Item[] = []
  for (const item of tree.all()) {
    if (item.parent === undefined) continue // roots are not listed
    const isListed = isInCorpora(item) || folders.includes(item.parent)
    if (matches(item) && isListed && canReadMetadata(tree, caller, item)) matching.push(item)
  }
  return matching.toSorted(compare)
}

/** The ids that each result of the query has as its parent. */
function requiredParents(query: Query): string[] {
  if ('and' in query) return query.and.flatMap(requiredParents)
  const { name, value } = 'term' in query ? query.term : {}
  return name === 'parents' && typeof value === 'string' ? [value] : []
}

function newestFirst(a: Item, b: Item): number {
  return b.modifiedTime - a.modifiedTime
}

/** Selects the user's own and shared files, or those of shared drives. */
function corporaFilter(tree: Tree, caller: Caller, url: URL): ItemPredicate {
  const corpora = url.searchParams.get('corpora') || 'user'
  const driveId = url.searchParams.get('driveId')
  const includesDrives = readBoolean(url, 'includeItemsFromAllDrives')
  const supportsDrives = readBoolean(url, 'supportsAllDrives')
  const spaces = url.searchParams.get('spaces') || 'drive'
  if (!['user', 'domain', 'drive', 'allDrives'].includes(corpora)) throw invalidParameter('corpora')
  if (spaces !== 'drive') throw invalidParameter('spaces')
  if (includesDrives && !supportsDrives) {
    throw badRequest(
      'The supportsAllDrives parameter must be set to true if includeItemsFromAllDrives is.',
    )
  }
  if ((corpora === 'drive') !== Boolean(driveId)) {
    throw badRequest('The driveId parameter must be specified if and only if corpora is drive.')
  }
  if ((corpora === 'drive' || corpora === 'allDrives') && !includesDrives) {
    throw badRequest(`corpora ${corpora} requires includeItemsFromAllDrives and supportsAllDrives.`)
  }
  if (driveId) {
    const drive = tree.drives.get(driveId)
    if (!drive?.members.has(caller.sub)) {
      throw new DriveError(404, 'notFound', `Shared drive not found: ${driveId}`, {
        location: 'driveId',
      })
    }
    return (item) => item.driveId === driveId
  }
  return (item) => (item.driveId ? includesDrives : grantedRole(tree, caller.sub, item) !== null)
}
