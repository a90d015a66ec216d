/** changes.getStartPageToken and changes.list. A page token is the number of the next change. */
import type { Exchange } from '../router.ts'
import { sendJson } from '../router.ts'
import type { Caller } from './auth-context.ts'
import { canReadMetadata, grantedRole, requireScope } from './auth-context.ts'
import { invalidParameter } from './errors.ts'
import { applyMask, innerMask, maskOf, readMask } from './fields.ts'
import { defaultFields, fileJson } from './file-json.ts'
import type { HistoryEntry } from './history.ts'
import { readBoolean, readInteger, requireParameter } from './params.ts'
import { shapeOf } from './schema/index.ts'
import type { DriveContext } from './service.ts'
import type { Item, Tree } from './tree.ts'

const defaultChange = maskOf('kind', 'type', 'changeType', 'time', 'removed', 'fileId', [
  'file',
  defaultFields,
])
const defaultMask = maskOf('kind', 'nextPageToken', 'newStartPageToken', ['changes', defaultChange])

export function getStartPageToken(context: DriveContext, { req, res, url }: Exchange): void {
  requireScope(context.authenticate(req), 'drive.changes.getStartPageToken')
  const fields = url.searchParams.get('fields')
  const mask = fields ? readMask(fields, shapeOf('StartPageToken')) : 'all'
  const startPageToken = String(context.tree.history.next())
  sendJson(res, 200, applyMask(mask, { kind: 'drive#startPageToken', startPageToken }))
}

export async function listChanges(context: DriveContext, exchange: Exchange): Promise<void> {
  const { req, res, url } = exchange
  const { tree } = context
  const caller = context.authenticate(req)
  requireScope(caller, 'drive.changes.list')
  const size = readInteger(url, 'pageSize', { min: 1, max: 1000, default: 100, clamp: true })
  const fields = url.searchParams.get('fields')
  const mask = fields ? readMask(fields, shapeOf('ChangeList')) : defaultMask
  const changes = changesOf(tree, caller, url, readToken(tree, url))
  const page = changes.slice(0, size)
  const fileMask = innerMask(innerMask(mask, 'changes'), 'file')
  const json: Record<string, unknown>[] = []
  for (const { id, time, item } of page) {
    json.push({
      kind: 'drive#change',
      type: 'file',
      changeType: 'file',
      time: new Date(time).toISOString(),
      removed: item === undefined,
      fileId: id,
      ...(item ? { file: await fileJson({ tree, caller, item }, fileMask) } : {}),
    })
  }
  const last = page.at(-1)
  sendJson(
    res,
    200,
    applyMask(mask, {
      kind: 'drive#changeList',
      ...(last && page.length < changes.length
        ? { nextPageToken: String(last.sequence + 1) }
        : { newStartPageToken: String(tree.history.next()) }),
      changes: json,
    }),
  )
}

function readToken(tree: Tree, url: URL): number {
  const token = requireParameter(url, 'pageToken')
  const sequence = /^\d{1,15}$/.test(token) ? Number(token) : 0
  if (sequence < 1 || sequence > tree.history.next()) throw invalidParameter('pageToken')
  return sequence
}

interface Change extends HistoryEntry<Item> {
  /** Undefined when the user has no access any more. */
  item: Item | undefined
}

/** The last change of each item that the caller can or could see, oldest first. */
function changesOf(tree: Tree, caller: Caller, url: URL, sequence: number): Change[] {
  const includesRemoved = url.searchParams.get('includeRemoved') !== 'false'
  const includesDrives = readBoolean(url, 'includeItemsFromAllDrives')
  const isVisible = (item: Item | undefined): boolean =>
    item !== undefined &&
    canReadMetadata(tree, caller, item) &&
    (item.driveId ? includesDrives : grantedRole(tree, caller.sub, item) !== null)
  const entries = tree.history.since(sequence)
  if (!entries) throw invalidParameter('pageToken')
  const changes = new Map<string, Change>()
  const wasVisible = new Set<string>()
  for (const entry of entries) {
    const item = tree.get(entry.id)
    if (isVisible(entry.before)) wasVisible.add(entry.id)
    changes.delete(entry.id) // the last change of an item decides its position
    changes.set(entry.id, { ...entry, item: isVisible(item) ? item : undefined })
  }
  return [...changes.values()].filter(
    ({ id, item }) => item !== undefined || (includesRemoved && wasVisible.has(id)),
  )
}
