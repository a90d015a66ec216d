/** The ways in, each with a client as there are many: what it sends, and what it makes of answers. */
import { randomUUID } from 'node:crypto'
import { problems } from '../../functions/errors.ts'
import type { ProblemCode } from '../../functions/errors.ts'
import { codeOf, filePart, form, send } from '../kit/environment.ts'
import type { Driveway, RawAnswer } from '../kit/environment.ts'
import {
  tusContentType,
  encodeMetadata,
  offsetOf,
  pathOf,
  createTusClient,
  chunkUnit,
} from '../kit/tus.ts'
import { openConnection } from '../kit/upload.ts'
import { until } from '../kit/wait-for.ts'
import { isTus } from './scenario.ts'
import type { Schedule } from './scenario.ts'
import type { World } from './environment.ts'
import { createRandom } from '../kit/random.ts'

export interface File {
  name: string
  bytes: Buffer
}

/** `stored`, the code of a refusal, or `left`: gone before there could be an answer. */
export type Outcome = 'stored' | 'left' | ProblemCode

interface Visit {
  method: 'POST' | 'PUT' | 'PATCH'
  path: string
  headers: Record<string, string>
  body: Buffer
}

export async function upload(
  world: World,
  schedule: Schedule,
  files: readonly File[],
): Promise<Outcome> {
  const driveway = schedule.isPaced ? world.paced : world.even
  const [file] = files as [File]
  if (isTus(schedule)) return uploadByTus(world, driveway, schedule, file)
  const visit = schedule.way === 'form' ? formOf(files) : rawOf(file, schedule)
  const { leaves } = schedule
  if (leaves) return leave(world, driveway, visit, leaves)
  const answer = await send(driveway.origin, visit.path, {
    ...visit,
    headers: { ...driveway.bearer, ...visit.headers },
  })
  return answer.status === 201 ? 'stored' : refusalOf(answer)
}

function formOf(files: readonly File[]): Visit {
  return {
    method: 'POST',
    path: '/upload',
    headers: { 'content-type': 'multipart/form-data; boundary=b' },
    body: form('b', ...files.map(({ name, bytes }) => filePart(name, bytes))),
  }
}

function rawOf({ name, bytes }: File, { way }: Schedule): Visit {
  const isChunked = way === 'raw of unknown length'
  return {
    method: 'PUT',
    path: `/upload/${name}`,
    headers: isChunked
      ? { 'transfer-encoding': 'chunked' }
      : { 'content-length': String(bytes.length) },
    body: bytes,
  }
}

/** The code of a problem, which has to be one of the table's and to have its status. */
function refusalOf(answer: RawAnswer): ProblemCode {
  const code = codeOf(answer) as ProblemCode
  const [status] = problems[code] ?? []
  if (status !== answer.status) throw new Error(`Answered ${answer.status}: ${answer.body}`)
  return code
}

/** Sends the beginning of a request and is gone; waits until the gateway is done with it. */
async function leave(
  world: World,
  { origin, bearer }: Driveway,
  { method, path, headers, body }: Visit,
  { at, how }: NonNullable<Schedule['leaves']>,
): Promise<Outcome> {
  const visit = randomUUID()
  const isChunked = headers['transfer-encoding'] !== undefined
  const size = Math.floor(at * body.length)
  const isAll = size === body.length
  const all: Record<string, string> = {
    host: 'localhost',
    ...bearer,
    ...headers,
    ...(isChunked ? {} : { 'content-length': String(body.length) }),
    'x-visit': visit,
  }
  const lines = Object.entries(all).map(([name, value]) => `${name}: ${value}\r\n`)
  const line = await openConnection(origin)
  line.socket.write(`${method} ${path} HTTP/1.1\r\n${lines.join('')}\r\n`)
  if (isChunked && body.length > 0) line.socket.write(`${body.length.toString(16)}\r\n`)
  line.socket.write(body.subarray(0, size))
  if (isChunked && isAll) line.socket.write(body.length > 0 ? '\r\n0\r\n\r\n' : '0\r\n\r\n')
  await until(() => world.hasSeen(visit), { everyMs: 1 })
  if (how === 'FIN') line.socket.end()
  else line.socket.resetAndDestroy()
  await line.closed
  if (method === 'PATCH') return 'left' // and comes back
  const isLogged = (message: string): boolean => world.logged().includes(message)
  await until(() => isLogged('upload') || isLogged('request_failed'), { everyMs: 2 })
  return isAll && isLogged('upload') ? 'stored' : 'left'
}

function speaking(given: Omit<Visit, 'headers'>, headers: Record<string, string>): Visit {
  return {
    ...given,
    headers: { 'tus-resumable': '1.0.0', 'content-type': tusContentType, ...headers },
  }
}

/** More than any schedule can spoil. */
const mostRounds = 60

/** A client that goes on where it is told that Drive stopped, as long as it is told to try again. */
async function uploadByTus(
  world: World,
  driveway: Driveway,
  schedule: Schedule,
  { name, bytes }: File,
): Promise<Outcome> {
  const random = createRandom(schedule.salt)
  const client = createTusClient(driveway)
  const { length } = bytes
  const isWhole = schedule.way === 'tus, all at once'
  const isDeferred = !isWhole && random() < 0.3
  let { leaves } = schedule
  const goAway = async (what: Visit): Promise<void> => {
    if (!leaves || what.body.length === 0) return
    const most = (what.body.length - 1) / what.body.length
    await leave(world, driveway, what, { ...leaves, at: Math.min(leaves.at, most) })
    leaves = undefined
  }

  const creation = {
    'upload-metadata': encodeMetadata({ filename: name }),
    ...(isDeferred ? { 'upload-defer-length': '1' } : { 'upload-length': String(length) }),
  }
  if (isWhole)
    await goAway(speaking({ method: 'POST', path: '/upload/tus', body: bytes }, creation))
  let created = await client.post(creation, isWhole ? bytes : undefined)
  for (let round = 0; created.status !== 201; round++) {
    const code = refusalOf(created)
    if (!problems[code][2] || round === mostRounds) return code
    created = await client.post(creation, isWhole ? bytes : undefined)
  }
  if (created.headers['driveway-file-id'] !== undefined) return 'stored'
  const path = pathOf(created.headers.location)

  let code: ProblemCode = 'internal'
  for (let round = 0; round < mostRounds; round++) {
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
    if (leaves && body.length > 0) {
      await goAway(speaking({ method: 'PATCH', path, body }, headers))
      continue
    }
    const answer = await client.patch(path, offset, body, headers)
    if (answer.status === 204) {
      if (answer.headers['driveway-file-id'] !== undefined) return 'stored'
      if (offsetOf(answer) <= offset) throw new Error('204, and nothing gained')
      continue
    }
    code = refusalOf(answer)
    if (!problems[code][2] && code !== 'chunk_too_small') break
  }
  world.recover()
  const { status } = await client.remove(path)
  if (![204, 410].includes(status)) throw new Error(`The upload cannot be ended: ${status}`)
  return code
}
