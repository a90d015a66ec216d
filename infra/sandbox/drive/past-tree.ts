/**
 * The tree as files.list sees it while its index lags behind. Reads by id are always current, as in
 * Drive.
 */
import type { Item, Tree } from './tree.ts'
import { isBelowTrash } from './tree.ts'

export function createPastTree(tree: Tree, time: number): Tree {
  const past = tree.history.changedSince(time)
  const parentOf = ({ parent = '' }: Item) =>
    past.has(parent) ? past.get(parent) : tree.get(parent)
  const all = (): Item[] => {
    const unchanged = [...tree.all()].filter((item) => !past.has(item.id))
    return [...unchanged, ...past.values()].filter((item) => item !== undefined)
  }
  return {
    ...tree,
    parentOf,
    all,
    children: (id) => all().filter((item) => item.parent === id),
    isTrashed: (item) => isBelowTrash(item, parentOf),
  }
}
