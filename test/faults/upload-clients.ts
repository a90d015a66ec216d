/** Upload clients, one per upload method. */
import { randomUUID } from 'node:crypto'
import { problems } from '../../functions/errors.ts'
import type { ProblemCode } from '../../functions/errors.ts'
import { problemCode, filePart, form, send } from '../kit/environment.ts'
import type { Driveway, RawResponse } from '../kit/environment.ts'
import {
  tusContentType,
  encodeMetadata,
  offsetOf,
  pathOf,
  createTusClient,
  chunkUnit,
} from '../kit/tus.ts'
import { openConnection } from '../kit/upload.ts'
import { waitFor } from '../kit/wait-for.ts'
import { isTus } from './scenario.ts'
import type { Scenario } from './scenario.ts'
import type { FaultEnvironment } from './environment.ts'
import { createRandom } from '../kit/random.ts'

export interface File {
  name: string
  bytes: Buffer
}

/** `stored`, a problem code, or `disconnected`: the client left before the response. */
export type UploadOutcome = 'stored' | 'disconnected' | ProblemCode

interface UploadRequest {
  method: 'POST' | 'PUT' | 'PATCH'
  path: string
  headers: Record<string, string>
  body: Buffer
}

export async function upload(
  environment: FaultEnvironment,
  scenario: Scenario,
  files: readonly File[],
): Promise<UploadOutcome> {
  const driveway = scenario.isAdaptive ? environment.adaptiveChunks : environment.fixedChunks
  const [file] = files as [File]
  if (isTus(scenario)) return uploadByTus(environment, driveway, scenario, file)
  const request = scenario.method === 'form' ? formRequest(files) : rawRequest(file, scenario)
  const { disconnect } = scenario
  if (disconnect) return sendAndDisconnect(environment, driveway, request, disconnect)
  const response = await send(driveway.origin, request.path, {
    ...request,
    headers: { ...driveway.bearer, ...request.headers },
  })
  return response.status === 201 ? 'stored' : problemCodeOf(response)
}

function formRequest(files: readonly File[]): UploadRequest {
  return {
    method: 'POST',
    path: '/upload',
    headers: { 'content-type': 'multipart/form-data; boundary=b' },
    body: form('b', ...files.map(({ name, bytes }) => filePart(name, bytes))),
  }
}

function rawRequest({ name, bytes }: File, { method }: Scenario): UploadRequest {
  const isChunked = method === 'raw of unknown length'
  return {
    method: 'PUT',
    path: `/upload/${name}`,
    headers: isChunked
      ? { 'transfer-encoding': 'chunked' }
      : { 'content-length': String(bytes.length) },
    body: bytes,
  }
}

/** Reads the code of an error response. @throws for an unknown code, or one with another status */
function problemCodeOf(response: RawResponse): ProblemCode {
  const code = problemCode(response) as ProblemCode
  const [status] = problems[code] ?? []
  if (status !== response.status) {
    throw new Error(`Unexpected response ${response.status}: ${response.body}`)
  }
  return code
}

/** Sends the beginning of a request, disconnects, and waits until the gateway has handled it. */
async function sendAndDisconnect(
  environment: FaultEnvironment,
  { origin, bearer }: Driveway,
  { method, path, headers, body }: UploadRequest,
  { at, how }: NonNullable<Scenario['disconnect']>,
): Promise<UploadOutcome> {
  const marker = randomUUID()
  const isChunked = headers['transfer-encoding'] !== undefined
  const size = Math.floor(at * body.length)
  const isComplete = size === body.length
  const allHeaders: Record<string, string> = {
    host: 'localhost',
    ...bearer,
    ...headers,
    ...(isChunked ? {} : { 'content-length': String(body.length) }),
    'x-test-request': marker,
  }
  const lines = Object.entries(allHeaders).map(([name, value]) => `${name}: ${value}\r\n`)
  const connection = await openConnection(origin)
  const { socket } = connection
  socket.write(`${method} ${path} HTTP/1.1\r\n${lines.join('')}\r\n`)
  if (isChunked && body.length > 0) socket.write(`${body.length.toString(16)}\r\n`)
  socket.write(body.subarray(0, size))
  if (isChunked && isComplete) {
    socket.write(body.length > 0 ? '\r\n0\r\n\r\n' : '0\r\n\r\n')
  }
  await waitFor(() => environment.hasReceived(marker), { intervalMs: 1 })
  if (how === 'FIN') socket.end()
  else socket.resetAndDestroy()
  await connection.closed
  if (method === 'PATCH') return 'disconnected' // the client resumes
  const isLogged = (message: string): boolean => environment.logMessages().includes(message)
  await waitFor(() => isLogged('upload') || isLogged('request_failed'), { intervalMs: 2 })
  return isComplete && isLogged('upload') ? 'stored' : 'disconnected'
}

