/** The metadata of all files, folders and shared drives, in memory. */
import { randomBytes } from 'node:crypto'
import type { Content } from './content-writer.ts'

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
  /** Other users with access to the item and everything below it. */
  readers: Map<string, 'reader' | 'writer'>
  sharedWithMeTime: number | undefined
  /** Trashed explicitly, not with an ancestor. */
  trashed: boolean
  starred: boolean
  createdTime: number
  modifiedTime: number
  version: number
  headRevisionId: string | undefined
  properties: Record<string, string>
  /** By client id; private to each application. */
  appProperties: Map<string, Record<string, string>>
  content: Content | undefined
  /** The text of a Google Doc, and of a full-text search. */
  text: string
  shortcutTo: string | undefined
  /** Other writable fields, stored unchanged. */
  fields: Record<string, unknown>
}

/** The kind of file that an id was generated for. */
export type IdType = 'files' | 'shortcuts'

export interface SharedDrive {
  id: string
  name: string
  members: Set<string>
}

export interface Tree {
  drives: Map<string, SharedDrive>
  /** E-mail addresses by `sub`, of the callers so far. */
  emails: Map<string, string>
  root(sub: string): Item
  get(id: string): Item | undefined
  all(): Iterable<Item>
  parentOf(item: Item): Item | undefined
  children(id: string): Item[]
  isTrashed(item: Item): boolean
  add(item: Partial<Item> & Pick<Item, 'name' | 'mimeType' | 'parent' | 'owner'>): Item
  move(item: Item, parent: string): void
  /** Replaces the content of an item and deletes the previous one. */
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

export function createTree(now: () => number): Tree {
  const items = new Map<string, Item>()
  const childIds = new Map<string, Set<string>>()
  const roots = new Map<string, string>()
  const generated = new Map<string, { sub: string; type: IdType }>()
  const usageBytes = new Map<string, number>()

  const tree: Tree = {
    drives: new Map(),
    emails: new Map(),
    root(sub) {
      const existing = items.get(roots.get(sub) ?? '')
      if (existing) return existing
      const id = `0A${randomBytes(11).toString('base64url')}PVA`
      roots.set(sub, id)
      return tree.add({ id, name: 'My Drive', mimeType: folderType, parent: undefined, owner: sub })
    },
    get: (id) => items.get(id),
    all: () => items.values(),
    parentOf: (item) => (item.parent === undefined ? undefined : items.get(item.parent)),
    children: (id) => [...(childIds.get(id) ?? [])].flatMap((child) => items.get(child) ?? []),
    isTrashed(item) {
      for (let current: Item | undefined = item; current; current = tree.parentOf(current)) {
        if (current.trashed) return true
      }
      return false
    },
    add(fields) {
      const time = now()
      const item: Item = {
        id: newId(),
        driveId: undefined,
        apps: new Set(),
        readers: new Map(),
        sharedWithMeTime: undefined,
        trashed: false,
        starred: false,
        createdTime: time,
        modifiedTime: time,
        version: 1,
        headRevisionId: fields.content ? newRevision() : undefined,
        properties: {},
        appProperties: new Map(),
        content: undefined,
        text: '',
        shortcutTo: undefined,
        fields: {},
        ...fields,
      }
      items.set(item.id, item)
      if (item.parent !== undefined) childrenOf(item.parent).add(item.id)
      if (item.owner !== undefined) addUsage(item.owner, item.content?.size ?? 0)
      return item
    },
    move(item, parent) {
      if (item.parent !== undefined) childrenOf(item.parent).delete(item.id)
      item.parent = parent
      childrenOf(parent).add(item.id)
    },
    replaceContent(item, content) {
      if (item.owner !== undefined) addUsage(item.owner, -(item.content?.size ?? 0))
      item.content?.discard()
      item.content = content
      item.headRevisionId = content ? newRevision() : undefined
      if (item.owner !== undefined) addUsage(item.owner, content?.size ?? 0)
    },
    remove(item) {
      for (const child of tree.children(item.id)) tree.remove(child)
      childIds.delete(item.id)
      if (item.parent !== undefined) childrenOf(item.parent).delete(item.id)
      items.delete(item.id)
      if (item.owner !== undefined) addUsage(item.owner, -(item.content?.size ?? 0))
      item.content?.discard()
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
