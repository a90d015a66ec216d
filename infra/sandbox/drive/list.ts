/** files.list: whose files, which of them, in what order, a page at a time. */
import type { Exchange } from '../router.ts'
import { answerJson } from '../router.ts'
import type { Caller } from './auth-context.ts'
import { requireScope, roleOf, seesMetadata } from './auth-context.ts'
import { DriveError, badRequest, invalidParameter } from './errors.ts'
import type { Mask, Shape } from './fields.ts'
import { applyMask, readMask, wants, within } from './fields.ts'
import { defaultFields, fileJson, fileShape } from './file-json.ts'
import { readOrder } from './order.ts'
import type { Pages } from './page-tokens.ts'
import { bindingOf } from './page-tokens.ts'
import { flag, wholeNumber } from './params.ts'
import { parseQuery } from './query.ts'
import type { Matches } from './search.ts'
import { createSearch, isFullText } from './search.ts'
import type { Place } from './service.ts'
import type { Item } from './tree.ts'

const listShape: Shape = {
  kind: 'value',
  nextPageToken: 'value',
  incompleteSearch: 'value',
  files: fileShape,
}

const defaultMask: Mask = new Map<string, Mask>([
  ['kind', 'all'],
  ['nextPageToken', 'all'],
  ['incompleteSearch', 'all'],
  ['files', defaultFields],
])

export async function listFiles(place: Place, pages: Pages, exchange: Exchange): Promise<void> {
  const { req, res, url, fault } = exchange
  const { tree } = place
  const caller = place.authenticate(req)
  requireScope(caller, 'drive.files.list')
  const size = wholeNumber(url, 'pageSize', { least: 1, most: 1000, otherwise: 100, coerce: true })
  const fields = url.searchParams.get('fields')
  const mask = fields ? readMask(fields, listShape) : defaultMask
  const binding = bindingOf(caller.sub, caller.clientId, url)
  const token = url.searchParams.get('pageToken')
  const { ids, next } = token
    ? pages.find(binding, token)
    : { ids: search(place, caller, url).map((item) => item.id), next: 0 }

  const end = next + Math.min(size, fault?.pageItems ?? size)
  const files: Record<string, unknown>[] = []
  for (const id of ids.slice(next, end)) {
    const item = tree.get(id)
    if (!item || !seesMetadata(tree, caller, item)) continue // gone since the first page
    files.push(await fileJson({ tree, caller, item }, within(mask, 'files')))
  }
  const more = end < ids.length || fault?.pageItems !== undefined
  const answer = {
    kind: 'drive#fileList',
    ...(more && wants(mask, 'nextPageToken')
      ? { nextPageToken: pages.keep(binding, ids, end) }
      : {}),
    incompleteSearch: false,
    ...(wants(mask, 'files') ? { files } : {}),
  }
  answerJson(res, 200, mask === 'all' ? answer : keepTop(mask, answer))
}

/** The files are masked already; only the fields around them are left to choose. */
function keepTop(mask: Exclude<Mask, 'all'>, answer: Record<string, unknown>): unknown {
  return applyMask(new Map([...mask.keys()].map((name): [string, Mask] => [name, 'all'])), answer)
}

function search(place: Place, caller: Caller, url: URL): Item[] {
  const { tree } = place
  const { searchParams } = url
  const q = searchParams.get('q')?.trim() ?? ''
  const query = q === '' ? undefined : parseQuery(q)
  const orderBy = searchParams.get('orderBy')
  if (query && orderBy && isFullText(query)) {
    const message =
      'Sorting is not supported for queries with fullText terms. Results are always in descending relevance order.'
    throw new DriveError(400, 'badRequest', message, { location: 'orderBy' })
  }
  const compare = orderBy ? readOrder(orderBy) : (one: Item, other: Item) => newest(one, other)
  const isInCorpora = readCorpora(place, caller, url)
  const matches = query ? createSearch(query, { tree, caller }) : () => true
  const found: Item[] = []
  for (const item of tree.all()) {
    if (item.parent === undefined) continue // roots are not listed
    if (matches(item) && isInCorpora(item) && seesMetadata(tree, caller, item)) found.push(item)
  }
  return found.toSorted(compare)
}

function newest(one: Item, other: Item): number {
  return other.modifiedTime - one.modifiedTime
}

/** Which files a listing is about: the person's own and shared ones, or those of shared drives. */
function readCorpora({ tree }: Place, caller: Caller, url: URL): Matches {
  const corpora = url.searchParams.get('corpora') || 'user'
  const driveId = url.searchParams.get('driveId')
  const includesDrives = flag(url, 'includeItemsFromAllDrives')
  const supportsDrives = flag(url, 'supportsAllDrives')
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
    throw badRequest(`corpora ${corpora} needs includeItemsFromAllDrives and supportsAllDrives.`)
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
  return (item) => (item.driveId ? includesDrives : roleOf(tree, caller.sub, item) !== null)
}
