/** Load generators, one for each upload method. */
import { randomBytes } from 'node:crypto'
import { Agent, request } from 'node:http'
import { sendRequest } from './http-request.ts'
import type { Program } from './processes.ts'

export const mebibyte = 1024 * 1024

const mebibyteOfData = randomBytes(mebibyte)
const boundary = 'bench-0123456789abcdef'
const head =
  `--${boundary}\r\nContent-Disposition: form-data; name="file"; filename="bench.bin"\r\n` +
  'Content-Type: application/octet-stream\r\n\r\n'
const tail = `\r\n--${boundary}--\r\n`

function formHeaders(bearer: string, bytes: number): Record<string, string | number> {
  return {
    authorization: `Bearer ${bearer}`,
    'content-type': `multipart/form-data; boundary=${boundary}`,
    'content-length': head.length + bytes + tail.length,
  }
}

/**
 * Streams a multipart form with one file.
 *
 * @returns whether the file was stored; false when the gateway refused it as `over_capacity`
 */
export function upload({ origin }: Program, bearer: string, mebibytes: number): Promise<boolean> {
  return new Promise((resolve, reject) => {
    const headers = formHeaders(bearer, mebibytes * mebibyte)
    let hasResponse = false
    const req = request(`${origin}/upload`, { method: 'POST', headers, agent: false }, (res) => {
      hasResponse = true
      let body = ''
      res.setEncoding('utf8').on('data', (text: string) => (body += text))
      res.once('close', () => {
        if ((res.statusCode ?? 500) < 300) resolve(true)
        else if (body.includes('over_capacity')) resolve(false)
        else reject(new Error(`An upload returned ${res.statusCode}: ${body}`))
      })
    })
    req.on('error', (error) => hasResponse || reject(error))
    req.write(head)
    let sent = 0
    const send = (): void => {
      while (sent < mebibytes && !hasResponse) {
        sent++
        if (!req.write(mebibyteOfData)) return void req.once('drain', send)
      }
      req.end(tail)
    }
    send()
  })
}

/** Uploads small files over keep-alive connections. */
export async function uploadSmall(
  { origin }: Program,
  bearer: string,
  { files, bytes, concurrency }: { files: number; bytes: number; concurrency: number },
): Promise<void> {
  const agent = new Agent({ keepAlive: true, maxSockets: concurrency })
  const headers = formHeaders(bearer, bytes)
  const body = Buffer.concat([
    Buffer.from(head),
    mebibyteOfData.subarray(0, bytes),
    Buffer.from(tail),
  ])
  const uploadOne = (): Promise<void> =>
    new Promise((resolve, reject) => {
      const req = request(`${origin}/upload`, { method: 'POST', headers, agent }, (res) => {
        res.resume().once('end', () => {
          if ((res.statusCode ?? 500) < 300) resolve()
          else reject(new Error(`A small upload returned ${res.statusCode}`))
        })
      })
      req.once('error', reject).end(body)
    })
  let remaining = files
  const worker = async (): Promise<void> => {
    while (remaining-- > 0) await uploadOne()
  }
  await Promise.all(Array.from({ length: concurrency }, worker))
  agent.destroy()
}

/** Uploads with tus, one chunk per request; a file of one chunk is sent with the creation request. */
export async function uploadByTus(
  { origin }: Program,
  bearer: string,
  bytes: number,
  chunkBytes: number,
): Promise<void> {
  const common = { authorization: `Bearer ${bearer}`, 'tus-resumable': '1.0.0' }
  const octets = { 'content-type': 'application/offset+octet-stream' }
  const created = await sendRequest(`${origin}/upload/tus`, {
    method: 'POST',
    headers: {
      ...common,
      ...(bytes <= chunkBytes ? octets : {}),
      'upload-length': bytes,
      'upload-metadata': `filename ${Buffer.from('bench.bin').toString('base64')}`,
    },
    bytes: bytes <= chunkBytes ? bytes : 0,
  })
  // The URL has the origin of the whole gateway; this program is a single function.
  const { pathname } = new URL(String(created.headers['location']), origin)
  for (let offset = bytes <= chunkBytes ? bytes : 0; offset < bytes; offset += chunkBytes) {
    await sendRequest(origin + pathname, {
      method: 'PATCH',
      headers: { ...common, ...octets, 'upload-offset': offset },
      bytes: Math.min(chunkBytes, bytes - offset),
    })
  }
}

/** Uploads directly to Drive, with a ticket. */
export async function uploadByTicket(
  { origin }: Program,
  bearer: string,
  bytes: number,
): Promise<void> {
  const headers = { authorization: `Bearer ${bearer}` }
  const ticket = await sendRequest(`${origin}/upload/tickets`, {
    method: 'POST',
    headers: { ...headers, 'content-type': 'application/json' },
    body: JSON.stringify({ name: 'bench.bin', size: bytes }),
  })
  const { uploadUrl, completeUrl } = JSON.parse(ticket.body) as Record<string, string>
  await sendRequest(uploadUrl ?? '', { method: 'PUT', headers: {}, bytes })
  const { pathname } = new URL(completeUrl ?? '')
  await sendRequest(origin + pathname, { method: 'POST', headers })
}
