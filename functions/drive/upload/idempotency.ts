/**
 * Uploads that are tried again under a key of the caller's (`Idempotency-Key`): one file at most,
 * whichever instances the tries come to, and one answer.
 *
 * A record for each key holds the id that its file has or will have, who is at it, and in the end
 * the answer. Who is at it renews its hold; one that has been let go of may be taken up by the next
 * try, for the same id. The hold keeps tries from getting into each other's way; that there is one
 * file is Drive's doing, which takes an id once.
 *
 * @see IETF draft "The Idempotency-Key HTTP Header Field"
 */
import { createHash, randomUUID } from 'node:crypto'
import { GatewayError } from '../../errors.ts'
import type { DriveAccount } from '../client/account.ts'
import type { Ids } from './file-id-pool.ts'
import type { Records, Stored } from '../../store/versioned-store.ts'

export interface AttemptRecord {
  /** What was asked for under the key, hashed. */
  fingerprint: string
  /** Under which the file is, or will be. */
  fileId: string
  holder: string
  /** Milliseconds since 1970. */
  heldUntil: number
  /** The answer, as JSON. */
  outcome: string | null
  /** What a try has left for the next one, sealed by whoever wrote it. */
  note?: string
}

export function isAttemptRecord(data: Record<string, unknown>): boolean {
  const { fingerprint, fileId, holder, heldUntil, outcome, note } = data
  return (
    [fingerprint, fileId, holder].every((value) => typeof value === 'string') &&
    typeof heldUntil === 'number' &&
    (outcome === null || typeof outcome === 'string') &&
    (note === undefined || typeof note === 'string')
  )
}

/** One try, from its beginning to `finish`, `rest` or `giveUp`. */
export interface Attempt {
  fileId: string
  /** Whether a try before this one may have left the file. */
  isRepeated: boolean
  /** What the try before this one has left. */
  note: string | undefined
  /** Aborts when somebody else is at it, who must have thought this one dead. */
  lost: AbortSignal
  /** Asks anew whether this one is still the one that is at it. */
  isHeld(): Promise<boolean>
  /** The same answer for each try that follows. */
  finish(outcome: object): Promise<void>
  /** Lets go of what is not at its end; the next try finds the note. */
  rest(note: string): Promise<void>
  /** @param isCleared nothing is left, so that the next try begins as if there had been none */
  giveUp(isCleared: boolean): Promise<void>
}

export interface Attempts {
  /**
   * @param fingerprint all that makes one upload different from another
   * @returns the answer that the key has led to, or a try to be made
   * @throws {GatewayError} `idempotency_key_in_use`, `idempotency_key_reused`
   */
  begin(
    account: DriveAccount,
    key: string,
    fingerprint: readonly unknown[],
  ): Promise<{ outcome: unknown } | Attempt>
}

export interface AttemptsParts {
  records: Records<AttemptRecord>
  ids: Ids
  now?: () => number
  /** Milliseconds that a hold lasts unless it is renewed. */
  holdMs?: number
}

const keptMs = 24 * 60 * 60_000
const mostRounds = 5

export function createAttempts(parts: AttemptsParts): Attempts {
  const { records, ids, now = Date.now, holdMs = 60_000 } = parts

  function hold(id: string, mine: Stored<AttemptRecord>, isRepeated: boolean): Attempt {
    const losing = new AbortController()
    let current: Stored<AttemptRecord> | undefined = mine
    // One write after the other: each has to name the version before it.
    let last: Promise<unknown> = Promise.resolve()
    const write = (change: Partial<AttemptRecord>): Promise<boolean> => {
      const done = last.then(async () => {
        if (!current) return false
        const value = { ...current.value, ...change }
        const replace = (revision: unknown): Promise<Stored<AttemptRecord> | undefined> =>
          records.replace(id, revision, value, now() + keptMs)
        let next = await replace(current.revision)
        if (!next) {
          // Perhaps a write of ours was heard whose answer was lost.
          const there = await records.find(id)
          if (there?.value.holder === value.holder) next = await replace(there.revision)
        }
        current = next
        if (!current) losing.abort(inProgress())
        return current !== undefined
      })
      last = done.catch(() => {})
      return done
    }
    const renew = (): Promise<boolean> => write({ heldUntil: now() + holdMs })
    // A store that does not answer may answer the next time.
    const clock = setInterval(() => void renew().catch(() => {}), holdMs / 3).unref()

    return {
      fileId: mine.value.fileId,
      isRepeated,
      note: mine.value.note,
      lost: losing.signal,
      isHeld: renew,
      async finish(outcome) {
        clearInterval(clock)
        await write({ heldUntil: 0, outcome: JSON.stringify(outcome) })
      },
      async rest(note) {
        clearInterval(clock)
        await write({ heldUntil: 0, note })
      },
      async giveUp(isCleared) {
        clearInterval(clock)
        if (!isCleared) await write({ heldUntil: 0 })
        await last
        if (isCleared && current) await records.remove(id, current.revision)
      },
    }
  }

  return {
    async begin(account, key, fingerprint) {
      const id = sha256([account.sub, key])
      const holder = randomUUID()
      const mine: AttemptRecord = {
        fingerprint: sha256(fingerprint),
        fileId: await ids.take(account),
        holder,
        heldUntil: now() + holdMs,
        outcome: null,
      }
      for (let round = 0; round < mostRounds; round++) {
        const made = await records.create(id, mine, now() + keptMs)
        if (made) return hold(id, made, false)
        const there = await records.find(id)
        if (!there) continue
        const { value, expiresAt, revision } = there
        // Ours, where the answer to its making was lost.
        if (value.holder === holder) return hold(id, there, false)
        if (expiresAt <= now()) {
          const renewed = await records.replace(id, revision, mine, now() + keptMs)
          if (renewed) return hold(id, renewed, false)
          continue
        }
        if (value.fingerprint !== mine.fingerprint) {
          throw new GatewayError('idempotency_key_reused', 'The key was used for something else')
        }
        if (value.outcome !== null) return { outcome: JSON.parse(value.outcome) as unknown }
        if (value.heldUntil > now()) throw inProgress()
        const left = value.note === undefined ? {} : { note: value.note }
        const next = { ...mine, ...left, fileId: value.fileId }
        const taken = await records.replace(id, revision, next, now() + keptMs)
        if (taken) return hold(id, taken, true)
      }
      throw inProgress()
    },
  }
}

function inProgress(): GatewayError {
  const message = 'Another request with this key is under way'
  return new GatewayError('idempotency_key_in_use', message, { retryAfterSeconds: 5 })
}

function sha256(value: readonly unknown[]): string {
  return createHash('sha256').update(JSON.stringify(value)).digest('hex')
}
