/**
 * Sign-in from a terminal: it shows a short code, somebody who is signed in approves the code on a
 * page, and the terminal, which asks now and then, is given a token.
 *
 * One document holds it all, under the hash of the user code, so that every step is one write that
 * wins or loses: a code is decided once, and leads to one token. The device code carries the user
 * code, to be found by, and 256 bits of which a hash is kept.
 *
 * @see RFC 8628
 */
import { createHash, randomBytes, timingSafeEqual } from 'node:crypto'
import { GatewayError } from '../errors.ts'
import type { Records, Stored } from '../store/versioned-store.ts'
import { scopes } from './principal.ts'
import type { Limits, Principal, Scope } from './principal.ts'
import type { Rate } from './fixed-window-limiter.ts'
import { newUserCode, readUserCode } from './user-code.ts'

/** What a terminal asks for. */
export interface DeviceRequest {
  /** What it calls itself; nobody has checked it. */
  clientName: string | null
  scopes: readonly Scope[]
  /** Where it asks from. */
  address: string
  userAgent: string
}

/** What was approved, and by whom. */
export interface DeviceGrant {
  sub: string
  folder: NonNullable<Principal['folder']> | null
  limits: Limits | null
  lifetimeMs: number
}

export interface DeviceRecord extends DeviceRequest {
  /** SHA-256 of the device code. */
  device: string
  state: 'pending' | 'approved' | 'denied' | 'used'
  grant: DeviceGrant | null
  /** Milliseconds since 1970. */
  createdAt: number
  polledAt: number
  /** Milliseconds that have to pass between two polls. */
  intervalMs: number
}

export interface StartedDevice {
  deviceCode: string
  /** Eight letters. */
  userCode: string
}

/** A request that waits for somebody to decide. */
export interface PendingDevice extends DeviceRequest {
  createdAt: number
  expiresAt: number
}

export interface Devices {
  /**
   * @param network for which the codes that are started are counted
   * @throws {GatewayError} `rate_limited` when there are too many
   */
  start(request: DeviceRequest, network: string): Promise<StartedDevice>
  /**
   * What a person is asked to approve.
   *
   * @param userCode as they typed it
   * @param who is asking: there are only so many codes that an account may try
   * @throws {GatewayError} `device_code_unknown`, `device_code_decided`, `rate_limited`
   */
  find(userCode: string, who: string): Promise<PendingDevice>
  /**
   * Approves or, without a grant, denies; the first decision stands.
   *
   * @throws {GatewayError} as `find` does
   */
  decide(userCode: string, who: string, grant: DeviceGrant | undefined): Promise<DeviceRequest>
  /**
   * The terminal's question whether it has been decided.
   *
   * @param issue makes the token; called once for each code, and again only when it failed
   * @throws {GatewayError} `authorization_pending`, `slow_down`, `expired_token`, `device_denied`,
   *   `invalid_grant`
   */
  redeem<T>(
    deviceCode: string,
    issue: (grant: DeviceGrant, request: DeviceRequest) => Promise<T>,
  ): Promise<T>
  /** Ends what an account has approved and no terminal has fetched. */
  removeAll(sub: string): Promise<void>
}

export interface DevicesParts {
  records: Records<DeviceRecord>
  /** Codes that may be started, by network. */
  starts: Rate
  /** Codes that may be tried, by account. */
  tries: Rate
  now?: () => number
}

export const deviceLifetimeMs = 10 * 60_000
export const pollIntervalMs = 5_000
/** What a poll may come too early by, as networks are. */
const earlyMs = 500
const longestIntervalMs = 60_000
const mostRounds = 8

