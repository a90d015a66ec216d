/** The gateway's JSON endpoints. Every function throws a `Problem`; an abort throws as it is. */
import { asProblem, readProblem, unreadable } from './problem.ts'
import { readFilesPage, readSession, readToken } from './wire.ts'
import type { FilesPage, MadeToken, SignedIn } from './wire.ts'

const pageSize = 50
const patience = 60_000 // Firebase Hosting answers 504 after as long

export async function getSession(): Promise<SignedIn | null> {
  return readSession(await json('/auth/session'))
}

export async function endSession(): Promise<void> {
  await request('/auth/session', { method: 'DELETE' })
}

export async function listFiles(
  folder: string | null,
  pageToken: string | null,
  signal: AbortSignal,
): Promise<FilesPage> {
  const query = new URLSearchParams({ pageSize: String(pageSize) })
  if (folder !== null) query.set('folder', folder)
  if (pageToken !== null) query.set('pageToken', pageToken)
  return readFilesPage(await json(`/files?${query}`, { signal }))
}

export async function makeToken(name: string): Promise<MadeToken> {
  const headers = { 'content-type': 'application/json' }
  return readToken(
    await json('/auth/tokens', { method: 'POST', headers, body: JSON.stringify({ name }) }),
  )
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
  const headers = new Headers(init.headers)
  headers.set('accept', 'application/json')
  try {
    const response = await fetch(path, { ...init, headers, signal, cache: 'no-store' })
    const body = await response.text()
    if (!response.ok) throw readProblem(response.status, body)
    return body
  } catch (thrown) {
    if (init.signal?.aborted) throw thrown
    throw asProblem(thrown)
  }
}
