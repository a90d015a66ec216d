/**
 * Idempotency keys (`Idempotency-Key`): retries of an upload on any instance create at most one file
 * and get the same result.
 *
 * A record per key holds the reserved id of the file, the lease of the attempt in progress, and
 * finally the result. The attempt renews its lease; the next attempt takes over a released or expired
 * one, with the same id. The lease only keeps attempts from interfering with each other; Drive itself
 * guarantees a single file, as it accepts each id once.
 *
 * @see IETF draft "The Idempotency-Key HTTP Header Field"
 */
import { createHash, randomUUID } from 'node:crypto'
import { GatewayError } from '../../errors.ts'
import type { Versioned, VersionedStore } from '../../store/versioned-store.ts'
import type { DriveAccount } from '../client/account.ts'
import type { FileIdPool } from './file-id-pool.ts'

export interface IdempotencyRecord {
  /** Hash of the request's properties. */
  fingerprint: string
  /** Reserved id of the file. */
  fileId: string
  leaseOwner: string
  /** Milliseconds since 1970. */
  leaseExpiresAt: number
  /** As JSON; `null` until the upload is complete. */
  result: string | null
  /** State that an attempt left for the next one. A secret in it is sealed by the caller. */
  checkpoint?: string
}

export function isIdempotencyRecord(data: Record<string, unknown>): boolean {
  const { fingerprint, fileId, leaseOwner, leaseExpiresAt, result, checkpoint } = data
  return (
    [fingerprint, fileId, leaseOwner].every((value) => typeof value === 'string') &&
    typeof leaseExpiresAt === 'number' &&
    (result === null || typeof result === 'string') &&
    (checkpoint === undefined || typeof checkpoint === 'string')
  )
}

/** The lease of one attempt, until `complete`, `release` or `abandon`. */
export interface Lease {
  fileId: string
  /** Whether a previous attempt may have created the file. */
  isRetry: boolean
  /** State that the previous attempt left. */
  checkpoint: string | undefined
  /** Aborts when another attempt has taken over the lease, as it had expired. */
  leaseLost: AbortSignal
  /** Renews the lease. @returns whether this attempt still owns it */
  renew(): Promise<boolean>
  /** Stores the result that every further attempt gets. */
  complete(result: object): Promise<void>
  /** Releases the lease of an incomplete upload. The next attempt gets the checkpoint. */
  release(checkpoint: string): Promise<void>
  /**
   * Releases the lease of a failed upload.
   *
   * @param isCleanedUp whether the attempt left nothing, so that the next one starts afresh
   */
  abandon(isCleanedUp: boolean): Promise<void>
}

export interface IdempotencyStore {
  /**
   * @param fingerprint all properties that distinguish one upload from another
   * @returns the result that is stored for the key, or the lease of a new attempt
   * @throws {GatewayError} `idempotency_key_in_use`, `idempotency_key_reused`
   */
  begin(
    account: DriveAccount,
    key: string,
    fingerprint: readonly unknown[],
  ): Promise<{ result: unknown } | Lease>
}

export interface IdempotencyDeps {
  records: VersionedStore<IdempotencyRecord>
  fileIds: FileIdPool
  now?: () => number
  /** Duration of a lease that is not renewed, in milliseconds. */
  leaseMs?: number | undefined
}

const recordTtlMs = 24 * 60 * 60_000
const maxAttempts = 5

export function createIdempotencyStore(deps: IdempotencyDeps): IdempotencyStore {
  const { records, fileIds, now = Date.now, leaseMs = 60_000 } = deps

  const replace = (
    id: string,
    etag: unknown,
    value: IdempotencyRecord,
  ): Promise<Versioned<IdempotencyRecord> | undefined> =>
    records.replace(id, etag, value, now() + recordTtlMs)

  function createLease(id: string, own: Versioned<IdempotencyRecord>, isRetry: boolean): Lease {
    const losing = new AbortController()
    let current: Versioned<IdempotencyRecord> | undefined = own
    // Writes are sequential: each one names the version before it.
    let lastWrite: Promise<unknown> = Promise.resolve()
    const write = (change: Partial<IdempotencyRecord>): Promise<boolean> => {
      const written = lastWrite.then(async () => {
        if (!current) return false
        const value = { ...current.value, ...change }
        let next = await replace(id, current.etag, value)
        if (!next) {
          // An earlier write may have succeeded although its response was lost.
          const stored = await records.find(id)
          if (stored?.value.leaseOwner === value.leaseOwner) {
            next = await replace(id, stored.etag, value)
          }
        }
        current = next
        if (!current) losing.abort(keyInUse())
        return current !== undefined
      })
      lastWrite = written.catch(() => {})
      return written
    }
    const renew = (): Promise<boolean> => write({ leaseExpiresAt: now() + leaseMs })
    // A failed renewal is ignored: the store may be available again at the next one.
    const timer = setInterval(() => void renew().catch(() => {}), leaseMs / 3).unref()

    return {
      fileId: own.value.fileId,
      isRetry,
      checkpoint: own.value.checkpoint,
      leaseLost: losing.signal,
      renew,
      async complete(result) {
        clearInterval(timer)
        await write({ leaseExpiresAt: 0, result: JSON.stringify(result) })
      },
      async release(checkpoint) {
        clearInterval(timer)
        await write({ leaseExpiresAt: 0, checkpoint })
      },
      async abandon(isCleanedUp) {
        clearInterval(timer)
        if (!isCleanedUp) await write({ leaseExpiresAt: 0 })
        await lastWrite
        if (isCleanedUp && current) await records.remove(id, current.etag)
      },
    }
  }

  return {
    async begin(account, key, fingerprint) {
      const id = sha256([account.sub, key])
      const leaseOwner = randomUUID()
      const own: IdempotencyRecord = {
        fingerprint: sha256(fingerprint),
        fileId: await fileIds.take(account),
        leaseOwner,
        leaseExpiresAt: now() + leaseMs,
        result: null,
      }
      for (let attempt = 0; attempt < maxAttempts; attempt++) {
        const created = await records.create(id, own, now() + recordTtlMs)
        if (created) return createLease(id, created, false)
        const stored = await records.find(id)
        if (!stored) continue
        const { value, expiresAt, etag } = stored
        // This attempt's own record, whose creation succeeded although the response was lost.
        if (value.leaseOwner === leaseOwner) return createLease(id, stored, false)
        if (expiresAt <= now()) {
          const replaced = await replace(id, etag, own)
          if (replaced) return createLease(id, replaced, false)
          continue
        }
        if (value.fingerprint !== own.fingerprint) {
          throw new GatewayError('idempotency_key_reused', 'The key was used for another upload')
        }
        if (value.result !== null) return { result: JSON.parse(value.result) as unknown }
        if (value.leaseExpiresAt > now()) throw keyInUse()
        const { fileId, checkpoint } = value
        const next = { ...own, fileId, ...(checkpoint === undefined ? {} : { checkpoint }) }
        const takenOver = await replace(id, etag, next)
        if (takenOver) return createLease(id, takenOver, true)
      }
      throw keyInUse()
    },
  }
}

function keyInUse(): GatewayError {
  const message = 'Another request with this key is in progress'
  return new GatewayError('idempotency_key_in_use', message, { retryAfterSeconds: 5 })
}

function sha256(value: readonly unknown[]): string {
  return createHash('sha256').update(JSON.stringify(value)).digest('hex')
}