export function createDevices({ records, starts, tries, now = Date.now }: DevicesParts): Devices {
  /** @returns the code's own document, pending and in time */
  async function pending(
    userCode: string,
    who: string,
  ): Promise<{ id: string; stored: Stored<DeviceRecord> }> {
    await take(tries, who, 'Too many codes were tried')
    const code = readUserCode(userCode)
    const id = code === undefined ? undefined : idOf(code)
    const stored = id === undefined ? undefined : await records.find(id)
    if (id === undefined || !stored || stored.expiresAt <= now() || stored.value.state === 'used') {
      throw new GatewayError('device_code_unknown', 'No terminal waits with this code')
    }
    if (stored.value.state !== 'pending') throw decided()
    return { id, stored }
  }

  return {
    async start(request, network) {
      await take(starts, network, 'Too many codes were asked for from one network')
      for (let round = 0; round < mostRounds; round++) {
        const userCode = newUserCode()
        const deviceCode = `dwd_${userCode}${randomBytes(32).toString('base64url')}`
        const record: DeviceRecord = {
          ...request,
          device: hashOf(deviceCode),
          state: 'pending',
          grant: null,
          createdAt: now(),
          polledAt: 0,
          intervalMs: pollIntervalMs,
        }
        const made = await records.create(idOf(userCode), record, now() + deviceLifetimeMs)
        if (made) return { deviceCode, userCode }
      }
      throw new GatewayError('store_unavailable', 'Every user code that was made was taken')
    },

    async find(userCode, who) {
      const { stored } = await pending(userCode, who)
      return { ...stored.value, expiresAt: stored.expiresAt }
    },

    async decide(userCode, who, grant) {
      const { id, stored } = await pending(userCode, who)
      let last: Stored<DeviceRecord> | undefined = stored
      for (let round = 0; last && round < mostRounds; round++) {
        const { value, revision, expiresAt } = last
        if (value.device !== stored.value.device || value.state !== 'pending') throw decided()
        const state = grant ? 'approved' : 'denied'
        const next: DeviceRecord = { ...value, state, grant: grant ?? null }
        if (await records.replace(id, revision, next, expiresAt)) return value
        last = await records.find(id) // the terminal has asked meanwhile, or somebody decided
      }
      throw new GatewayError('store_unavailable', 'The code changed all the time')
    },

    async redeem(deviceCode, issue) {
      const [, userCode] = /^dwd_([A-Z]{8})[\w-]{43}$/.exec(deviceCode) ?? []
      if (userCode === undefined) throw invalid('It has another shape')
      const id = idOf(userCode)
      for (let round = 0; round < mostRounds; round++) {
        const stored = await records.find(id)
        if (!stored || !isSame(stored.value.device, hashOf(deviceCode))) {
          throw invalid('There is none like it')
        }
        const { value, revision, expiresAt } = stored
        if (value.state === 'used') throw invalid('It was used before')
        if (expiresAt <= now()) throw refuse('expired_token', 'The device code is too old')
        if (value.state === 'denied') throw refuse('device_denied', 'The code was denied')
        if (value.state === 'approved' && value.grant) {
          const { grant } = value
          const used = await records.replace(id, revision, { ...value, state: 'used' }, expiresAt)
          if (!used) continue // another poll was faster
          try {
            return await issue(grant, value)
          } catch (error) {
            await records.replace(id, used.revision, value, expiresAt)
            throw error
          }
        }
        const isEarly = now() - value.polledAt < value.intervalMs - earlyMs
        const intervalMs = isEarly
          ? Math.min(value.intervalMs + pollIntervalMs, longestIntervalMs)
          : value.intervalMs
        const next = { ...value, polledAt: now(), intervalMs }
        if (!(await records.replace(id, revision, next, expiresAt))) continue
        if (isEarly) throw refuse('slow_down', 'A poll came too early', intervalMs)
        throw refuse('authorization_pending', 'Nobody has decided yet', intervalMs)
      }
      throw refuse('slow_down', 'Polls of one code got into each other’s way', pollIntervalMs)
    },

    removeAll: (sub) => records.removeWhere('grant.sub', sub),
  }
}

/** Whether a document is one of these; of another shape, it is nobody's. */
export function isDeviceRecord(data: Record<string, unknown>): boolean {
  const { device, state, clientName, address, userAgent, createdAt, polledAt, intervalMs } = data
  return (
    [device, state, address, userAgent].every((value) => typeof value === 'string') &&
    [createdAt, polledAt, intervalMs].every((value) => typeof value === 'number') &&
    (clientName === null || typeof clientName === 'string') &&
    typeof data['grant'] === 'object' &&
    Array.isArray(data['scopes']) &&
    data['scopes'].every((scope) => scopes.some((known) => known === scope))
  )
}

async function take(rate: Rate, who: string, message: string): Promise<void> {
  const waitMs = await rate.take(who)
  if (waitMs === 0) return
  const retryAfterSeconds = Math.ceil(waitMs / 1000)
  throw new GatewayError('rate_limited', message, { retryAfterSeconds })
}

function decided(): GatewayError {
  return new GatewayError('device_code_decided', 'The code was decided before')
}

function invalid(why: string): GatewayError {
  return new GatewayError('invalid_grant', `No device code: ${why}`, { error: 'invalid_grant' })
}

/** @param intervalMs where asking again makes sense */
function refuse(
  code: 'authorization_pending' | 'slow_down' | 'expired_token' | 'device_denied',
  message: string,
  intervalMs?: number,
): GatewayError {
  return new GatewayError(code, message, {
    error: code === 'device_denied' ? 'access_denied' : code,
    retryAfterSeconds: intervalMs === undefined ? undefined : intervalMs / 1000,
  })
}

/** The name of a user code's document. */
function idOf(userCode: string): string {
  return hashOf(`user code ${userCode}`)
}

function hashOf(text: string): string {
  return createHash('sha256').update(text).digest('hex')
}

function isSame(one: string, other: string): boolean {
  return one.length === other.length && timingSafeEqual(Buffer.from(one), Buffer.from(other))
}
