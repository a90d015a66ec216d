/**
 * The OAuth `state` of a sign-in: a sealed value that the browser carries to Google and back, so
 * nothing is stored. It is valid for ten minutes, for one use, in the browser that it was issued to.
 *
 * A sign-in that ends in a session renews the binding of its browser, so that a binding that was planted
 * or copied before is of no use afterwards. Sign-ins in other tabs that were started before may still
 * end: the new session knows the hash of the binding that it has replaced.
 *
 * @see RFC 9700 sections 2.1 and 4.7
 */
import { createHash, randomBytes } from 'node:crypto'
import { GatewayError } from '../errors.ts'
import { isEqualTimingSafe } from '../lib/timing-safe-equal.ts'

export interface Login {
  id: string
  nonce: string
  codeVerifier: string
  /** Absolute URL to redirect to afterwards, validated before it is sealed. */
  returnTo: string
  /** PKCE challenge of a page that gets an authorization code instead of a session. */
  codeChallenge?: string
  /** Whether consent is requested again, to get a refresh token. */
  consentForced: boolean
  /** Milliseconds since 1970. */
  expiresAt: number
}

/** The destination of a sign-in. */
export type LoginTarget = Pick<Login, 'returnTo' | 'codeChallenge'>

export interface StartedLogin {
  login: Login
  state: string
}

/** A binding that the sign-in of a session has replaced. */
export interface RenewedBinding {
  hash: string
  /** Milliseconds since 1970. */
  renewedAt: number
}

export interface LoginStates {
  /** @param binding a random value in this browser's cookie */
  start(binding: string, target: LoginTarget, consentForced?: boolean): Promise<StartedLogin>
  /**
   * Opens a `state` and checks its browser binding, without using it up.
   *
   * @param findRenewed returns the binding that the browser's session has replaced
   * @returns the sign-in, and `renewed` if it was started under that binding
   * @throws {GatewayError} one of `state_…`
   */
  read(
    state: string | null,
    binding: string | undefined,
    findRenewed?: () => Promise<RenewedBinding | undefined>,
  ): Promise<{ login: Login; renewed?: RenewedBinding }>
  /** @returns a new binding, and what the session remembers of the former one */
  renew(binding: string | undefined): { binding: string; renewed: RenewedBinding | undefined }
  /**
   * Marks a sign-in as used.
   *
   * @throws {GatewayError} `state_used` for every call but the first, at any instance
   */
  consume(login: Login): Promise<void>
}

/** Records used ids, at least until they expire. */
export interface SingleUseStore {
  /** @returns whether this is the first use of the id at any instance */
  consume(id: string, expiresAt: number): Promise<boolean>
}

/** The part of `Seal` that this module and the authorization codes use. */
export interface SealedValues {
  seal(purpose: string, value: object): Promise<string>
  open(purpose: string, sealed: string): Promise<Record<string, unknown> | undefined>
}

export const loginTtlMs = 10 * 60_000
const purpose = 'login state'
/** Longer than any state that is issued, with the longest return URL. */
const maxStateLength = 6 * 1024

export function createLoginStates(
  seal: SealedValues,
  singleUse: SingleUseStore,
  now: () => number = Date.now,
): LoginStates {
  return {
    async start(binding, { returnTo, codeChallenge }, consentForced = false) {
      const login: Login = {
        id: randomValue(),
        nonce: randomValue(),
        codeVerifier: randomValue(),
        returnTo,
        ...(codeChallenge === undefined ? {} : { codeChallenge }),
        consentForced,
        expiresAt: now() + loginTtlMs,
      }
      const state = await seal.seal(purpose, { ...login, binding: hashOf(binding) })
      return { login, state }
    },

    async read(state, binding, findRenewed = () => Promise.resolve(undefined)) {
      if (!state) throw new GatewayError('state_missing', 'The callback has no state')
      const opened = state.length > maxStateLength ? undefined : await seal.open(purpose, state)
      if (!opened) throw new GatewayError('state_invalid', 'The state cannot be opened')
      const { binding: bindingHash, ...login } = opened as unknown as Login & { binding: string }
      if (login.expiresAt <= now()) throw new GatewayError('state_expired', 'The state has expired')
      if (isBound(binding, bindingHash)) return { login }
      const renewed = await findRenewed()
      const startedAt = login.expiresAt - loginTtlMs
      if (
        renewed &&
        startedAt <= renewed.renewedAt &&
        isEqualTimingSafe(renewed.hash, bindingHash)
      ) {
        return { login, renewed }
      }
      throw new GatewayError('state_mismatch', 'The state belongs to another browser')
    },

    renew: (binding) => ({
      binding: createBinding(),
      renewed: binding === undefined ? undefined : { hash: hashOf(binding), renewedAt: now() },
    }),

    async consume({ id, expiresAt }) {
      if (!(await singleUse.consume(id, expiresAt))) {
        throw new GatewayError('state_used', 'The state is already used')
      }
    },
  }
}

/** A random value that binds sign-ins to one browser: 128 bits. */
export function createBinding(): string {
  return randomBytes(16).toString('base64url')
}

/** 256 random bits: 43 characters, the minimum length of a PKCE verifier. */
function randomValue(): string {
  return randomBytes(32).toString('base64url')
}

/** Whether a binding is the one with this hash. */
export function isBound(binding: string | undefined, bindingHash: string): boolean {
  return binding !== undefined && isEqualTimingSafe(hashOf(binding), bindingHash)
}

export function hashOf(binding: string): string {
  return createHash('sha256').update(binding).digest('base64url')
}
