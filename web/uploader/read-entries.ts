/** Reads dropped, pasted or picked files, each with the folders that contain it. */
import type { PickedFile } from './upload-item.ts'

/** Maximum files per drop; a larger selection is probably a mistake. */
export const maxFiles = 20_000

export interface DroppedFiles {
  readonly picked: readonly PickedFile[]
  /** Paths of empty folders, such as `Trip/Day 3`. */
  readonly emptyFolders: readonly string[]
  /** Whether the selection exceeds `maxFiles`; then the lists are empty. */
  readonly exceedsLimit: boolean
}

const limitExceeded: DroppedFiles = { picked: [], emptyFolders: [], exceedsLimit: true }

interface Entry {
  readonly path: string
  /** `null` for an empty folder. */
  readonly open: (() => Promise<File>) | null
}

/** Call it in the event handler, because the browser clears the DataTransfer afterwards. Ignores links. */
export async function readDataTransfer(transfer: DataTransfer): Promise<DroppedFiles> {
  const items = [...transfer.items].filter(({ kind }) => kind === 'file')
  const dropped = items.map((item) => ({ entry: item.webkitGetAsEntry(), file: item.getAsFile() }))
  const entries: Entry[] = []
  for (const { entry, file } of dropped) {
    if (entry?.isDirectory) await walkDirectory(entry as FileSystemDirectoryEntry, '', entries)
    else if (file) entries.push({ path: '', open: () => Promise.resolve(file) })
    if (entries.length > maxFiles) return limitExceeded
  }
  const picked: PickedFile[] = []
  for (const { path, open } of entries) if (open) picked.push({ file: await open(), path })
  const emptyFolders = entries.filter(({ open }) => open === null).map(({ path }) => path)
  return { picked, emptyFolders, exceedsLimit: false }
}

/** Reads the files of an input. A folder input reports each file's path, but no empty folders. */
export function readFileList(list: Iterable<File>): DroppedFiles {
  const picked = [...list].map((file) => ({
    file,
    path: file.webkitRelativePath.split('/').slice(0, -1).join('/'),
  }))
  return picked.length > maxFiles
    ? limitExceeded
    : { picked, emptyFolders: [], exceedsLimit: false }
}

async function walkDirectory(
  folder: FileSystemDirectoryEntry,
  parentPath: string,
  entries: Entry[],
): Promise<void> {
  const path = parentPath === '' ? folder.name : `${parentPath}/${folder.name}`
  const reader = folder.createReader()
  let isEmpty = true
  for (;;) {
    const batch = await readEntries(reader)
    if (batch.length === 0) break // a reader returns batches, and an empty one at the end
    isEmpty = false
    for (const entry of batch) {
      if (entries.length > maxFiles) return
      if (entry.isDirectory) await walkDirectory(entry as FileSystemDirectoryEntry, path, entries)
      else entries.push({ path, open: () => openFile(entry as FileSystemFileEntry) })
    }
  }
  if (isEmpty) entries.push({ path, open: null })
}

const readEntries = (reader: FileSystemDirectoryReader): Promise<FileSystemEntry[]> =>
  new Promise((resolve, reject) => reader.readEntries(resolve, reject))

const openFile = (entry: FileSystemFileEntry): Promise<File> =>
  new Promise((resolve, reject) => entry.file(resolve, reject))
