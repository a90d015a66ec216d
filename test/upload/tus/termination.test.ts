/** `DELETE` of a finished tus upload removes the content that it has stored, and no newer one. */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals'
import { pattern } from '../../faults/fixture.ts'
import { fieldPart } from '../../kit/multipart-fixtures.ts'
import { filePart, form } from '../../kit/environment.ts'
import { expectProblem, fileResult, uploadFile } from '../../kit/requests.ts'
import {
  expectFiles,
  expectNothingStored,
  formRequestHead,
  openConnection,
  problemCodeIn,
  startUploadGateway,
  waitFor,
} from '../../kit/upload.ts'
import type { UploadGateway } from '../../kit/upload.ts'
import { chunkUnit, createTusClient, encodeMetadata } from '../../kit/tus.ts'
import type { TusClient } from '../../kit/tus.ts'

let driveway: UploadGateway
let client: TusClient

beforeAll(async () => {
  driveway = await startUploadGateway({ gateway: { chunkBytes: chunkUnit } })
  client = createTusClient(driveway)
})
afterAll(() => driveway.close())
beforeEach(() => driveway.resetUploads())

const headersOf = (name: string, size: number): Record<string, string> => ({
  'upload-length': String(size),
  'upload-metadata': encodeMetadata({ filename: name }),
})

/** Uploads a file by tus, in one request or in several. @returns the path of the upload */
async function upload(name: string, bytes: Buffer, requests: number): Promise<string> {
  if (requests === 1) return client.create(headersOf(name, bytes.length), bytes)
  const path = await client.create(headersOf(name, bytes.length))
  for (let offset = 0; offset < bytes.length; offset += chunkUnit) {
    const part = bytes.subarray(offset, offset + chunkUnit)
    expect((await client.patch(path, offset, part)).status).toBe(204)
  }
  return path
}

describe.each([1, 3])('DELETE of an upload that was finished by %i requests', (requests) => {
  const bytes = pattern(2 * chunkUnit + 5)

  test('removes its file', async () => {
    const path = await upload(`own-${requests}.bin`, bytes, requests)
    expect((await client.remove(path)).status).toBe(204)
    expectNothingStored(driveway)
  })

  test.each(['newer content', bytes])(
    'returns 409 and keeps the content that has replaced it: %.20p',
    async (newer) => {
      const name = `replaced-${requests}.bin`
      const path = await upload(name, bytes, requests)
      const replaced = fileResult(await uploadFile(driveway, `${name}?mode=replace`, newer))
      expect(replaced.replaced).toBe(true)
      const overridden = { 'x-http-method-override': 'DELETE' }
      for (const response of [
        await client.remove(path),
        await client.request('POST', path, overridden),
      ]) {
        expectProblem(response, 409, 'file_changed_after_upload')
      }
      expectFiles(driveway, Buffer.from(newer))
    },
  )
})

test('DELETE of an unfinished upload removes nothing of another one with the same name', async () => {
  const bytes = pattern(5)
  await client.create(headersOf('two.bin', 5), bytes)
  const unfinished = await client.create(headersOf('two.bin', 9))
  expect((await client.remove(unfinished)).status).toBe(204)
  expectFiles(driveway, bytes)
})

test('A form that fails keeps the content that has replaced its first file meanwhile', async () => {
  const files = [filePart('form.bin', 'of the form'), filePart('next.bin', 'the second file')]
  const body = form('b', ...files, fieldPart('path', 'Inbox')) // a field after a file is an error
  const connection = await openConnection(driveway.origin)
  connection.socket.write(formRequestHead(driveway, { 'Content-Length': body.length }))
  const pause = body.indexOf('second file')
  connection.socket.write(body.subarray(0, pause))
  await waitFor(() => driveway.uploaded().length === 1)
  const replaced = await uploadFile(driveway, 'form.bin?mode=replace', 'newer content')
  expect(fileResult(replaced).replaced).toBe(true)
  connection.socket.write(body.subarray(pause))
  const received = await connection.waitFor((text) => text.includes('"code"'))
  expect(problemCodeIn(received)).toBe('field_after_file')
  connection.socket.destroy()
  expectFiles(driveway, Buffer.from('newer content'))
})
