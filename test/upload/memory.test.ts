/** The memory limit of uploads: requests beyond it are rejected before their bodies are read. */
import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { request } from 'node:http'
import { uploadMemoryLimit } from '../../functions/config/memory-limit.ts'
import { filePart, form, problemCode, send, startDriveway, uploadForm } from '../kit/environment.ts'
import type { Driveway } from '../kit/environment.ts'
import { expectProblem, uploadFile } from '../kit/requests.ts'
import { waitFor } from '../kit/upload.ts'

const mebibyte = 1024 * 1024
let driveway: Driveway

/** Enough memory for four concurrent uploads of unknown length. */
beforeAll(async () => {
  driveway = await startDriveway({
    env: { MEMORY_BYTES: String(3 * mebibyte) },
    gateway: { admissionWaitMs: 20 },
  })
})
afterAll(() => driveway.close())

const type = { 'content-type': 'multipart/form-data; boundary=b' }

/** Starts uploads that send only the start of a body. @returns a function that aborts them */
async function startUploads(count: number, target = driveway): Promise<() => Promise<void>> {
  const requests = Array.from({ length: count }, () => {
    const req = request(`${target.origin}/upload`, {
      method: 'POST',
      agent: false,
      headers: { ...target.bearer, ...type, expect: '100-continue' },
    })
    req.on('error', () => {})
    const continued = new Promise<void>((resolve) =>
      req.once('continue', () => req.write('--b\r\n', () => resolve())),
    )
    req.flushHeaders()
    return { req, continued }
  })
  await Promise.all(requests.map(({ continued }) => continued))
  return async () => {
    for (const { req } of requests) req.destroy()
    await waitFor(() => target.logs.filter(({ code }) => code === 'truncated').length >= count)
  }
}

test('POST /upload returns over_capacity with Retry-After, before the body is read, when memory is reserved', async () => {
  const abortUploads = await startUploads(4)
  driveway.google.calls.length = 0
  const response = await uploadForm(driveway, form('b', filePart('a', 'x'.repeat(300_000))))
  expectProblem(response, 503, 'over_capacity')
  expect(Number(response.headers['retry-after'])).toBeGreaterThan(0)
  expect(JSON.parse(response.body)).toMatchObject({ retryable: true })

  const waiting = await send(driveway.origin, '/upload', {
    method: 'POST',
    headers: { ...driveway.bearer, ...type, expect: '100-continue' },
  })
  expectProblem(waiting, 503, 'over_capacity')
  expect(driveway.google.calls.filter((call) => call.startsWith('drive.upload'))).toEqual([])
  await abortUploads()
  const retried = await uploadForm(driveway, form('b', filePart('a', 'x'.repeat(300_000))))
  expect(retried.status).toBe(201)
})

test('30 small uploads at once are all stored with memory for four uploads of unknown length', async () => {
  const body = Buffer.alloc(10 * 1024, 's')
  const responses = await Promise.all(
    Array.from({ length: 30 }, (_, n) => uploadFile(driveway, `small-${n}.bin`, body)),
  )
  expect(responses.map(({ status }) => status)).toEqual(Array.from({ length: 30 }, () => 201))
})

test('an upload waits for memory and is stored when another upload ends', async () => {
  const waiting = await startDriveway({
    env: { MEMORY_BYTES: String(3 * mebibyte) },
    gateway: { admissionWaitMs: 60_000 },
  })
  try {
    const abortUploads = await startUploads(4, waiting)
    const stored = uploadForm(waiting, form('b', filePart('a', 'x'.repeat(300_000))))
    await abortUploads()
    expect((await stored).status).toBe(201)
  } finally {
    await waiting.close()
  }
})

test('concurrent uploads are stored or rejected, and release all memory', async () => {
  const bytes = Buffer.alloc(3 * mebibyte, 'y')
  for (let round = 0; round < 3; round++) {
    const responses = await Promise.all(
      Array.from({ length: 12 }, () => uploadForm(driveway, form('b', filePart('b', bytes)))),
    )
    const results = responses.map((response) =>
      response.status === 201 ? 'stored' : problemCode(response),
    )
    expect(new Set(results)).toEqual(new Set(['stored', 'over_capacity']))
  }
  expect(driveway.google.drive.openSessions()).toBe(0)
  const abortUploads = await startUploads(4)
  await abortUploads()
})

test('uploadMemoryLimit() follows the memory limit of the instance', () => {
  const limits = [128, 256, 512].map((limit) => uploadMemoryLimit(limit * mebibyte) / mebibyte)
  expect(limits).toEqual([16, 60, 140])
  expect(uploadMemoryLimit(0)).toBe(uploadMemoryLimit(2 ** 64))
})
