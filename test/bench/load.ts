/** Callers: forms with one file each, streamed or at once. */
import { randomBytes } from 'node:crypto'
import { Agent, request } from 'node:http'
import { sendRequest } from './http-request.ts'
import type { Program } from './processes.ts'

export const mebibyte = 1024 * 1024

const piece = randomBytes(mebibyte)
const boundary = 'bench-0123456789abcdef'
const head =
  `--${boundary}\r\nContent-Disposition: form-data; name="file"; filename="bench.bin"\r\n` +
  'Content-Type: application/octet-stream\r\n\r\n'
const tail = `\r\n--${boundary}--\r\n`

function headersOf(bearer: string, bytes: number): Record<string, string | number> {
  return {
    authorization: `Bearer ${bearer}`,
    'content-type': `multipart/form-data; boundary=${boundary}`,
    'content-length': head.length + bytes + tail.length,
  }
}

/**
 * Streams a form with one file of so many mebibytes.
 *
 * @returns whether it was stored; false when the instance had no room for it
 */
export function upload({ origin }: Program, bearer: string, mebibytes: number): Promise<boolean> {
  return new Promise((resolve, reject) => {
    const headers = headersOf(bearer, mebibytes * mebibyte)
    let answered = false
    const req = request(`${origin}/upload`, { method: 'POST', headers, agent: false }, (res) => {
      answered = true
      let body = ''
      res.setEncoding('utf8').on('data', (text: string) => (body += text))
      res.once('close', () => {
        if ((res.statusCode ?? 500) < 300) resolve(true)
        else if (body.includes('over_capacity')) resolve(false)
        else reject(new Error(`An upload was answered with ${res.statusCode}: ${body}`))
      })
    })
    req.on('error', (error) => answered || reject(error))
    req.write(head)
    let sent = 0
    const send = (): void => {
      while (sent < mebibytes && !answered) {
        sent++
        if (!req.write(piece)) return void req.once('drain', send)
      }
      req.end(tail)
    }
    send()
  })
}

/** Uploads small files over kept-alive connections, so many at a time. */
export async function uploadSmall(
  { origin }: Program,
  bearer: string,
  { files, bytes, atOnce }: { files: number; bytes: number; atOnce: number },
): Promise<void> {
  const agent = new Agent({ keepAlive: true, maxSockets: atOnce })
  const headers = headersOf(bearer, bytes)
  const body = Buffer.concat([Buffer.from(head), piece.subarray(0, bytes), Buffer.from(tail)])
  const one = (): Promise<void> =>
    new Promise((resolve, reject) => {
      const req = request(`${origin}/upload`, { method: 'POST', headers, agent }, (res) => {
        res.resume().once('end', () => {
          if ((res.statusCode ?? 500) < 300) resolve()
          else reject(new Error(`A small upload was answered with ${res.statusCode}`))
        })
      })
      req.once('error', reject).end(body)
    })
  let left = files
  const worker = async (): Promise<void> => {
    while (left-- > 0) await one()
  }
  await Promise.all(Array.from({ length: atOnce }, worker))
  agent.destroy()
}

/** Uploads by tus, a chunk a request; a file that is one chunk comes with its creation. */
export async function uploadByTus(
  { origin }: Program,
  bearer: string,
  bytes: number,
  chunk: number,
): Promise<void> {
  const common = { authorization: `Bearer ${bearer}`, 'tus-resumable': '1.0.0' }
  const octets = { 'content-type': 'application/offset+octet-stream' }
  const created = await sendRequest(`${origin}/upload/tus`, {
    method: 'POST',
    headers: {
      ...common,
      ...(bytes <= chunk ? octets : {}),
      'upload-length': bytes,
      'upload-metadata': `filename ${Buffer.from('bench.bin').toString('base64')}`,
    },
    bytes: bytes <= chunk ? bytes : 0,
  })
  // The address is the one in front of all functions; here one stands by itself.
  const { pathname } = new URL(String(created.headers['location']), origin)
  for (let offset = bytes <= chunk ? bytes : 0; offset < bytes; offset += chunk) {
    await sendRequest(origin + pathname, {
      method: 'PATCH',
      headers: { ...common, ...octets, 'upload-offset': offset },
      bytes: Math.min(chunk, bytes - offset),
    })
  }
}

/** Uploads past Driveway, with a ticket of its. */
export async function uploadByTicket(
  { origin }: Program,
  bearer: string,
  bytes: number,
): Promise<void> {
  const headers = { authorization: `Bearer ${bearer}` }
  const given = await sendRequest(`${origin}/upload/tickets`, {
    method: 'POST',
    headers: { ...headers, 'content-type': 'application/json' },
    body: JSON.stringify({ name: 'bench.bin', size: bytes }),
  })
  const { uploadUrl, completeUrl } = JSON.parse(given.body) as Record<string, string>
  await sendRequest(uploadUrl ?? '', { method: 'PUT', headers: {}, bytes })
  const { pathname } = new URL(completeUrl ?? '')
  await sendRequest(origin + pathname, { method: 'POST', headers })
}
