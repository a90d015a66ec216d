/** Forms with several files of one name, as phones send them: every photo is `image.jpg`. */
import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals'
import { filePart, form, uploadForm } from '../kit/environment.ts'
import type { RawResponse } from '../kit/environment.ts'
import { fieldPart } from '../kit/multipart-fixtures.ts'
import { expectProblem, fileResult, fileResults, parseJson, uploadFile } from '../kit/requests.ts'
import { startUploadGateway } from '../kit/upload.ts'
import type { UploadGateway } from '../kit/upload.ts'

let driveway: UploadGateway

beforeAll(async () => {
  driveway = await startUploadGateway()
})

afterAll(() => driveway.close())

// Each test uses names of its own: `uploaded()` hides files, Drive keeps them.
afterEach(() => driveway.resetUploads())

const post = (mode: string, ...files: [name: string, content: string][]): Promise<RawResponse> => {
  const parts = files.map(([name, content]) => filePart(name, content))
  return uploadForm(driveway, form('b', fieldPart('mode', mode), ...parts))
}

/** Returns the contents of a response's files in Drive, in order. */
const contentsOf = async (response: RawResponse): Promise<string[]> => {
  const ids = fileResults(response).map(({ id }) => id)
  const contents = await Promise.all(ids.map((id) => driveway.google.drive.contentOf(id)))
  return contents.map(String)
}

const put = async (name: string): Promise<{ id: string }> =>
  fileResult(await uploadFile(driveway, name, 'before'))

const flagsOf = (response: RawResponse): unknown[] =>
  fileResults(response).map(({ replaced, skipped }) => ({ replaced, skipped }))

describe('POST /upload stores each of three files of one name', () => {
  test.each(['new', 'replace', 'skip'])('with mode=%s when the name is free', async (mode) => {
    const name = `${mode}.jpg`
    const response = await post(mode, [name, '1'], [name, '2'], [name, '3'])
    expect(response.status).toBe(201)
    expect(await contentsOf(response)).toEqual(['1', '2', '3'])
    expect(flagsOf(response)).toEqual([{}, {}, {}])
    expect(driveway.uploaded()).toHaveLength(3)
  })

  test('with mode=replace when the name exists: the first replaces the existing file', async () => {
    const before = await put('taken.jpg')
    const response = await post('replace', ['taken.jpg', '1'], ['taken.jpg', '2'])
    expect(flagsOf(response)).toEqual([{ replaced: true }, {}])
    expect(fileResults(response)[0]?.id).toBe(before.id)
    expect(await contentsOf(response)).toEqual(['1', '2'])
  })

  test('also when the names differ in their Unicode normal form, or are missing', async () => {
    const nfc = await post('replace', ['caf\u00e9', '1'], ['cafe\u0301', '2'])
    expect(await contentsOf(nfc)).toEqual(['1', '2'])
    const untitled = await post('skip', [' ', '1'], ['.', '2'])
    expect(await contentsOf(untitled)).toEqual(['1', '2'])
  })
})

test('POST /upload with mode=skip skips each file whose name exists before the form', async () => {
  const before = await put('known.jpg')
  const response = await post('skip', ['known.jpg', '1'], ['known.jpg', '2'])
  expect(flagsOf(response)).toEqual([{ skipped: true }, { skipped: true }])
  expect(fileResults(response).map(({ id }) => id)).toEqual([before.id, before.id])
})

test('POST /upload with mode=error rejects two files of one name, and stores neither', async () => {
  const response = await post('error', ['twice.jpg', '1'], ['twice.jpg', '2'])
  expectProblem(response, 409, 'file_exists')
  expect(parseJson(response)['detail']).toMatch(/^Two files of the form have the same name\./)
  expect(driveway.uploaded()).toEqual([])
})
