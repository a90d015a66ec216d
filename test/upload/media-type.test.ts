/** The media type of a file without a declared one: every method infers it from the name. */
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { mediaTypeOf } from '../../functions/lib/media-type.ts'
import { form, send, uploadForm } from '../kit/environment.ts'
import { parseJson, putBytes, requestTicket, uploadFile } from '../kit/requests.ts'
import { createTusClient, encodeMetadata } from '../kit/tus.ts'
import { startUploadGateway } from '../kit/upload.ts'
import type { UploadGateway } from '../kit/upload.ts'

let driveway: UploadGateway

beforeAll(async () => {
  driveway = await startUploadGateway()
})

afterAll(() => driveway.close())

type Upload = (name: string, type?: string) => Promise<unknown>

const methods: [method: string, upload: Upload][] = [
  [
    'a form',
    (name, type) => {
      const disposition = `Content-Disposition: form-data; name="file"; filename="${name}"`
      const headers = type === undefined ? [disposition] : [disposition, `Content-Type: ${type}`]
      return uploadForm(driveway, form('b', { headers, body: 'x' }))
    },
  ],
  [
    'a raw body',
    (name, type) =>
      uploadFile(driveway, name, 'x', type === undefined ? {} : { 'content-type': type }),
  ],
  [
    'tus',
    (name, type) => {
      const values = { filename: name, ...(type === undefined ? {} : { filetype: type }) }
      const headers = { 'upload-length': '1', 'upload-metadata': encodeMetadata(values) }
      return createTusClient(driveway).post(headers, Buffer.from('x'))
    },
  ],
  [
    'a ticket',
    async (name, type) => {
      const response = await requestTicket(driveway, { name, type, size: 1 })
      const { uploadUrl } = parseJson<{ uploadUrl: string }>(response)
      return putBytes(uploadUrl, Buffer.from('x'))
    },
  ],
]

describe.each(methods)('a file uploaded by %s', (_, upload) => {
  test.each([
    ['a.parquet', undefined, 'application/vnd.apache.parquet'],
    ['NOTES.MD', undefined, 'text/markdown'],
    ['a.heic', 'application/octet-stream', 'image/heic'],
    ['a.epub', 'Application/Octet-Stream', 'application/epub+zip'],
    ['a.md', 'application/x-own', 'application/x-own'],
    ['a.unknown', undefined, 'application/octet-stream'],
  ])('named %s with the type %s is stored as %s', async (name, type, mimeType) => {
    driveway.resetUploads()
    await upload(name, type)
    expect(driveway.uploaded().map((file) => [file.name, file.mimeType])).toEqual([
      [name, mimeType],
    ])
  })
})

test('PUT /upload infers the type of a body that curl --data-binary declares as a form', async () => {
  const headers = { ...driveway.bearer, 'content-type': 'application/x-www-form-urlencoded' }
  const path = '/upload/data.csv'
  const response = await send(driveway.origin, path, { method: 'PUT', headers, body: 'a,b' })
  expect(parseJson(response)['mimeType']).toBe('text/csv')
})

test('mediaTypeOf() knows the formats that people upload', () => {
  const types = {
    '7z': 'application/x-7z-compressed',
    avif: 'image/avif',
    docx: 'application/vnd.openxmlformats-officedocument.wordprocessingml.document',
    flac: 'audio/flac',
    ipynb: 'application/x-ipynb+json',
    jsonl: 'application/jsonl',
    mkv: 'video/x-matroska',
    mp4: 'video/mp4',
    ods: 'application/vnd.oasis.opendocument.spreadsheet',
    pdf: 'application/pdf',
    sqlite: 'application/vnd.sqlite3',
    'tar.gz': 'application/gzip',
    wav: 'audio/wav',
    yaml: 'application/yaml',
  }
  const inferred = Object.keys(types).map((extension) => [extension, mediaTypeOf(`x.${extension}`)])
  expect(Object.fromEntries(inferred)).toEqual(types)
})

test.each(['ts', 'rs', 'constructor', '', 'no dot'])(
  'mediaTypeOf() gives no type to the extension %j',
  (extension) => {
    expect(mediaTypeOf(`x.${extension}`)).toBe('application/octet-stream')
  },
)
