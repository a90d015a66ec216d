/**
 * Whether something is inside a folder, at whatever depth: asked of its parents, one by one.
 *
 * What is asked about is looked up each time, so that a file that has been moved out is out at once.
 * The folders above it are remembered for half a minute: a folder that has been moved out takes
 * that long. Shortcuts lead nowhere: one is where it lies, and what it points to is where that lies.
 */
import { keepRecent } from '../../lib/lru.ts'
import type { DriveAccount } from '../client/account.ts'
import { findItem } from './folders.ts'
import { createLine } from '../client/drive-client.ts'
import type { Line, LineParts } from '../client/drive-client.ts'

export interface Confines {
  /** Whether an item is the folder itself or somewhere below it; what is not there is not. */
  holds(account: DriveAccount, folder: string, id: string, signal: AbortSignal): Promise<boolean>
}

const heldMs = 30_000
const mostHeld = 10_000
/** Drive nests folders less deep. */
const mostLevels = 100

export function createConfines(parts: LineParts, now: () => number = Date.now): Confines {
  /** Parents of folders, by account and id; oldest first. */
  const held = new Map<string, { parent: string | undefined; until: number }>()

  async function parentOf(
    line: Line,
    { sub }: DriveAccount,
    id: string,
  ): Promise<string | undefined> {
    const key = `${sub} ${id}`
    const known = held.get(key)
    const left = known ? known.until - now() : 0
    if (known && left > 0 && left <= heldMs) return known.parent
    const parent = (await findItem(line, id))?.parent
    keepRecent(held, key, { parent, until: now() + heldMs }, mostHeld)
    return parent
  }

  return {
    async holds(account, folder, id, signal) {
      if (id === folder) return true
      const line = createLine(parts, account, signal)
      const item = await findItem(line, id)
      let above = item?.id === folder ? folder : item?.parent // `root` has an id of its own
      for (let level = 0; level < mostLevels && above !== undefined; level++) {
        if (above === folder) return true
        above = await parentOf(line, account, above)
      }
      return false
    },
  }
}