function tusRequest(
  request: Omit<UploadRequest, 'headers'>,
  headers: Record<string, string>,
): UploadRequest {
  return {
    ...request,
    headers: { 'tus-resumable': '1.0.0', 'content-type': tusContentType, ...headers },
  }
}

/** More than the faults of any scenario can fail. */
const maxRequests = 60

/** Uploads with a tus client that resumes at Drive's offset, and repeats retryable errors. */
async function uploadByTus(
  environment: FaultEnvironment,
  driveway: Driveway,
  scenario: Scenario,
  { name, bytes }: File,
): Promise<UploadOutcome> {
  const random = createRandom(scenario.contentSeed)
  const client = createTusClient(driveway)
  const { length } = bytes
  const isWhole = scenario.method === 'tus, whole file on creation'
  const isDeferred = !isWhole && random() < 0.3
  let { disconnect } = scenario
  const disconnectOnce = async (request: UploadRequest): Promise<void> => {
    const { length: size } = request.body
    if (!disconnect || size === 0) return
    const at = Math.min(disconnect.at, (size - 1) / size)
    await sendAndDisconnect(environment, driveway, request, { ...disconnect, at })
    disconnect = undefined
  }

  const creation = {
    'upload-metadata': encodeMetadata({ filename: name }),
    ...(isDeferred ? { 'upload-defer-length': '1' } : { 'upload-length': String(length) }),
  }
  if (isWhole) {
    await disconnectOnce(tusRequest({ method: 'POST', path: '/upload/tus', body: bytes }, creation))
  }
  let created = await client.post(creation, isWhole ? bytes : undefined)
  for (let attempt = 0; created.status !== 201; attempt++) {
    const code = problemCodeOf(created)
    if (!problems[code][2] || attempt === maxRequests) return code
    created = await client.post(creation, isWhole ? bytes : undefined)
  }
  if (created.headers['driveway-file-id'] !== undefined) return 'stored'
  const path = pathOf(created.headers.location)

  let code: ProblemCode = 'internal'
  for (let attempt = 0; attempt < maxRequests; attempt++) {
    const head = await client.head(path)
    if (head.status === 410) return 'upload_gone'
    if (head.status !== 200) continue
    if (head.headers['driveway-file-id'] !== undefined) return 'stored'
    const offset = offsetOf(head)
    const to = random() < 0.5 ? length : offset + chunkUnit + Math.floor(random() * 8 * chunkUnit)
    const headers = {
      'upload-offset': String(offset),
      ...(isDeferred && to >= length ? { 'upload-length': String(length) } : {}),
    }
    const body = bytes.subarray(offset, to)
    if (disconnect && body.length > 0) {
      await disconnectOnce(tusRequest({ method: 'PATCH', path, body }, headers))
      continue
    }
    const response = await client.patch(path, offset, body, headers)
    if (response.status === 204) {
      if (response.headers['driveway-file-id'] !== undefined) return 'stored'
      if (offsetOf(response) <= offset) throw new Error('The gateway returned 204 without progress')
      continue
    }
    code = problemCodeOf(response)
    if (!problems[code][2] && code !== 'chunk_too_small') break
  }
  environment.clearFaults()
  const { status } = await client.remove(path)
  if (![204, 410].includes(status)) throw new Error(`The upload cannot be terminated: ${status}`)
  return code
}
