/** `orderBy`: `folder,modifiedTime desc,name asc`. */
import { invalidParameter } from './errors.ts'
import type { Item } from './tree.ts'
import { folderType, viewedTime } from './tree.ts'

type Compare = (a: Item, b: Item) => number

const plain = new Intl.Collator('en', { sensitivity: 'base' })
const natural = new Intl.Collator('en', { sensitivity: 'base', numeric: true })

const comparators: Record<string, Compare> = {
  createdTime: (a, b) => a.createdTime - b.createdTime,
  folder: (a, b) => Number(isFolder(b)) - Number(isFolder(a)),
  modifiedByMeTime: (a, b) => a.modifiedTime - b.modifiedTime,
  modifiedTime: (a, b) => a.modifiedTime - b.modifiedTime,
  name: (a, b) => plain.compare(a.name, b.name),
  name_natural: (a, b) => natural.compare(a.name, b.name),
  quotaBytesUsed: (a, b) => (a.content?.size ?? 0) - (b.content?.size ?? 0),
  recency: (a, b) => a.modifiedTime - b.modifiedTime,
  sharedWithMeTime: (a, b) => (a.sharedWithMeTime ?? 0) - (b.sharedWithMeTime ?? 0),
  starred: (a, b) => Number(b.starred) - Number(a.starred),
  viewedByMeTime: (a, b) => (viewedTime(a) || 0) - (viewedTime(b) || 0),
}

/** @throws 400 for an unsupported sort key */
export function readOrder(orderBy: string): Compare {
  const order = orderBy.split(',').map((part): Compare => {
    const [name = '', direction, ...more] = part.trim().split(/ +/)
    const compare = Object.hasOwn(comparators, name) ? comparators[name] : undefined
    if (!compare || more.length > 0) throw invalidParameter('orderBy')
    if (direction === undefined || direction === 'asc') return compare
    if (direction !== 'desc') throw invalidParameter('orderBy')
    return (a, b) => -compare(a, b)
  })
  return (a, b) => {
    for (const compare of order) {
      const result = compare(a, b)
      if (result !== 0) return result
    }
    return 0
  }
}

function isFolder(item: Item): boolean {
  return item.mimeType === folderType
}
