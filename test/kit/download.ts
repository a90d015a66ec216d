/** Downloads that detect an incomplete response. */
import { request } from 'node:http'
import type { IncomingHttpHeaders, IncomingMessage } from 'node:http'
import type { Driveway } from './environment.ts'
import { fileResult, uploadFile } from './requests.ts'

export interface Download {
  status: number
  headers: IncomingHttpHeaders
  bytes: Buffer
  /** `bytes` as text. */
  readonly body: string
  /** False when the connection was aborted before the end of the response. */
  isComplete: boolean
}

/** Sends a request, and leaves the response body to the caller. */
export function startDownload(
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

/** Sends a request and reads the response, complete or not. */
export async function download(
  driveway: Pick<Driveway, 'origin' | 'bearer'>,
  path: string,
  headers: Record<string, string> = {},
  method = 'GET',
): Promise<Download> {
  const response = await startDownload(driveway, path, headers, method)
  const parts: Buffer[] = []
  response.on('data', (part: Buffer) => parts.push(part)).on('error', () => {})
  await new Promise((resolve) => response.once('close', resolve))
  const bytes = Buffer.concat(parts)
  return {
    status: response.statusCode ?? 0,
    headers: response.headers,
    bytes,
    get body() {
      return bytes.toString()
    },
    isComplete: response.complete,
  }
}

/** Uploads a file through the gateway, so that Driveway may read it. @returns its id */
export async function storeFile(
  driveway: Pick<Driveway, 'origin' | 'bearer'>,
  name: string,
  body: Buffer | string,
  type?: string,
): Promise<string> {
  const headers: Record<string, string> = type === undefined ? {} : { 'content-type': type }
  return fileResult(await uploadFile(driveway, encodeURIComponent(name), body, headers)).id
}
