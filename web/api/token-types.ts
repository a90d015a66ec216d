/** Reads the gateway's responses about tokens and device authorization requests. */
import { unexpectedResponse } from './problem.ts'
import { asDate, asNumber, asObject, asString } from './types.ts'

export type Scope = 'files:read' | 'upload'
export const allScopes: readonly Scope[] = ['files:read', 'upload']

export interface Token {
  readonly id: string
  readonly name: string
  readonly scopes: readonly Scope[]
  /** The only folder the token gives access to; `null` for no restriction. */
  readonly folder: { readonly id: string; readonly name: string } | null
  readonly maxBytes: number | null
  readonly maxFiles: number | null
  readonly usedBytes: number
  readonly usedFiles: number
  readonly created: Date | null
  readonly lastUsed: Date | null
  readonly expires: Date | null
}

export interface CreatedToken extends Token {
  /** The token value; no later response contains it. */
  readonly secret: string
}

/** A session of the account, or the bearer token of a page on another origin. */
export interface AccountSession {
  readonly id: string
  readonly current: boolean
  /** The origin of the page; `null` for a session of the gateway's own page. */
  readonly origin: string | null
  readonly address: string
  readonly userAgent: string
  readonly created: Date | null
  readonly lastUsed: Date | null
}

export interface DeviceRequest {
  readonly code: string
  readonly client: string
  readonly scopes: readonly Scope[]
  readonly address: string
  readonly userAgent: string
  readonly created: Date | null
  readonly expires: Date | null
}

export function readTokens(value: unknown): Token[] {
  const { tokens } = asObject(value)
  if (!Array.isArray(tokens)) throw unexpectedResponse()
  return tokens.map(readToken)
}

export function readCreatedToken(value: unknown): CreatedToken {
  const secret = asString(asObject(value)['token'])
  if (secret === undefined) throw unexpectedResponse()
  return { ...readToken(value), secret }
}

function readToken(value: unknown): Token {
  const token = asObject(value)
  const id = asString(token['id'])
  if (id === undefined) throw unexpectedResponse()
  return {
    id,
    name: asString(token['name']) ?? '',
    scopes: readScopes(token['scopes']),
    folder: token['folder'] ? readTokenFolder(asObject(token['folder'])) : null,
    maxBytes: asNumber(token['maxBytes']),
    maxFiles: asNumber(token['maxFiles']),
    usedBytes: asNumber(token['usedBytes']) ?? 0,
    usedFiles: asNumber(token['usedFiles']) ?? 0,
    created: asDate(token['created']),
    lastUsed: asDate(token['lastUsed']),
    expires: asDate(token['expires']),
  }
}

function readTokenFolder({ id, name }: Record<string, unknown>): Token['folder'] {
  return { id: asString(id) ?? '', name: asString(name) ?? '' }
}

export function readSessions(value: unknown): AccountSession[] {
  const { sessions } = asObject(value)
  if (!Array.isArray(sessions)) throw unexpectedResponse()
  return sessions.map((entry: unknown) => {
    const session = asObject(entry)
    const id = asString(session['id'])
    if (id === undefined) throw unexpectedResponse()
    const { address, userAgent } = asObject(session['from'] ?? {})
    return {
      id,
      current: session['current'] === true,
      origin: asString(session['origin']) ?? null,
      address: asString(address) ?? '',
      userAgent: asString(userAgent) ?? '',
      created: asDate(session['created']),
      lastUsed: asDate(session['lastUsed']),
    }
  })
}

export function readDeviceRequest(value: unknown): DeviceRequest {
  const request = asObject(value)
  const code = asString(request['user_code'])
  if (code === undefined) throw unexpectedResponse()
  const { address, userAgent } = asObject(request['from'] ?? {})
  return {
    code,
    client: asString(request['client_name']) ?? '',
    scopes: readScopes(request['scopes']),
    address: asString(address) ?? '',
    userAgent: asString(userAgent) ?? '',
    created: asDate(request['created']),
    expires: asDate(request['expires']),
  }
}

/** Reads a list or a space-separated string; a missing value means all scopes. */
function readScopes(value: unknown): Scope[] {
  const granted = typeof value === 'string' ? value.split(' ') : value
  return Array.isArray(granted)
    ? allScopes.filter((scope) => granted.includes(scope))
    : [...allScopes]
}
