/** More uploads than there is memory for: refused before their bodies are read, never by a crash. */
import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { request } from 'node:http'
import { memoryForUploads } from '../../functions/config/memory-limit.ts'
import { codeOf, filePart, form, send, startDriveway, uploadForm } from '../kit/environment.ts'
import type { Driveway } from '../kit/environment.ts'
import { until } from '../kit/wait-for.ts'

const mebibyte = 1024 * 1024
let driveway: Driveway

/** Room for four uploads of unknown length at once. */
beforeAll(async () => {
  driveway = await startDriveway({ env: { MEMORY_BYTES: String(3 * mebibyte) } })
})
afterAll(() => driveway.close())

const type = { 'content-type': 'multipart/form-data; boundary=b' }

/** Starts uploads that get no further than their headers. */
async function hold(count: number): Promise<() => Promise<void>> {
  const held = Array.from({ length: count }, () => {
    const req = request(`${driveway.origin}/upload`, {
      method: 'POST',
      agent: false,
      headers: { ...driveway.bearer, ...type, expect: '100-continue' },
    })
    req.on('error', () => {})
    const asked = new Promise<void>((resolve) => req.once('continue', () => resolve()))
    req.flushHeaders()
    return { req, asked }
  })
  await Promise.all(held.map(({ asked }) => asked))
  return async () => {
    for (const { req } of held) req.destroy()
    await until(() => driveway.logs.filter(({ code }) => code === 'truncated').length >= count)
  }
}

test('one upload too many is told to come back, unread, and the others go on (case 94)', async () => {
  const letGo = await hold(4)
  driveway.google.calls.length = 0
  const answer = await uploadForm(driveway, form('b', filePart('a', 'x'.repeat(300_000))))
  expect([answer.status, codeOf(answer)]).toEqual([503, 'over_capacity'])
  expect(Number(answer.headers['retry-after'])).toBeGreaterThan(0)
  expect(JSON.parse(answer.body)).toMatchObject({ retryable: true })

  const asking = await send(driveway.origin, '/upload', {
    method: 'POST',
    headers: { ...driveway.bearer, ...type, expect: '100-continue' },
  })
  expect([asking.status, codeOf(asking)]).toEqual([503, 'over_capacity'])
  expect(driveway.google.calls.filter((call) => call.startsWith('drive.upload'))).toEqual([])
  await letGo()
  const again = await uploadForm(driveway, form('b', filePart('a', 'x'.repeat(300_000))))
  expect(again.status).toBe(201)
})

test('dozens of uploads in little memory are stored or refused, and leave all of it free', async () => {
  const bytes = Buffer.alloc(3 * mebibyte, 'y')
  for (let round = 0; round < 3; round++) {
    const answers = await Promise.all(
      Array.from({ length: 12 }, () => uploadForm(driveway, form('b', filePart('b', bytes)))),
    )
    const outcomes = answers.map((answer) => (answer.status === 201 ? 'stored' : codeOf(answer)))
    expect(new Set(outcomes)).toEqual(new Set(['stored', 'over_capacity']))
  }
  expect(driveway.google.drive.openSessions()).toBe(0)
  const letGo = await hold(4)
  await letGo()
})

test('what uploads may hold follows the instance’s limit', () => {
  const held = [128, 256, 512].map((limit) => memoryForUploads(limit * mebibyte) / mebibyte)
  expect(held).toEqual([16, 60, 140])
  expect(memoryForUploads(0)).toBe(memoryForUploads(2 ** 64))
})
