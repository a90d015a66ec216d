/** What a person dropped, pasted or chose: files, each with the folders that it came in. */
import type { Picked } from './upload-item.ts'

/** Beyond this it is no folder that somebody meant to upload. */
export const mostFiles = 20_000

export interface Found {
  readonly picked: readonly Picked[]
  /** Paths of folders with nothing in them, such as `Trip/Day 3`. */
  readonly empty: readonly string[]
  /** Whether there is more than is taken, and nothing was. */
  readonly isTooMuch: boolean
}

const tooMuch: Found = { picked: [], empty: [], isTooMuch: true }

interface Leaf {
  readonly path: string
  /** `null` for an empty folder. */
  readonly open: (() => Promise<File>) | null
}

/** Call it in the event's handler: the browser shows a drop to nobody else. Links are no files. */
export async function filesIn(transfer: DataTransfer): Promise<Found> {
  const items = [...transfer.items].filter(({ kind }) => kind === 'file')
  const taken = items.map((item) => ({ entry: item.webkitGetAsEntry(), file: item.getAsFile() }))
  const leaves: Leaf[] = []
  for (const { entry, file } of taken) {
    if (entry?.isDirectory) await walk(entry as FileSystemDirectoryEntry, '', leaves)
    else if (file) leaves.push({ path: '', open: () => Promise.resolve(file) })
    if (leaves.length > mostFiles) return tooMuch
  }
  const picked: Picked[] = []
  for (const { path, open } of leaves) if (open) picked.push({ file: await open(), path })
  const empty = leaves.filter(({ open }) => open === null).map(({ path }) => path)
  return { picked, empty, isTooMuch: false }
}

/** Files of an input; one for folders says where in the folder each was, and of empty ones nothing. */
export function filesOf(list: Iterable<File>): Found {
  const picked = [...list].map((file) => ({
    file,
    path: file.webkitRelativePath.split('/').slice(0, -1).join('/'),
  }))
  return picked.length > mostFiles ? tooMuch : { picked, empty: [], isTooMuch: false }
}

async function walk(
  folder: FileSystemDirectoryEntry,
  above: string,
  leaves: Leaf[],
): Promise<void> {
  const path = above === '' ? folder.name : `${above}/${folder.name}`
  const reader = folder.createReader()
  let isEmpty = true
  for (;;) {
    const entries = await read(reader)
    if (entries.length === 0) break // a reader gives some at a time, and none when it is through
    isEmpty = false
    for (const entry of entries) {
      if (leaves.length > mostFiles) return
      if (entry.isDirectory) await walk(entry as FileSystemDirectoryEntry, path, leaves)
      else leaves.push({ path, open: () => open(entry as FileSystemFileEntry) })
    }
  }
  if (isEmpty) leaves.push({ path, open: null })
}

const read = (reader: FileSystemDirectoryReader): Promise<FileSystemEntry[]> =>
  new Promise((resolve, reject) => reader.readEntries(resolve, reject))

const open = (entry: FileSystemFileEntry): Promise<File> =>
  new Promise((resolve, reject) => entry.file(resolve, reject))
