/** Files out of what a person dropped, pasted or chose, each with the folders that it came in. */
import type { Picked } from './items.ts'

/** Beyond this it is no folder that somebody meant to drop. */
const mostFiles = 20_000

/**
 * Call it in the event's handler: the browser shows a drop to nobody else. Links and empty folders
 * are no files.
 */
export async function filesIn(transfer: DataTransfer): Promise<Picked[]> {
  const items = [...transfer.items].filter(({ kind }) => kind === 'file')
  const taken = items.map((item) => ({ entry: item.webkitGetAsEntry(), file: item.getAsFile() }))
  const found: Picked[] = []
  for (const { entry, file } of taken) {
    if (entry?.isDirectory) await walk(entry as FileSystemDirectoryEntry, '', found)
    else if (file) found.push({ file, path: '' })
  }
  return found
}

/** Files of an input; one for folders says where in the folder each was. */
export function filesOf(list: Iterable<File>): Picked[] {
  return [...list].map((file) => ({
    file,
    path: file.webkitRelativePath.split('/').slice(0, -1).join('/'),
  }))
}

async function walk(
  folder: FileSystemDirectoryEntry,
  above: string,
  found: Picked[],
): Promise<void> {
  const path = above === '' ? folder.name : `${above}/${folder.name}`
  const reader = folder.createReader()
  for (;;) {
    const entries = await read(reader)
    if (entries.length === 0) return // a reader gives some at a time, and none when it is through
    for (const entry of entries) {
      if (found.length >= mostFiles) return
      if (entry.isDirectory) await walk(entry as FileSystemDirectoryEntry, path, found)
      else found.push({ file: await open(entry as FileSystemFileEntry), path })
    }
  }
}

const read = (reader: FileSystemDirectoryReader): Promise<FileSystemEntry[]> =>
  new Promise((resolve, reject) => reader.readEntries(resolve, reject))

const open = (entry: FileSystemFileEntry): Promise<File> =>
  new Promise((resolve, reject) => entry.file(resolve, reject))
