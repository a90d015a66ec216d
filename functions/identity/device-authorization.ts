/**
 * Device authorization: a terminal shows a short user code, a signed-in user approves it on a page,
 * and the terminal, which polls, receives a token.
 *
 * One document per user code, found by the code's hash, holds the whole state. Every step is one
 * conditional write, so a code is decided once and yields one token. The device code contains the
 * user code, to find the document, and 256 random bits, of which the document has a hash.
 *
 * @see RFC 8628
 */
import { createHash, randomBytes } from 'node:crypto'
import { GatewayError } from '../errors.ts'
import { isEqualTimingSafe } from '../lib/timing-safe-equal.ts'
import type { Versioned, VersionedStore } from '../store/versioned-store.ts'
import type { GrantBound } from './grant-generations.ts'
import { scopes } from './principal.ts'
import type { Limits, Principal, Scope } from './principal.ts'
import type { FixedWindowLimiter } from './fixed-window-limiter.ts'
import { generateUserCode, parseUserCode } from './user-code.ts'

/** A terminal's request. */
export interface DeviceRequest {
  /** The name that the terminal gives itself; unverified. */
  clientName: string | null
  scopes: readonly Scope[]
  /** IP address of the terminal. */
  address: string
  userAgent: string
}

/** The account that approved a request, and its restrictions. */
export interface DeviceApproval extends GrantBound {
  folder: NonNullable<Principal['folder']> | null
  limits: Limits | null
  lifetimeMs: number
}

export interface DeviceRecord extends DeviceRequest {
  /** SHA-256 of the device code. */
  deviceCodeHash: string
  state: 'pending' | 'approved' | 'denied' | 'used'
  approval: DeviceApproval | null
  /** Milliseconds since 1970. */
  createdAt: number
  polledAt: number
  /** Minimum time between two polls, in milliseconds. */
  intervalMs: number
}

export interface DeviceCodes {
  deviceCode: string
  /** Eight letters. */
  userCode: string
}

/** A request that is not approved or denied yet. */
export interface PendingDeviceRequest extends DeviceRequest {
  createdAt: number
  expiresAt: number
}

export interface DeviceAuthorizations {
  /**
   * Creates a request and its codes.
   *
   * @param network the rate limit applies per network
   * @throws {GatewayError} `rate_limited`
   */
  start(request: DeviceRequest, network: string): Promise<DeviceCodes>
  /**
   * Finds the pending request of a user code.
   *
   * @param userCode as typed by the user
   * @param account the rate limit applies per account, against guessing
   * @throws {GatewayError} `device_code_unknown`, `device_code_decided`, `rate_limited`
   */
  find(userCode: string, account: string): Promise<PendingDeviceRequest>
  /**
   * Approves the request or, without an approval, denies it. The first decision is final.
   *
   * @throws {GatewayError} as `find` throws
   */
  decide(
    userCode: string,
    account: string,
    approval: DeviceApproval | undefined,
  ): Promise<DeviceRequest>
  /**
   * Handles a poll of the terminal.
   *
   * @param issue creates the token; called once per code, and again only after it failed
   * @throws {GatewayError} `authorization_pending`, `slow_down`, `expired_token`, `device_denied`,
   *   `invalid_grant`
   */
  redeem<T>(
    deviceCode: string,
    issue: (approval: DeviceApproval, request: DeviceRequest) => Promise<T>,
  ): Promise<T>
  /** Removes the requests that an account has approved. */
  removeAll(sub: string): Promise<void>
}

export interface DeviceAuthorizationDeps {
  records: VersionedStore<DeviceRecord>
  /** Limits new requests per network. */
  startLimiter: FixedWindowLimiter
  /** Limits tried user codes per account. */
  attemptLimiter: FixedWindowLimiter
  now?: () => number
}

export const deviceCodeTtlMs = 10 * 60_000
export const pollIntervalMs = 5_000
/** A poll may be early by this much, since network latency varies. */
const pollToleranceMs = 500
const maxPollIntervalMs = 60_000
const maxAttempts = 8

