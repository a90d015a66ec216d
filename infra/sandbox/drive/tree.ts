/** The metadata of all files, folders and shared drives, in memory. */
import { randomBytes } from 'node:crypto'
import type { Content } from './content-writer.ts'
import type { History } from './history.ts'
import { createHistory } from './history.ts'

export const folderType = 'application/vnd.google-apps.folder'
export const shortcutType = 'application/vnd.google-apps.shortcut'

export interface Item {
  id: string
  name: string
  mimeType: string
  /** Roots have none. */
  parent: string | undefined
  /** The owner's `sub`; undefined in a shared drive. */
  owner: string | undefined
  driveId: string | undefined
  /** Client ids of the applications that created it. */
  apps: Set<string>
  /** Other users, by `sub` or e-mail address, with access to the item and everything below it. */
  readers: Map<string, SharedRole>
  /** The access of everyone who has the link. */
  linkRole: SharedRole | undefined
  /** What a request needs in addition for access by the link, as for some old files. */
  resourceKey: string | undefined
  sharedWithMeTime: number | undefined
  /** Trashed explicitly, not with an ancestor. */
  trashed: boolean
  starred: boolean
  createdTime: number
  modifiedTime: number
  version: number
  headRevisionId: string | undefined
  /** Earlier contents, oldest first. */
  revisions: Revision[]
  properties: Record<string, string>
  /** By client id; private to each application. */
  appProperties: Map<string, Record<string, string>>
  content: Content | undefined
  /** The text of a Google Doc, and of a full-text search. */
  text: string
  shortcutTo: string | undefined
  /** Other writable fields, stored unchanged. */
  fields: Record<string, unknown>
  conditions: Set<Condition>
}

/**
 * What only Google decides about a file.
 *
 * - `flagged`: Google classifies the file as malware or spam
 * - `noChecksums`: Drive has no checksums of the content, as of some old files
 */
export type Condition = 'flagged' | 'noChecksums'

export type SharedRole = 'reader' | 'commenter' | 'writer'

export interface Revision {
  id: string
  content: Content
  name: string
  mimeType: string
  modifiedTime: number
}

/** The kind of file that an id was generated for. */
export type IdType = 'files' | 'shortcuts'

export interface SharedDrive {
  id: string
  name: string
  members: Set<string>
}

export interface Tree {
  /** Every change except the creation of roots and of seeded items. */
  history: History<Item>
  drives: Map<string, SharedDrive>
  /** E-mail addresses by `sub`, of the callers so far. */
  emails: Map<string, string>
  root(sub: string): Item
  get(id: string): Item | undefined
  all(): Iterable<Item>
  parentOf(item: Item): Item | undefined
  children(id: string): Item[]
  isTrashed(item: Item): boolean
  add(item: NewItem): Item
  /** Adds an item that counts as old, so that no list lags behind it. */
  seed(item: NewItem): Item
  /** Records the state of an item. Required before each change of its fields. */
  record(item: Item): void
  move(item: Item, parent: string): void
  /** Replaces the content of an item and keeps the previous one as a revision. */
  replaceContent(item: Item, content: Content | undefined): void
  /** Deletes an item with everything below it, and its content. */
  remove(item: Item): void
  /** The user's quota usage in bytes. */
  usage(sub: string): number
  /** Generates ids for new files; each is usable once. */
  generateIds(sub: string, count: number, type: IdType): string[]
  /** Whether the id was generated for this user and this type of file. */
  isGenerated(sub: string, id: string, type: IdType): boolean
}

type NewItem = Partial<Item> & Pick<Item, 'name' | 'mimeType' | 'parent' | 'owner'>

/** Google keeps this number of revisions. */
const maxRevisions = 100

