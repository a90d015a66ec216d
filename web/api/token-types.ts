/** Reads what the gateway says of tokens and of devices that ask for one. */
import { unreadable } from './problem.ts'
import { date, number, object, text } from './types.ts'

export type Scope = 'files:read' | 'upload'
export const allScopes: readonly Scope[] = ['files:read', 'upload']

export interface Token {
  readonly id: string
  readonly name: string
  readonly scopes: readonly Scope[]
  /** The folder that it is bound to. */
  readonly folder: { readonly id: string; readonly name: string } | null
  readonly maxBytes: number | null
  readonly maxFiles: number | null
  readonly usedBytes: number
  readonly usedFiles: number
  readonly created: Date | null
  readonly lastUsed: Date | null
  readonly expires: Date | null
}

export interface MadeToken extends Token {
  /** Shown once. */
  readonly secret: string
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
  const { tokens } = object(value)
  if (!Array.isArray(tokens)) throw unreadable()
  return tokens.map(readToken)
}

export function readMadeToken(value: unknown): MadeToken {
  const secret = text(object(value)['token'])
  if (secret === undefined) throw unreadable()
  return { ...readToken(value), secret }
}

function readToken(value: unknown): Token {
  const token = object(value)
  const id = text(token['id'])
  if (id === undefined) throw unreadable()
  return {
    id,
    name: text(token['name']) ?? '',
    scopes: readScopes(token['scopes']),
    folder: token['folder'] ? readBinding(object(token['folder'])) : null,
    maxBytes: number(token['maxBytes']),
    maxFiles: number(token['maxFiles']),
    usedBytes: number(token['usedBytes']) ?? 0,
    usedFiles: number(token['usedFiles']) ?? 0,
    created: date(token['created']),
    lastUsed: date(token['lastUsed']),
    expires: date(token['expires']),
  }
}

function readBinding({ id, name }: Record<string, unknown>): Token['folder'] {
  return { id: text(id) ?? '', name: text(name) ?? '' }
}

export function readDeviceRequest(value: unknown): DeviceRequest {
  const request = object(value)
  const code = text(request['user_code'])
  if (code === undefined) throw unreadable()
  const { address, userAgent } = object(request['from'] ?? {})
  return {
    code,
    client: text(request['client_name']) ?? '',
    scopes: readScopes(request['scopes']),
    address: text(address) ?? '',
    userAgent: text(userAgent) ?? '',
    created: date(request['created']),
    expires: date(request['expires']),
  }
}

/** A list, or words of one text; all of them where nothing is said. */
function readScopes(value: unknown): Scope[] {
  const named = typeof value === 'string' ? value.split(' ') : value
  return Array.isArray(named) ? allScopes.filter((scope) => named.includes(scope)) : [...allScopes]
}
