/** Uploads in the order in which they were added, a few at a time. Knows nothing of the page. */
import { createMeter } from './meter.ts'
import { Problem, asProblem } from './problem.ts'
import type { Send } from './send.ts'
import { strings } from './strings.ts'
import type { Trail } from './trail.ts'
import { folderOf } from './trail.ts'
import type { DriveFile } from './wire.ts'

export type State =
  | { readonly is: 'waiting' }
  | { readonly is: 'sending'; readonly sent: number; readonly rate: number }
  | { readonly is: 'checking' }
  | { readonly is: 'stored'; readonly stored: DriveFile }
  | { readonly is: 'failed'; readonly problem: Problem; readonly final: boolean }
  | { readonly is: 'cancelled'; readonly late: boolean }

export interface Upload {
  readonly file: File
  readonly trail: Trail
  state: State
}

export const createUpload = (file: File, trail: Trail): Upload => ({
  file,
  trail,
  state: { is: 'waiting' },
})

export interface QueueOptions {
  readonly send: Send
  readonly atOnce: number
  /** @returns why a file cannot be sent at all, or `null` */
  readonly refusal: (file: File) => Problem | null
  readonly changed: (upload: Upload) => void
}

export type Queue = ReturnType<typeof createQueue>

export function createQueue({ send, atOnce, refusal, changed }: QueueOptions) {
  const waiting: Upload[] = []
  const running = new Map<Upload, AbortController>()
  let paused = false

  function become(upload: Upload, state: State): void {
    upload.state = state
    changed(upload)
  }

  function advance(): void {
    if (paused) return
    while (running.size < atOnce) {
      const upload = waiting.shift()
      if (upload === undefined) return
      void run(upload)
    }
  }

  async function run(upload: Upload): Promise<void> {
    const abort = new AbortController()
    const meter = createMeter()
    running.set(upload, abort)
    become(upload, { is: 'sending', sent: 0, rate: 0 })
    const watch = {
      sent: (sent: number) => become(upload, { is: 'sending', sent, rate: meter.rate(sent) }),
      checking: () => become(upload, { is: 'checking' }),
    }
    let outcome: State
    try {
      const folder = folderOf(upload.trail)?.id ?? null
      outcome = { is: 'stored', stored: await send(upload.file, folder, watch, abort.signal) }
    } catch (thrown) {
      outcome = abort.signal.aborted
        ? { is: 'cancelled', late: upload.state.is === 'checking' }
        : { is: 'failed', problem: asProblem(thrown), final: false }
    }
    running.delete(upload)
    become(upload, outcome)
    advance()
  }

  return {
    /** Takes an upload in, or in again after it failed or was cancelled. */
    add(upload: Upload): void {
      const problem = refusal(upload.file)
      if (problem !== null) return become(upload, { is: 'failed', problem, final: true })
      waiting.push(upload)
      become(upload, { is: 'waiting' })
      advance()
    },
    cancel(upload: Upload): void {
      const at = waiting.indexOf(upload)
      if (at >= 0) {
        waiting.splice(at, 1)
        become(upload, { is: 'cancelled', late: false })
      }
      running.get(upload)?.abort()
    },
    /** While paused nothing new starts; what runs goes on. */
    pause(on: boolean): void {
      paused = on
      waiting.forEach(changed)
      advance()
    },
    get paused(): boolean {
      return paused
    },
    get busy(): boolean {
      return running.size + waiting.length > 0
    },
  }
}

/** For files that are known to be too large before a byte is sent. */
export function tooLarge(size: string, limit: string): Problem {
  return new Problem({ code: 'too_large', title: strings.tooLarge(size, limit) })
}
