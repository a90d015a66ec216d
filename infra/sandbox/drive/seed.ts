/** Seeds a Drive with files, for tests and for sample data. */
import { createContentWriter } from './content-writer.ts'
import type { BlobStore } from './blob-store.ts'
import type { Condition, Item, Tree } from './tree.ts'
import { folderType, shortcutType } from './tree.ts'

interface SeedBase {
  name: string
  /** Client id of the application that created it; default none. */
  createdBy?: string
  trashed?: boolean
  starred?: boolean
  /** RFC 3339. */
  modifiedTime?: string
  description?: string
  conditions?: Condition[]
}

/** A folder with its children, a file, a Google Doc, or a shortcut to a path of the same tree. */
export type Seed = SeedBase &
  (
    | { folder: Seed[] }
    | { content: string | Uint8Array; mimeType?: string }
    | { document: string; mimeType?: string }
    | { shortcutTo: string }
  )

/** The sample files of each user. */
export const sampleTree: Seed[] = [
  {
    name: 'Projects',
    folder: [
      { name: 'Plan', document: 'Ship the first version.\nThen the second.' },
      { name: 'notes.txt', content: 'Every byte counts.\n', mimeType: 'text/plain' },
      { name: 'Archive', folder: [] },
    ],
  },
  { name: 'Photos', folder: [] },
  {
    name: 'Budget',
    document: 'item,cost\nhosting,0\n',
    mimeType: 'application/vnd.google-apps.spreadsheet',
  },
  { name: 'hello.txt', content: 'Hello from My Drive\n', mimeType: 'text/plain' },
  { name: 'The plan', shortcutTo: 'Projects/Plan' },
  { name: 'old.txt', content: 'gone soon\n', mimeType: 'text/plain', trashed: true },
]

/** The sample files of a shared drive. */
export const sampleSharedTree: Seed[] = [
  { name: 'Handbook', document: 'Welcome to the team.' },
  { name: 'Brand', folder: [{ name: 'logo.svg', content: '<svg/>', mimeType: 'image/svg+xml' }] },
]

/**
 * Adds files below a folder. They count as old.
 *
 * @returns ids by path, such as `Projects/Plan`
 */
export async function seedTree(
  tree: Tree,
  blobStore: BlobStore,
  parent: Item,
  seeds: Seed[],
): Promise<Record<string, string>> {
  const ids: Record<string, string> = {}
  const shortcuts: { item: Item; target: string }[] = []

  const add = async (folder: Item, seed: Seed, path: string): Promise<void> => {
    const item = tree.seed({
      name: seed.name,
      parent: folder.id,
      owner: folder.owner,
      driveId: folder.driveId,
      ...(await body(blobStore, seed)),
      apps: new Set(seed.createdBy === undefined ? [] : [seed.createdBy]),
      trashed: seed.trashed ?? false,
      starred: seed.starred ?? false,
      ...(seed.modifiedTime ? { modifiedTime: Date.parse(seed.modifiedTime) } : {}),
      fields: seed.description === undefined ? {} : { description: seed.description },
      conditions: new Set(seed.conditions ?? []),
    })
    ids[path] = item.id
    if ('shortcutTo' in seed) shortcuts.push({ item, target: seed.shortcutTo })
    if ('folder' in seed)
      for (const child of seed.folder) await add(item, child, `${path}/${child.name}`)
  }

  for (const seed of seeds) await add(parent, seed, seed.name)
  for (const { item, target } of shortcuts) item.shortcutTo = ids[target] ?? target
  return ids
}

async function body(
  blobStore: BlobStore,
  seed: Seed,
): Promise<Pick<Item, 'mimeType' | 'text' | 'content'>> {
  const content = undefined
  if ('folder' in seed) return { mimeType: folderType, text: '', content }
  if ('shortcutTo' in seed) return { mimeType: shortcutType, text: '', content }
  if ('document' in seed) {
    const mimeType = seed.mimeType ?? 'application/vnd.google-apps.document'
    return { mimeType, text: seed.document, content }
  }
  const bytes = Buffer.from(seed.content as Uint8Array)
  const writer = createContentWriter(blobStore.open())
  await writer.write(bytes)
  await writer.commit()
  const mimeType = seed.mimeType ?? 'application/octet-stream'
  const text = mimeType.startsWith('text/') ? bytes.toString('utf8') : ''
  return { mimeType, text, content: await writer.finish() }
}
