/** `orderBy`: `folder,modifiedTime desc,name`. */
import { invalidParameter } from './errors.ts'
import type { Item } from './tree.ts'
import { folderType, viewedTime } from './tree.ts'

type Compare = (one: Item, other: Item) => number

const plain = new Intl.Collator('en', { sensitivity: 'base' })
const natural = new Intl.Collator('en', { sensitivity: 'base', numeric: true })

const keys: Record<string, Compare> = {
  createdTime: (one, other) => one.createdTime - other.createdTime,
  folder: (one, other) => Number(isFolder(other)) - Number(isFolder(one)),
  modifiedByMeTime: (one, other) => one.modifiedTime - other.modifiedTime,
  modifiedTime: (one, other) => one.modifiedTime - other.modifiedTime,
  name: (one, other) => plain.compare(one.name, other.name),
  name_natural: (one, other) => natural.compare(one.name, other.name),
  quotaBytesUsed: (one, other) => (one.content?.size ?? 0) - (other.content?.size ?? 0),
  recency: (one, other) => one.modifiedTime - other.modifiedTime,
  sharedWithMeTime: (one, other) => (one.sharedWithMeTime ?? 0) - (other.sharedWithMeTime ?? 0),
  starred: (one, other) => Number(other.starred) - Number(one.starred),
  viewedByMeTime: (one, other) => (viewedTime(one) || 0) - (viewedTime(other) || 0),
}

/** @throws 400 for a key that Drive does not sort by */
export function readOrder(orderBy: string): Compare {
  const compares = orderBy.split(',').map((part): Compare => {
    const [name = '', direction, ...more] = part.trim().split(/ +/)
    const compare = Object.hasOwn(keys, name) ? keys[name] : undefined
    if (!compare || more.length > 0) throw invalidParameter('orderBy')
    if (direction === undefined) return compare
    if (direction !== 'desc') throw invalidParameter('orderBy')
    return (one, other) => -compare(one, other)
  })
  return (one, other) => {
    for (const compare of compares) {
      const result = compare(one, other)
      if (result !== 0) return result
    }
    return 0
  }
}

function isFolder(item: Item): boolean {
  return item.mimeType === folderType
}
