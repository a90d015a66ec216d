/** Persistence in one JSON file, which is replaced as a whole. */
import { readFileSync } from 'node:fs'
import { mkdir, open, rename, rm } from 'node:fs/promises'
import { dirname } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'

export interface Persistence {
  /** Writes the current content after a delay. */
  scheduleWrite(): void
  /** Waits until every change is written. */
  close(): Promise<void>
}

/** @returns `undefined` when the file does not exist */
export function readJsonFile(file: string): unknown {
  let text: string
  try {
    text = readFileSync(file, 'utf8')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw error
  }
  try {
    return JSON.parse(text)
  } catch (cause) {
    throw new Error(`Cannot read ${file} as JSON. Delete the file to start empty.`, { cause })
  }
}

/**
 * Writes `content()` a short delay after a change, so that many changes cause one write. The file is
 * replaced atomically.
 *
 * @param delayMs before each write
 */
export function createPersistence(file: string, content: () => unknown, delayMs = 50): Persistence {
  let dirty = false
  let writing: Promise<void> | undefined
  let closing = false

  async function writeAll(): Promise<void> {
    while (dirty) {
      if (!closing) await sleep(delayMs)
      dirty = false
      await replaceFile(file, JSON.stringify(content()))
    }
  }

  function start(): void {
    writing ??= writeAll()
      .catch((error: unknown) => console.error(`sandbox: cannot write ${file}:`, error))
      .finally(() => {
        writing = undefined
        if (dirty) start() // changed after the last check
      })
  }

  async function untilWritten(): Promise<void> {
    if (!writing) return
    await writing
    await untilWritten()
  }

  return {
    scheduleWrite() {
      dirty = true
      start()
    },
    async close() {
      closing = true
      await untilWritten()
    },
  }
}

async function replaceFile(file: string, text: string): Promise<void> {
  await mkdir(dirname(file), { recursive: true, mode: 0o700 })
  const temporary = `${file}.${process.pid}.new`
  try {
    const handle = await open(temporary, 'w', 0o600)
    try {
      await handle.writeFile(text)
      await handle.sync()
    } finally {
      await handle.close()
    }
    await rename(temporary, file)
  } catch (error) {
    await rm(temporary, { force: true })
    throw error
  }
}
