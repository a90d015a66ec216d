/** What the gateway sends to Drive, compared with Drive's discovery document. */
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { randomBytes } from 'node:crypto'
import { requestProblems } from '../../../../infra/sandbox/drive/schema/check-request.ts'
import { filePart, form, send, uploadForm } from '../../../kit/environment.ts'
import type { RawResponse } from '../../../kit/environment.ts'
import {
  completeTicket,
  fileResult,
  getFiles,
  parseJson,
  postJson,
  putBytes,
  requestTicket,
  uploadFile,
} from '../../../kit/requests.ts'
import { createTusClient } from '../../../kit/tus.ts'
import { startUploadGateway } from '../../../kit/upload.ts'
import type { UploadGateway } from '../../../kit/upload.ts'

let driveway: UploadGateway

beforeAll(async () => {
  const gateway = { chunkBytes: 256 * 1024, sleep: () => Promise.resolve() }
  driveway = await startUploadGateway({ gateway })
})

afterAll(() => driveway.close())

/** Drive refuses a body with an unknown field or a value of another type, so that no upload succeeds. */
async function put(
  path: string,
  body: Buffer | string = 'hello',
  headers = {},
): Promise<RawResponse> {
  const response = await uploadFile(driveway, path, body, headers)
  expect([path, Math.floor(response.status / 100)]).toEqual([path, 2])
  return response
}

/** Uses every way to upload. @returns the id of a stored file */
async function upload(): Promise<string> {
  const large = randomBytes(600_000)
  const key = { 'idempotency-key': 'first' }
  const { id } = fileResult(await put('path/to/a.txt?mode=error', 'hello', key))
  await put('path/to/a.txt?mode=skip')
  await put('path/to/a.txt?mode=replace', large)
  const posted = await uploadForm(driveway, form('b', filePart('form.txt', 'in a form')))
  expect(posted.status).toBe(201)
  const tus = createTusClient(driveway)
  const path = await tus.create({ 'upload-length': String(large.length) })
  expect((await tus.patch(path, 0, large.subarray(0, 300_000))).status).toBe(204)
  expect((await tus.remove(path)).status).toBe(204)
  const opened = await requestTicket(driveway, { name: 'direct', size: 5, type: 'text/plain' })
  const ticket = parseJson<{ ticket: string; uploadUrl: string }>(opened)
  await putBytes(ticket.uploadUrl, Buffer.from('12345'))
  expect((await completeTicket(driveway, ticket)).status).toBe(201)
  // An interrupted upload queries its session, and one whose file differs is deleted.
  const { faults } = driveway.google
  faults.add({ operation: 'drive.upload.chunk', status: 503, skip: 1 })
  await put('interrupted.bin', large)
  faults.add({ operation: 'drive.upload.multipart', file: { sha256Checksum: 'f'.repeat(64) } })
  expect((await uploadFile(driveway, 'differs.txt', 'hello')).status).toBe(502)
  return id
}

async function read(id: string): Promise<void> {
  const { bearer, origin, google, sub } = driveway
  const doc = { name: 'Doc', document: 'text', createdBy: google.clientId }
  const { Doc = '' } = await google.drive.seed(sub, [doc])
  const page = parseJson<{ nextPageToken: string }>(await getFiles(driveway, bearer, 'pageSize=1'))
  const more = new URLSearchParams({ pageSize: '1', pageToken: page.nextPageToken })
  for (const path of [
    `/files?${more.toString()}`,
    "/files?q=it's&orderBy=modifiedTime%20desc,name%20asc",
    `/files/${id}`,
    `/files/${id}/content`,
    `/files/${Doc}/content?as=pdf`,
  ]) {
    expect([path, (await send(origin, path, { headers: bearer })).status]).toEqual([path, 200])
  }
  const folder = await postJson(driveway, '/files', bearer, { name: 'New' })
  expect(folder.status).toBe(201)
}

describe('requests of the gateway to Drive', () => {
  test('have only parameters, fields and bodies of Drive’s discovery document', async () => {
    await read(await upload())
    await driveway.settled(driveway.uploaded().length)
    expect(driveway.google.drive.schemaProblems).toEqual([])
    expect(new Set(driveway.driveCalls())).toEqual(
      new Set([
        'drive.files.create',
        'drive.files.delete',
        'drive.files.export',
        'drive.files.get',
        'drive.files.list',
        'drive.files.media',
        'drive.generateIds',
        'drive.upload.cancel',
        'drive.upload.chunk',
        'drive.upload.multipart',
        'drive.upload.open',
        'drive.upload.status',
      ]),
    )
  })

  test.each<[string, string, string[]]>([
    ['GET', 'files?page_size=5', ['drive.files.list has no parameter page_size']],
    ['GET', 'files?pageSize=0', ['drive.files.list: pageSize cannot be 0']],
    ['GET', 'files?supportsAllDrives=1', ['drive.files.list: supportsAllDrives cannot be 1']],
    ['GET', 'files/id?alt=text', ['drive.files.get: alt cannot be text']],
    ['GET', 'files/id/export', ['drive.files.export requires the parameter mimeType']],
    [
      'GET',
      'files/generateIds?count=5&pageSize=5',
      ['drive.files.generateIds has no parameter pageSize'],
    ],
    ['PUT', 'files/id', ['PUT /drive/v3/files/id is no method']],
    ['GET', 'files/id?fields=id,etag', ['drive.files.get: File has not all of the fields id,etag']],
    ['GET', 'files?pageSize=1000&q=a&fields=files(id)', []],
  ])('%s %s is compared', (method, path, problems) => {
    expect(requestProblems(method, new URL(`http://drive/drive/v3/${path}`))).toEqual(problems)
  })
})
