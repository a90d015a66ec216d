import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { randomInt, randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { connect } from 'node:net'
import { problems } from '../../functions/errors.ts'
import type { ProblemCode } from '../../functions/errors.ts'
import { codeOf, filePart, form, uploadForm } from '../kit.ts'
import type { Driveway } from '../kit.ts'
import { pattern, sha256Of, startFaulty } from './kit.ts'
import { createRandom, createSchedule, mustSucceed, unheardSessions } from './schedule.ts'
import type { Schedule } from './schedule.ts'

const seed = Number(process.env['FAULTS_SEED'] ?? randomInt(2 ** 32))
const runs = Number(process.env['FAULTS_RUNS'] ?? 200)

let driveway: Driveway

beforeAll(async () => {
  driveway = await startFaulty({ driveTimeouts: { connect: 5_000, progress: 600, answer: 600 } })
})

afterAll(() => driveway.close())

test(`${runs} schedules end in every file byte by byte, or in none and nothing open (FAULTS_SEED=${seed})`, async () => {
  const random = createRandom(seed)
  let succeeded = 0
  for (let run = 0; run < runs; run++) {
    const schedule = createSchedule(random)
    try {
      if (await play(schedule)) succeeded++
    } catch (error) {
      const said = error instanceof Error ? error.message : String(error)
      throw new Error(`Run ${run} of ${seed}: ${JSON.stringify(schedule)}\n${said}`, {
        cause: error,
      })
    }
  }
  expect(succeeded).toBeGreaterThan(runs / 2)
}, 120_000)

/** @returns whether the upload succeeded; throws where the promise is broken */
async function play(schedule: Schedule): Promise<boolean> {
  const { google, sub } = driveway
  const files = schedule.sizes.map((size) => ({ name: randomUUID(), bytes: pattern(size) }))
  const body = form('b', ...files.map(({ name, bytes }) => filePart(name, bytes)))
  google.faults.clear()
  google.drive.forgetSessions()
  google.faults.add(...schedule.faults)
  const status =
    schedule.leavesAt === undefined
      ? await upload(body, mustSucceed(schedule))
      : await leave(body, Math.floor(schedule.leavesAt * body.length))
  google.faults.clear()

  const stored = google.drive.filesOf(sub)
  const found = files.map(({ name }) => stored.filter((file) => file.name === name))
  const shapes = found.map((each) => each.map(({ size, sha256 }) => `${size} ${sha256}`))
  const whole = files.map(({ bytes }) => [`${bytes.length} ${sha256Of(bytes)}`])
  expect(shapes).toEqual(status === 201 ? whole : files.map(() => []))
  expect(google.drive.openSessions()).toBeLessThanOrEqual(unheardSessions(schedule))
  return status === 201
}

async function upload(body: Buffer, hasToSucceed: boolean): Promise<number> {
  const answer = await uploadForm(driveway, body)
  if (answer.status === 201) return 201
  const code = codeOf(answer)
  expect([answer.status, hasToSucceed]).toEqual([problems[code as ProblemCode][0], false])
  return answer.status
}

/** Sends the beginning of a form and is gone; waits until the gateway is done with it. */
async function leave(body: Buffer, bytes: number): Promise<number> {
  const logged = driveway.lines.length
  const { hostname, port } = new URL(driveway.origin)
  const socket = connect(Number(port), hostname)
  socket.on('error', () => {}).resume()
  await once(socket, 'connect')
  const head = [
    'POST /upload HTTP/1.1',
    `Host: ${hostname}`,
    `Authorization: ${driveway.bearer['authorization']}`,
    'Content-Type: multipart/form-data; boundary=b',
    `Content-Length: ${body.length}`,
  ]
  socket.write(`${head.join('\r\n')}\r\n\r\n`)
  socket.end(body.subarray(0, bytes))
  for (;;) {
    const last = driveway.lines.slice(logged).find((line) => line.includes('upload refused'))
    if (last !== undefined) return 0
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
}
