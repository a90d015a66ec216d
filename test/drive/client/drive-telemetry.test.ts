/** What a request to Drive is called, and what it costs: its method is read off its address. */
import { expect, test } from '@jest/globals'
import {
  createMeter,
  methodOf,
  quotaUnits,
} from '../../../functions/drive/client/drive-telemetry.ts'
import { createBudget } from '../../../functions/drive/upload/buffer-pool.ts'
import * as session from '../../../functions/drive/client/protocol.ts'
import type { DriveRequest } from '../../../functions/drive/client/transport.ts'
import { silent } from '../../../functions/telemetry/metrics.ts'
import type { Telemetry } from '../../../functions/telemetry/metrics.ts'

const root = 'https://www.googleapis.com/'
const sessionUri = `${root}upload/drive/v3/files?uploadType=resumable&upload_id=secret`
const file = { id: 'id', name: 'n', mimeType: 'text/plain' }
const get = (path: string): DriveRequest => ({ method: 'GET', url: `${root}${path}`, headers: {} })
const bytes = [Buffer.from('abc')]

test.each<[DriveRequest, string, number]>([
  [session.createRequest(root, file, bytes), 'files.create', 50],
  [session.createRequest(root, { ...file, replaces: true }, bytes), 'files.update', 50],
  [session.openRequest(root, file), 'files.create', 50],
  [session.openRequest(root, { ...file, replaces: true }), 'files.update', 50],
  [session.chunkRequest(sessionUri, 0, bytes, 3), 'session.chunk', 0],
  [session.chunkRequest(sessionUri, 0, [], 0), 'session.status', 0],
  [session.statusRequest(sessionUri, undefined), 'session.status', 0],
  [session.cancelRequest(sessionUri), 'session.cancel', 0],
  [session.lookUpRequest(root, 'generated'), 'files.get', 5],
  [session.removeRequest(root, 'id'), 'files.delete', 50],
  [session.idsRequest(root, 9), 'files.generateIds', 5],
  [{ ...get('drive/v3/files?fields=id'), method: 'POST' }, 'files.create', 50],
  [get('drive/v3/files?q=alt%3Dmedia'), 'files.list', 100],
  [get('drive/v3/files/id?alt=media&supportsAllDrives=true'), 'files.get_media', 200],
  [get('drive/v3/files/id/export?mimeType=text%2Fplain'), 'files.export', 200],
  [get('drive/v3/files/id/permissions'), 'other', 5],
  [get('drive/v3/about'), 'other', 5],
])('%j is %s', (request, method, units) => {
  const is = methodOf(request)
  expect([is, quotaUnits[is]]).toEqual([method, units])
})

test('an upload’s window is told at its most, and the budget is what it was', () => {
  const told: [string, number][] = []
  const telemetry: Telemetry = {
    ...silent,
    measure: (name, value) => void told.push([name, value]),
  }
  const budget = createMeter(telemetry).budget(createBudget(64 * 1024 * 1024))
  const room = budget.enter()
  room.wanted = 1024 * 1024
  expect(room.allowed).toBe(1024 * 1024)
  const blocks = [room.take(), room.take(), room.take()].flatMap((block) => block ?? [])
  for (const block of blocks) room.give(block)
  expect(room.take()).toBeDefined()
  room.leave()
  expect(told).toEqual([['driveway.upload.window', 3 * 256 * 1024]])
})

test('what fails is told by its code or status, and thrown as it was', async () => {
  const noted: unknown[] = []
  const telemetry: Telemetry = {
    ...silent,
    span: (_terms, work) => work((attributes) => void noted.push(attributes)),
  }
  const { ask } = createMeter(telemetry)
  for (const error of [
    { response: { status: 403 } },
    new Error('a secret in words'),
    new DOMException('no', 'AbortError'),
  ]) {
    await expect(ask('files.get', () => Promise.reject(error))).rejects.toBe(error)
  }
  expect(noted).toEqual([
    { 'http.response.status_code': 403, 'error.type': '403' },
    { 'error.type': 'no answer' },
    { 'error.type': 'no answer' },
  ])
})
