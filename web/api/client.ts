/** The gateway's JSON endpoints. Every function throws a `Problem`; an abort throws as it is. */
import { jsonRequest, takeAhead } from './prefetch.ts'
import { ask } from './gateway-fetch.ts'
import { asProblem, readProblem, unreadable } from './problem.ts'
import { readFile, readFilesPage, readFolder, readSession } from './types.ts'
import type { DriveFile, FilesPage, SignedIn } from './types.ts'
import { readDeviceRequest, readMadeToken, readTokens } from './token-types.ts'
import type { DeviceRequest, MadeToken, Scope, Token } from './token-types.ts'

const pageSize = 200
const patience = 60_000 // Firebase Hosting answers 504 after as long

export const sessionPath = '/auth/session'

export async function getSession(): Promise<SignedIn | null> {
  return readSession(await json(sessionPath))
}

export async function endSession(): Promise<void> {
  await request(sessionPath, { method: 'DELETE' })
}

/** Ends the grant, here and at Google, and with it all sessions and tokens of the account. */
export async function endGrant(): Promise<void> {
  await request('/auth/grant', { method: 'DELETE' })
}

export interface FilesQuery {
  /** `null` for My Drive itself, or for everywhere when there are words. */
  readonly folder: string | null
  /** That names are to contain; '' for all. */
  readonly words: string
  /** As Drive names it. */
  readonly orderBy: string
}

export function filesPath({ folder, words, orderBy }: FilesQuery, pageToken = ''): string {
  const query = new URLSearchParams({ pageSize: String(pageSize), orderBy })
  if (folder !== null) query.set('folder', folder)
  if (words !== '') query.set('q', words)
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

export async function makeFolder(name: string, folder: string | null): Promise<DriveFile> {
  return readFile(await json('/files', post(folder === null ? { name } : { name, folder })))
}

export interface TokenWishes {
  readonly name: string
  readonly scopes: readonly Scope[]
  readonly folder?: string
  readonly maxBytes?: number
  readonly maxFiles?: number
  readonly expiresInDays: number
}

export async function makeToken(wishes: TokenWishes): Promise<MadeToken> {
  return readMadeToken(await json('/auth/tokens', post(wishes)))
}

export async function listTokens(signal: AbortSignal): Promise<Token[]> {
  return readTokens(await json('/auth/tokens', { signal }))
}

export async function revokeToken(id: string): Promise<void> {
  await request(`/auth/tokens/${encodeURIComponent(id)}`, { method: 'DELETE' })
}

const devicePath = (code: string) => `/auth/device/${encodeURIComponent(code)}`

export async function getDevice(code: string): Promise<DeviceRequest> {
  return readDeviceRequest(await json(devicePath(code)))
}

export async function answerDevice(
  code: string,
  answer:
    | { readonly approve: false }
    /** `account` is whose the person was told it would be. */
    | { readonly approve: true; readonly account: string; readonly expiresInDays: number },
): Promise<void> {
  await request(devicePath(code), post(answer))
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
    throw unreadable()
  }
}

async function request(path: string, init: RequestInit): Promise<string> {
  const timeout = AbortSignal.timeout(patience)
  const signal = init.signal ? AbortSignal.any([init.signal, timeout]) : timeout
  const headers = { ...jsonRequest.headers, ...(init.headers as Record<string, string>) }
  const ahead = init.method === undefined ? takeAhead(path) : undefined
  try {
    const response = await (ahead ?? ask(path, { ...jsonRequest, ...init, headers, signal }))
    const body = await response.text()
    init.signal?.throwIfAborted()
    if (!response.ok) throw readProblem(response.status, body)
    return body
  } catch (thrown) {
    if (init.signal?.aborted) throw thrown
    throw asProblem(thrown)
  }
}
