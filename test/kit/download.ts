/** Downloads as a careful client makes them: it knows a whole answer from one that broke off. */
import { request } from 'node:http'
import type { IncomingHttpHeaders, IncomingMessage } from 'node:http'
import type { Driveway } from './environment.ts'
import { send } from './environment.ts'

export interface Download {
  status: number
  headers: IncomingHttpHeaders
  bytes: Buffer
  /** False where the connection broke before the answer's own end. */
  isWhole: boolean
}

/** Begins a request and leaves its answer to the caller. */
export function begin(
  { origin, bearer }: Pick<Driveway, 'origin' | 'bearer'>,
  path: string,
  headers: Record<string, string> = {},
  method = 'GET',
): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    const all = { ...bearer, ...headers }
    const req = request(`${origin}/`, { path, method, headers: all, agent: false }, resolve)
    req.on('error', reject)
    req.end()
  })
}

export async function download(
  driveway: Pick<Driveway, 'origin' | 'bearer'>,
  path: string,
  headers: Record<string, string> = {},
  method = 'GET',
): Promise<Download> {
  const answer = await begin(driveway, path, headers, method)
  const parts: Buffer[] = []
  answer.on('data', (part: Buffer) => parts.push(part)).on('error', () => {})
  await new Promise((resolve) => answer.once('close', resolve))
  const bytes = Buffer.concat(parts)
  return {
    status: answer.statusCode ?? 0,
    headers: answer.headers,
    bytes,
    isWhole: answer.complete,
  }
}

/** The code of a problem that was downloaded. */
export function codeIn({ bytes }: Pick<Download, 'bytes'>): string {
  return (JSON.parse(bytes.toString()) as { code: string }).code
}

/** Stores bytes through Driveway, so that they are its own. @returns the file's id */
export async function store(
  { origin, bearer }: Pick<Driveway, 'origin' | 'bearer'>,
  name: string,
  body: Buffer | string,
  type?: string,
): Promise<string> {
  const answer = await send(origin, `/upload/${encodeURIComponent(name)}`, {
    method: 'PUT',
    headers: { ...bearer, ...(type === undefined ? {} : { 'content-type': type }) },
    body,
  })
  return (JSON.parse(answer.body) as { id: string }).id
}
