import { expect, test } from '@jest/globals'
import {
  createInstrumentation,
  methodOf,
  quotaUnits,
} from '../../../functions/drive/client/drive-telemetry.ts'
import { createBufferPool } from '../../../functions/drive/upload/buffer-pool.ts'
import * as protocol from '../../../functions/drive/client/protocol.ts'
import type { DriveRequest } from '../../../functions/drive/client/transport.ts'
import { noopTelemetry } from '../../../functions/telemetry/metrics.ts'
import type { Telemetry } from '../../../functions/telemetry/metrics.ts'

const root = 'https://www.googleapis.com/'
const sessionUri = `${root}upload/drive/v3/files?uploadType=resumable&upload_id=secret`
const file = { id: 'id', name: 'n', mimeType: 'text/plain' }
const get = (path: string): DriveRequest => ({ method: 'GET', url: `${root}${path}`, headers: {} })
const bytes = [Buffer.from('abc')]

test.each<[DriveRequest, string, number]>([
  [protocol.multipartRequest(root, file, bytes), 'files.create', 50],
  [protocol.multipartRequest(root, { ...file, replaces: true }, bytes), 'files.update', 50],
  [protocol.openSessionRequest(root, file), 'files.create', 50],
  [protocol.openSessionRequest(root, { ...file, replaces: true }), 'files.update', 50],
  [protocol.chunkRequest(sessionUri, 0, bytes, 3), 'session.chunk', 0],
  [protocol.chunkRequest(sessionUri, 0, [], 0), 'session.status', 0],
  [protocol.statusRequest(sessionUri, undefined), 'session.status', 0],
  [protocol.cancelSessionRequest(sessionUri), 'session.cancel', 0],
  [protocol.getFileRequest(root, 'generated'), 'files.get', 5],
  [protocol.deleteFileRequest(root, 'id'), 'files.delete', 50],
  [protocol.generateIdsRequest(root, 9), 'files.generateIds', 5],
  [{ ...get('drive/v3/files?fields=id'), method: 'POST' }, 'files.create', 50],
  [get('drive/v3/files?q=alt%3Dmedia'), 'files.list', 100],
  [get('drive/v3/files/id?alt=media&supportsAllDrives=true'), 'files.get_media', 200],
  [get('drive/v3/files/id/export?mimeType=text%2Fplain'), 'files.export', 200],
  [get('drive/v3/files/id/permissions'), 'other', 5],
  [get('drive/v3/about'), 'other', 5],
])('methodOf(%j) returns %s', (request, method, units) => {
  const result = methodOf(request)
  expect([result, quotaUnits[result]]).toEqual([method, units])
})

test('bufferPool() records the maximum buffer of an upload, and passes every call on', async () => {
  const measured: [string, number][] = []
  const telemetry: Telemetry = {
    ...noopTelemetry,
    measure: (name, value) => void measured.push([name, value]),
  }
  const pool = createInstrumentation(telemetry).bufferPool(createBufferPool(64 * 1024 * 1024))
  const reservation = pool.reserve()
  await reservation.admit()
  reservation.demand = 1024 * 1024
  expect(reservation.quota).toBe(1024 * 1024)
  const blocks = [reservation.acquire(), reservation.acquire(), reservation.acquire()].flatMap(
    (block) => block ?? [],
  )
  for (const block of blocks) reservation.release(block)
  expect(reservation.acquire()).toBeDefined()
  reservation.close()
  expect(measured).toEqual([['driveway.upload.buffer', 3 * 256 * 1024]])
})

test('request() records the status or no_response of an error, and rethrows it', async () => {
  const recorded: unknown[] = []
  const telemetry: Telemetry = {
    ...noopTelemetry,
    span: (_terms, work) => work((attributes) => void recorded.push(attributes)),
  }
  const { request } = createInstrumentation(telemetry)
  for (const error of [
    { response: { status: 403 } },
    new Error('a message with a secret'),
    new DOMException('no', 'AbortError'),
  ]) {
    await expect(request('files.get', () => Promise.reject(error))).rejects.toBe(error)
  }
  expect(recorded).toEqual([
    { 'http.response.status_code': 403, 'error.type': '403' },
    { 'error.type': 'no_response' },
    { 'error.type': 'no_response' },
  ])
})
