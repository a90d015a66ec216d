/** Client of the gateway's JSON endpoints. Every function throws a `Problem`, or the reason of an aborted signal. */
import { jsonRequest, takePrefetched } from './prefetch.ts'
import { gatewayFetch } from './gateway-fetch.ts'
import { toProblem, readProblem, unexpectedResponse } from './problem.ts'
import { readFile, readFilesPage, readFolder, readSession } from './types.ts'
import type { DriveFile, FilesPage, Session } from './types.ts'
import { readDeviceRequest, readCreatedToken, readSessions, readTokens } from './token-types.ts'
import type { AccountSession, CreatedToken, DeviceRequest, Scope, Token } from './token-types.ts'

const pageSize = 200
const requestTimeoutMs = 60_000 // Firebase Hosting responds 504 after the same time

export const sessionPath = '/auth/session'

export async function getSession(): Promise<Session | null> {
  return readSession(await json(sessionPath))
}

export async function deleteSession(): Promise<void> {
  await request(sessionPath, { method: 'DELETE' })
}

/** Revokes the grant at the gateway and at Google. All sessions and tokens of the account end. */
export async function deleteGrant(): Promise<void> {
  await request('/auth/grant', { method: 'DELETE' })
}

export interface FilesQuery {
  /** `null` for My Drive, or for all folders when `text` is set. */
  readonly folder: string | null
  /** Text that the names contain; '' for all files. */
  readonly text: string
  /** Drive's `orderBy` parameter. */
  readonly orderBy: string
}

export function filesPath({ folder, text, orderBy }: FilesQuery, pageToken = ''): string {
  const query = new URLSearchParams({ pageSize: String(pageSize), orderBy })
  if (folder !== null) query.set('folder', folder)
  if (text !== '') query.set('q', text)
  if (pageToken !== '') query.set('pageToken', pageToken)
  return `/files?${query}`
}

export async function listFiles(
  query: FilesQuery,
  pageToken: string | undefined,
  signal: AbortSignal,
): Promise<FilesPage> {
  return readFilesPage(await json(filesPath(query, pageToken), { signal }))
}

export async function getFolder(id: string, signal: AbortSignal) {
  return readFolder(await json(`/files/${encodeURIComponent(id)}`, { signal }))
}

export async function createFolder(name: string, folder: string | null): Promise<DriveFile> {
  return readFile(await json('/files', post(folder === null ? { name } : { name, folder })))
}

export interface TokenRequest {
  readonly name: string
  readonly scopes: readonly Scope[]
  readonly folder?: string
  readonly maxBytes?: number
  readonly maxFiles?: number
  readonly expiresInDays: number
}

export async function createToken(options: TokenRequest): Promise<CreatedToken> {
  return readCreatedToken(await json('/auth/tokens', post(options)))
}

export async function listTokens(signal: AbortSignal): Promise<Token[]> {
  return readTokens(await json('/auth/tokens', { signal }))
}

export async function revokeToken(id: string): Promise<void> {
  await request(`/auth/tokens/${encodeURIComponent(id)}`, { method: 'DELETE' })
}

export async function listSessions(signal: AbortSignal): Promise<AccountSession[]> {
  return readSessions(await json('/auth/sessions', { signal }))
}

export async function endSession(id: string): Promise<void> {
  await request(`/auth/sessions/${encodeURIComponent(id)}`, { method: 'DELETE' })
}

const devicePath = (code: string) => `/auth/device/${encodeURIComponent(code)}`

export async function getDevice(code: string): Promise<DeviceRequest> {
  return readDeviceRequest(await json(devicePath(code)))
}

export async function respondToDevice(
  code: string,
  decision:
    | { readonly approve: false }
    /** `account`: the address the page showed, so that the gateway detects an account switch. */
    | { readonly approve: true; readonly account: string; readonly expiresInDays: number },
): Promise<void> {
  await request(devicePath(code), post(decision))
}

function post(body: object): RequestInit {
  const headers = { 'content-type': 'application/json' }
  return { method: 'POST', headers, body: JSON.stringify(body) }
}

async function json(path: string, init: RequestInit = {}): Promise<unknown> {
  const body = await request(path, init)
  try {
    return JSON.parse(body)
  } catch {
    throw unexpectedResponse()
  }
}

async function request(path: string, init: RequestInit): Promise<string> {
  const timeout = AbortSignal.timeout(requestTimeoutMs)
  const signal = init.signal ? AbortSignal.any([init.signal, timeout]) : timeout
  const headers = { ...jsonRequest.headers, ...(init.headers as Record<string, string>) }
  const prefetched = init.method === undefined ? takePrefetched(path) : undefined
  try {
    const response = await (prefetched ??
      gatewayFetch(path, { ...jsonRequest, ...init, headers, signal }))
    const body = await response.text()
    init.signal?.throwIfAborted()
    if (!response.ok) throw readProblem(response.status, body)
    return body
  } catch (error) {
    if (init.signal?.aborted) throw error
    throw toProblem(error)
  }
}
