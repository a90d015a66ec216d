/**
 * A sign-in under way, kept by nobody: its `state` is a sealed token that the browser carries to
 * Google and back. It counts once, in the browser that it was made for, for ten minutes.
 *
 * @see RFC 9700 sections 2.1 and 4.7
 */
import { createHash, randomBytes, timingSafeEqual } from 'node:crypto'
import { GatewayError } from '../errors.ts'

export interface Login {
  id: string
  nonce: string
  codeVerifier: string
  /** Where the browser goes afterwards: an absolute URL, judged before it was sealed. */
  returnTo: string
  /** Of the page to which this ends with a code and not with a session. */
  codeChallenge?: string
  /** Whether consent was asked for again, to be given a refresh token. */
  consentForced: boolean
  /** Milliseconds since 1970. */
  expiresAt: number
}

/** What a sign-in ends with. */
export type LoginTarget = Pick<Login, 'returnTo' | 'codeChallenge'>

export interface StartedLogin {
  login: Login
  state: string
}

export interface Logins {
  /** @param binding a random value that this browser holds in its cookie */
  start(binding: string, target: LoginTarget, consentForced?: boolean): Promise<StartedLogin>
  /**
   * Reads a `state` and checks that it belongs here; uses nothing up.
   *
   * @throws {GatewayError} one of `state_…`
   */
  read(state: string | null, binding: string | undefined): Promise<Login>
  /**
   * Uses a sign-in up.
   *
   * @throws {GatewayError} `state_used` for all but the first, wherever they run
   */
  claim(login: Login): Promise<void>
}

/** Remembers which sign-ins were used, at least until they expire. */
export interface ClaimStore {
  /** @returns whether this is the first claim of this id, among all instances */
  claim(id: string, expiresAt: number): Promise<boolean>
}

/** What of the seal this file needs. */
interface StateSeal {
  seal(purpose: string, value: object): Promise<string>
  open(purpose: string, sealed: string): Promise<Record<string, unknown> | undefined>
}

export const loginLifetimeMs = 10 * 60_000
const purpose = 'login state'
/** A return path of any use fits; a longer state was not made here. */
const stateLength = 6 * 1024

export function createLogins(
  seal: StateSeal,
  claims: ClaimStore,
  now: () => number = Date.now,
): Logins {
  return {
    async start(binding, { returnTo, codeChallenge }, consentForced = false) {
      const login: Login = {
        id: random(),
        nonce: random(),
        codeVerifier: random(),
        returnTo,
        ...(codeChallenge === undefined ? {} : { codeChallenge }),
        consentForced,
        expiresAt: now() + loginLifetimeMs,
      }
      const state = await seal.seal(purpose, { ...login, binding: hashOf(binding) })
      return { login, state }
    },

    async read(state, binding) {
      if (!state) throw new GatewayError('state_missing', 'The callback has no state')
      const opened = state.length > stateLength ? undefined : await seal.open(purpose, state)
      if (!opened) throw new GatewayError('state_invalid', 'The state was not sealed here')
      const { binding: bound, ...login } = opened as unknown as Login & { binding: string }
      if (login.expiresAt <= now()) throw new GatewayError('state_expired', 'The state is too old')
      if (binding === undefined || !isSame(hashOf(binding), bound)) {
        throw new GatewayError('state_mismatch', 'The state was made for another browser')
      }
      return login
    },

    async claim({ id, expiresAt }) {
      if (!(await claims.claim(id, expiresAt))) {
        throw new GatewayError('state_used', 'The state was used before')
      }
    },
  }
}

/** 256 bits: 43 characters, as PKCE wants them. */
function random(): string {
  return randomBytes(32).toString('base64url')
}

function hashOf(binding: string): string {
  return createHash('sha256').update(binding).digest('base64url')
}

function isSame(one: string, other: string): boolean {
  return one.length === other.length && timingSafeEqual(Buffer.from(one), Buffer.from(other))
}
