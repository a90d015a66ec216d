/** Everybody's files, folders and shared drives: the metadata, in memory. */
import { randomBytes } from 'node:crypto'
import type { Content } from './blobs.ts'

export const folderType = 'application/vnd.google-apps.folder'
export const shortcutType = 'application/vnd.google-apps.shortcut'

export interface Item {
  id: string
  name: string
  mimeType: string
  /** Roots have none. */
  parent: string | undefined
  /** The `sub` of whose it is; nobody's in a shared drive. */
  owner: string | undefined
  driveId: string | undefined
  /** Client ids of the applications that made it. */
  apps: Set<string>
  /** Who else may see it, and everything below it. */
  readers: Map<string, 'reader' | 'writer'>
  sharedWithMeTime: number | undefined
  /** Put into the trash itself, not with a folder above it. */
  trashed: boolean
  starred: boolean
  createdTime: number
  modifiedTime: number
  version: number
  headRevisionId: string | undefined
  properties: Record<string, string>
  /** By client id: no application sees another's. */
  appProperties: Map<string, Record<string, string>>
  content: Content | undefined
  /** What a Google Doc says, and what a full-text search finds in it. */
  text: string
  shortcutTo: string | undefined
  /** Other writable fields, kept as they were given. */
  fields: Record<string, unknown>
}

/** What an id was generated for. */
export type IdType = 'files' | 'shortcuts'

export interface SharedDrive {
  id: string
  name: string
  members: Set<string>
}

export interface Tree {
  drives: Map<string, SharedDrive>
  /** Email addresses by `sub`, as far as they have been seen. */
  emails: Map<string, string>
  root(sub: string): Item
  get(id: string): Item | undefined
  all(): Iterable<Item>
  parentOf(item: Item): Item | undefined
  children(id: string): Item[]
  isTrashed(item: Item): boolean
  add(item: Partial<Item> & Pick<Item, 'name' | 'mimeType' | 'parent' | 'owner'>): Item
  move(item: Item, parent: string): void
  /** Gives an item new bytes, and lets the ones before go. */
  replaceContent(item: Item, content: Content | undefined): void
  /** Removes an item for good, with everything below it, and lets its bytes go. */
  remove(item: Item): void
  /** Bytes that count against the person's quota. */
  usage(sub: string): number
  /** Ids that may be used for a new file, once. */
  generateIds(sub: string, count: number, type: IdType): string[]
  /** Whether the id was handed out to this person, for this type of file. */
  isGenerated(sub: string, id: string, type: IdType): boolean
}

export function createTree(now: () => number): Tree {
  const items = new Map<string, Item>()
  const below = new Map<string, Set<string>>()
  const roots = new Map<string, string>()
  const generated = new Map<string, { sub: string; type: IdType }>()
  const used = new Map<string, number>()

  const tree: Tree = {
    drives: new Map(),
    emails: new Map(),
    root(sub) {
      const known = items.get(roots.get(sub) ?? '')
      if (known) return known
      const id = `0A${randomBytes(11).toString('base64url')}PVA`
      roots.set(sub, id)
      return tree.add({ id, name: 'My Drive', mimeType: folderType, parent: undefined, owner: sub })
    },
    get: (id) => items.get(id),
    all: () => items.values(),
    parentOf: (item) => (item.parent === undefined ? undefined : items.get(item.parent)),
    children: (id) => [...(below.get(id) ?? [])].flatMap((child) => items.get(child) ?? []),
    isTrashed(item) {
      for (let at: Item | undefined = item; at; at = tree.parentOf(at)) if (at.trashed) return true
      return false
    },
    add(given) {
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
        headRevisionId: given.content ? newRevision() : undefined,
        properties: {},
        appProperties: new Map(),
        content: undefined,
        text: '',
        shortcutTo: undefined,
        fields: {},
        ...given,
      }
      items.set(item.id, item)
      if (item.parent !== undefined) childrenOf(item.parent).add(item.id)
      if (item.owner !== undefined) count(item.owner, item.content?.size ?? 0)
      return item
    },
    move(item, parent) {
      if (item.parent !== undefined) childrenOf(item.parent).delete(item.id)
      item.parent = parent
      childrenOf(parent).add(item.id)
    },
    replaceContent(item, content) {
      if (item.owner !== undefined) count(item.owner, -(item.content?.size ?? 0))
      item.content?.discard()
      item.content = content
      item.headRevisionId = content ? newRevision() : undefined
      if (item.owner !== undefined) count(item.owner, content?.size ?? 0)
    },
    remove(item) {
      for (const child of tree.children(item.id)) tree.remove(child)
      below.delete(item.id)
      if (item.parent !== undefined) childrenOf(item.parent).delete(item.id)
      items.delete(item.id)
      if (item.owner !== undefined) count(item.owner, -(item.content?.size ?? 0))
      item.content?.discard()
    },
    usage: (sub) => used.get(sub) ?? 0,
    generateIds(sub, wanted, type) {
      const ids = Array.from({ length: wanted }, newId)
      for (const id of ids) generated.set(id, { sub, type })
      return ids
    },
    isGenerated(sub, id, type) {
      const known = generated.get(id)
      return known?.sub === sub && known.type === type
    },
  }

  function childrenOf(id: string): Set<string> {
    let set = below.get(id)
    if (!set) below.set(id, (set = new Set()))
    return set
  }

  function count(sub: string, bytes: number): void {
    used.set(sub, (used.get(sub) ?? 0) + bytes)
  }

  return tree
}

/** When the file was opened last; NaN when nobody said. */
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