export function createTree(now: () => number): Tree {
  const items = new Map<string, Item>()
  const childIds = new Map<string, Set<string>>()
  const roots = new Map<string, string>()
  const generated = new Map<string, { sub: string; type: IdType }>()
  const usageBytes = new Map<string, number>()

  const tree: Tree = {
    history: createHistory(now),
    drives: new Map(),
    emails: new Map(),
    root(sub) {
      const existing = items.get(roots.get(sub) ?? '')
      if (existing) return existing
      const id = `0A${randomBytes(11).toString('base64url')}PVA`
      roots.set(sub, id)
      return tree.seed({
        id,
        name: 'My Drive',
        mimeType: folderType,
        parent: undefined,
        owner: sub,
      })
    },
    get: (id) => items.get(id),
    all: () => items.values(),
    parentOf: (item) => (item.parent === undefined ? undefined : items.get(item.parent)),
    children: (id) => [...(childIds.get(id) ?? [])].flatMap((child) => items.get(child) ?? []),
    isTrashed: (item) => isBelowTrash(item, tree.parentOf),
    add(fields) {
      const item = tree.seed(fields)
      tree.history.record(item.id, undefined)
      return item
    },
    seed(fields) {
      const time = now()
      const item: Item = {
        id: newId(),
        driveId: undefined,
        apps: new Set(),
        readers: new Map(),
        linkRole: undefined,
        resourceKey: undefined,
        sharedWithMeTime: undefined,
        trashed: false,
        starred: false,
        createdTime: time,
        modifiedTime: time,
        version: 1,
        headRevisionId: fields.content ? newRevision() : undefined,
        revisions: [],
        properties: {},
        appProperties: new Map(),
        content: undefined,
        text: '',
        shortcutTo: undefined,
        fields: {},
        conditions: new Set(),
        ...fields,
      }
      items.set(item.id, item)
      if (item.parent !== undefined) childrenOf(item.parent).add(item.id)
      if (item.owner !== undefined) addUsage(item.owner, item.content?.size ?? 0)
      return item
    },
    record: (item) => tree.history.record(item.id, copyOf(item)),
    move(item, parent) {
      tree.record(item)
      if (item.parent !== undefined) childrenOf(item.parent).delete(item.id)
      item.parent = parent
      childrenOf(parent).add(item.id)
    },
    replaceContent(item, content) {
      tree.record(item)
      if (item.owner !== undefined) addUsage(item.owner, -(item.content?.size ?? 0))
      keepRevision(item)
      item.content = content
      item.conditions = new Set()
      item.headRevisionId = content ? newRevision() : undefined
      if (item.owner !== undefined) addUsage(item.owner, content?.size ?? 0)
    },
    remove(item) {
      tree.record(item)
      for (const child of tree.children(item.id)) tree.remove(child)
      childIds.delete(item.id)
      if (item.parent !== undefined) childrenOf(item.parent).delete(item.id)
      items.delete(item.id)
      if (item.owner !== undefined) addUsage(item.owner, -(item.content?.size ?? 0))
      item.content?.discard()
      for (const { content } of item.revisions) content.discard()
    },
    usage: (sub) => usageBytes.get(sub) ?? 0,
    generateIds(sub, number, type) {
      const ids = Array.from({ length: number }, newId)
      for (const id of ids) generated.set(id, { sub, type })
      return ids
    },
    isGenerated(sub, id, type) {
      const reservation = generated.get(id)
      return reservation?.sub === sub && reservation.type === type
    },
  }

  function childrenOf(id: string): Set<string> {
    let set = childIds.get(id)
    if (!set) childIds.set(id, (set = new Set()))
    return set
  }

  function addUsage(sub: string, bytes: number): void {
    usageBytes.set(sub, (usageBytes.get(sub) ?? 0) + bytes)
  }

  return tree
}

/** Whether an item, or a folder above it, was trashed. */
export function isBelowTrash(item: Item, parentOf: Tree['parentOf']): boolean {
  for (let current: Item | undefined = item; current; current = parentOf(current)) {
    if (current.trashed) return true
  }
  return false
}

/** Keeps the content of an item as a revision. */
function keepRevision(item: Item): void {
  const { headRevisionId: id, content, name, mimeType, modifiedTime } = item
  if (id === undefined || !content) return
  item.revisions.push({ id, content, name, mimeType, modifiedTime })
  if (item.revisions.length >= maxRevisions) item.revisions.shift()?.content.discard()
}

/** Copies an item with everything that changes in place. */
function copyOf(item: Item): Item {
  return {
    ...item,
    readers: new Map(item.readers),
    revisions: [...item.revisions],
    properties: { ...item.properties },
    appProperties: new Map([...item.appProperties].map(([app, map]) => [app, { ...map }])),
    fields: { ...item.fields },
  }
}

/** The time of the last view; NaN when it is not set. */
export function viewedTime({ fields }: Item): number {
  const time = fields['viewedByMeTime']
  return typeof time === 'string' ? Date.parse(time) : NaN
}

function newRevision(): string {
  return `0B${randomBytes(36).toString('base64url')}`
}

function newId(): string {
  return `1${randomBytes(24).toString('base64url')}`
}
