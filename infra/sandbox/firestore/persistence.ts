/** Keeping documents across restarts: one JSON file, replaced as a whole. */
import { readFileSync } from 'node:fs'
import { mkdir, open, rename, rm } from 'node:fs/promises'
import { dirname } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'

export interface Keeper {
  /** Says that there is something new to keep. */
  changed(): void
  /** Waits until all of it is kept. */
  close(): Promise<void>
}

/** @returns `undefined` when there is no file yet */
export function readKept(file: string): unknown {
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
    throw new Error(`Cannot read ${file}: it is not JSON; delete it to start empty`, { cause })
  }
}

/**
 * Writes what `content` gives a moment after it changed: many changes make one write, and a reader
 * finds the old file or the new one, never half of either.
 */
export function createKeeper(file: string, content: () => unknown, delay = 50): Keeper {
  let dirty = false
  let writing: Promise<void> | undefined
  let closing = false

  async function writeAll(): Promise<void> {
    while (dirty) {
      if (!closing) await sleep(delay)
      dirty = false
      await replaceFile(file, JSON.stringify(content()))
    }
  }

  function start(): void {
    writing ??= writeAll()
      .catch((error: unknown) => console.error(`sandbox: cannot keep ${file}:`, error))
      .finally(() => {
        writing = undefined
        if (dirty) start() // changed after the last look
      })
  }

  async function untilWritten(): Promise<void> {
    if (!writing) return
    await writing
    await untilWritten()
  }

  return {
    changed() {
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
  const fresh = `${file}.${process.pid}.new`
  try {
    const handle = await open(fresh, 'w', 0o600)
    try {
      await handle.writeFile(text)
      await handle.sync()
    } finally {
      await handle.close()
    }
    await rename(fresh, file)
  } catch (error) {
    await rm(fresh, { force: true })
    throw error
  }
}