export function createDeviceAuthorizations({
  records,
  startLimiter,
  attemptLimiter,
  now = Date.now,
}: DeviceAuthorizationDeps): DeviceAuthorizations {
  async function findPending(
    userCode: string,
    account: string,
  ): Promise<{ id: string; stored: Versioned<DeviceRecord> }> {
    await enforce(attemptLimiter, account, 'The account has tried too many user codes')
    const code = parseUserCode(userCode)
    const id = code === undefined ? undefined : idOf(code)
    const stored = id === undefined ? undefined : await records.find(id)
    if (id === undefined || !stored || stored.expiresAt <= now() || stored.value.state === 'used') {
      throw new GatewayError('device_code_unknown', 'No request has this user code')
    }
    if (stored.value.state !== 'pending') throw alreadyDecided()
    return { id, stored }
  }

  return {
    async start(request, network) {
      await enforce(startLimiter, network, 'The network has requested too many codes')
      for (let attempt = 0; attempt < maxAttempts; attempt++) {
        const userCode = generateUserCode()
        const deviceCode = `dwd_${userCode}${randomBytes(32).toString('base64url')}`
        const record: DeviceRecord = {
          ...request,
          deviceCodeHash: hashOf(deviceCode),
          state: 'pending',
          approval: null,
          createdAt: now(),
          polledAt: 0,
          intervalMs: pollIntervalMs,
        }
        const created = await records.create(idOf(userCode), record, now() + deviceCodeTtlMs)
        if (created) return { deviceCode, userCode }
      }
      throw new GatewayError('store_unavailable', 'Every generated user code exists already')
    },

    async find(userCode, account) {
      const { stored } = await findPending(userCode, account)
      return { ...stored.value, expiresAt: stored.expiresAt }
    },

    async decide(userCode, account, approval) {
      const { id, stored } = await findPending(userCode, account)
      let current: Versioned<DeviceRecord> | undefined = stored
      for (let attempt = 0; current && attempt < maxAttempts; attempt++) {
        const { value, expiresAt } = current
        if (value.deviceCodeHash !== stored.value.deviceCodeHash || value.state !== 'pending') {
          throw alreadyDecided()
        }
        const state = approval ? 'approved' : 'denied'
        const next: DeviceRecord = { ...value, state, approval: approval ?? null }
        if (await records.replace(id, current.etag, next, expiresAt)) return value
        current = await records.find(id) // changed by a poll or by another decision
      }
      throw new GatewayError('store_unavailable', 'The request kept changing')
    },

    async redeem(deviceCode, issue) {
      const [, userCode] = /^dwd_([A-Z]{8})[\w-]{43}$/.exec(deviceCode) ?? []
      if (userCode === undefined) throw invalidDeviceCode('it is malformed')
      const id = idOf(userCode)
      for (let attempt = 0; attempt < maxAttempts; attempt++) {
        const stored = await records.find(id)
        if (!stored || !isEqualTimingSafe(stored.value.deviceCodeHash, hashOf(deviceCode))) {
          throw invalidDeviceCode('it is unknown')
        }
        const { value, expiresAt } = stored
        if (value.state === 'used') throw invalidDeviceCode('it is already used')
        if (expiresAt <= now()) throw pollError('expired_token', 'The device code has expired')
        if (value.state === 'denied') throw pollError('device_denied', 'The request was denied')
        if (value.state === 'approved' && value.approval) {
          const next: DeviceRecord = { ...value, state: 'used' }
          const used = await records.replace(id, stored.etag, next, expiresAt)
          if (!used) continue // another poll changed the record first
          try {
            return await issue(value.approval, value)
          } catch (error) {
            await records.replace(id, used.etag, value, expiresAt)
            throw error
          }
        }
        const isEarly = now() - value.polledAt < value.intervalMs - pollToleranceMs
        const intervalMs = isEarly
          ? Math.min(value.intervalMs + pollIntervalMs, maxPollIntervalMs)
          : value.intervalMs
        const next = { ...value, polledAt: now(), intervalMs }
        if (!(await records.replace(id, stored.etag, next, expiresAt))) continue
        if (isEarly) throw pollError('slow_down', 'The poll is too early', intervalMs)
        throw pollError('authorization_pending', 'The request is not decided yet', intervalMs)
      }
      throw pollError('slow_down', 'Concurrent polls of one code conflict', pollIntervalMs)
    },

    removeAll: (sub) => records.removeWhere('approval.sub', sub),
  }
}

/** Validates a stored document. */
export function isDeviceRecord(data: Record<string, unknown>): boolean {
  const { deviceCodeHash, state, clientName, address, userAgent } = data
  const { createdAt, polledAt, intervalMs } = data
  return (
    [deviceCodeHash, state, address, userAgent].every((value) => typeof value === 'string') &&
    [createdAt, polledAt, intervalMs].every((value) => typeof value === 'number') &&
    (clientName === null || typeof clientName === 'string') &&
    typeof data['approval'] === 'object' &&
    Array.isArray(data['scopes']) &&
    data['scopes'].every((scope) => scopes.some((known) => known === scope))
  )
}

async function enforce(limiter: FixedWindowLimiter, key: string, message: string): Promise<void> {
  const waitMs = await limiter.take(key)
  if (waitMs === 0) return
  const retryAfterSeconds = Math.ceil(waitMs / 1000)
  throw new GatewayError('rate_limited', message, { retryAfterSeconds })
}

function alreadyDecided(): GatewayError {
  return new GatewayError('device_code_decided', 'The request is already approved or denied')
}

function invalidDeviceCode(reason: string): GatewayError {
  return new GatewayError('invalid_grant', `The device code is invalid: ${reason}`, {
    error: 'invalid_grant',
  })
}

/** @param intervalMs sent as Retry-After when the terminal may poll again */
function pollError(
  code: 'authorization_pending' | 'slow_down' | 'expired_token' | 'device_denied',
  message: string,
  intervalMs?: number,
): GatewayError {
  return new GatewayError(code, message, {
    error: code === 'device_denied' ? 'access_denied' : code,
    retryAfterSeconds: intervalMs === undefined ? undefined : intervalMs / 1000,
  })
}

/** The document id of a user code. */
function idOf(userCode: string): string {
  return hashOf(`user code ${userCode}`)
}

function hashOf(text: string): string {
  return createHash('sha256').update(text).digest('hex')
}
