import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals'
import { createHash } from 'node:crypto'
import { filePart, form, send, uploadForm } from '../../kit/environment.ts'
import type { RawResponse } from '../../kit/environment.ts'
import { expectProblem, fileResults } from '../../kit/requests.ts'
import { expectNothingStored, startUploadGateway } from '../../kit/upload.ts'
import type { UploadGateway } from '../../kit/upload.ts'
import { fieldPart, malformedForms, validForm } from '../../kit/multipart-fixtures.ts'

type FormFile = ReturnType<typeof filePart>

let driveway: UploadGateway

beforeAll(async () => {
  driveway = await startUploadGateway({ env: { MAX_FILE_BYTES: '1000000' } })
})

afterAll(() => driveway.close())

afterEach(() => {
  driveway.resetUploads()
  driveway.google.faults.clear()
  expect(Object.keys(Object.prototype)).toEqual([])
  expect({}).not.toHaveProperty('polluted')
})

function post(
  contentType: string | undefined,
  body: Buffer | string,
  more = {},
): Promise<RawResponse> {
  const type = contentType === undefined ? {} : { 'content-type': contentType }
  const headers = { ...driveway.bearer, ...type, ...more }
  return send(driveway.origin, '/upload', { method: 'POST', headers, body })
}

/** Asserts a problem document with this code, and that Drive stores nothing. */
async function expectRejected(response: RawResponse, status: number, code: string): Promise<void> {
  expectProblem(response, status, code)
  expect(response.headers['content-type']).toBe('application/problem+json')
  expectNothingStored(driveway)
}

describe('the Content-Type of POST /upload', () => {
  test.each([
    ['no boundary', 'multipart/form-data'],
    ['an empty boundary', 'multipart/form-data; boundary='],
    ['an empty boundary in quotes', 'multipart/form-data; boundary=""'],
    ['two boundaries', 'multipart/form-data; boundary=b; boundary=b'],
    [
      'two boundaries, one of them in a quoted parameter',
      'multipart/form-data; x="; boundary=c"; boundary=b; BOUNDARY=c',
    ],
    ['text after a quoted boundary', 'multipart/form-data; boundary="b"c'],
    ['a boundary that ends with a space', 'multipart/form-data; boundary="b "'],
    ['an unquoted boundary with a space', 'multipart/form-data; boundary=b c'],
    ['illegal characters', 'multipart/form-data; boundary="b<c>"'],
    ['a boundary that is not ASCII', 'multipart/form-data; boundary="bé"'],
    ...[71, 252, 300, 10_000].map((size) => [
      `a boundary of ${size} characters`,
      `multipart/form-data; boundary=${'b'.repeat(size)}`,
    ]),
  ])(
    'with %s is rejected with invalid_boundary, and Drive gets no request',
    async (_, contentType) => {
      driveway.google.calls.length = 0
      await expectRejected(await post(contentType, validForm), 400, 'invalid_boundary')
      expect(driveway.driveCalls()).toEqual([])
    },
  )

  test.each([
    undefined,
    '',
    'application/x-www-form-urlencoded',
    'multipart/mixed; boundary=b',
    'multipart/related; boundary=b',
    'multipart/form-data-too; boundary=b',
    'text/plain',
    'application/json',
    'application/octet-stream',
  ])('%j is rejected with unsupported_media_type', async (contentType) => {
    await expectRejected(await post(contentType, validForm), 415, 'unsupported_media_type')
  })

  test.each(['gzip', 'br', 'identity'])(
    'multipart/form-data is rejected with Content-Encoding: %s',
    async (encoding) => {
      const response = await post('multipart/form-data; boundary=b', validForm, {
        'content-encoding': encoding,
      })
      await expectRejected(response, 415, 'unsupported_media_type')
    },
  )

  test.each(["'()+_,-./:=?", 'a b', 'b'.repeat(70)])(
    'may have the boundary %j',
    async (boundary) => {
      const response = await post(
        `Multipart/Form-Data; charset=utf-8; Boundary="${boundary}";`,
        form(boundary, fieldPart('a', 'b')),
      )
      await expectRejected(response, 400, 'no_file')
    },
  )
})

test.each(malformedForms)('POST /upload rejects %s and stores nothing', async (_, body, code) => {
  const response = await uploadForm(driveway, Buffer.from(body))
  await expectRejected(
    response,
    code.startsWith('too_') || code === 'field_too_large' ? 413 : 400,
    code,
  )
})

const disposition = 'Content-Disposition: form-data; name="file"; filename="x"'

/** Malformed part headers, and the codes of their problems. */
const malformedHeaders: [description: string, headers: string[], code: string][] = [
  ['a space before its header', [` ${disposition}`], 'malformed_multipart'],
  [
    'a folded header',
    ['Content-Disposition: form-data;', ' name="file"; filename="x"'],
    'malformed_multipart',
  ],
  ['a bare CR', [`${disposition}\rX: y`], 'malformed_multipart'],
  ['a bare LF', [`${disposition}\nX: y`], 'malformed_multipart'],
  ['a NUL', [`${disposition}\0`], 'malformed_multipart'],
  [
    'a space before the colon',
    ['Content-Disposition : form-data; name="file"; filename="x"'],
    'malformed_multipart',
  ],
  ['a header without a colon', [disposition, 'nothing'], 'malformed_multipart'],
  ['no name', ['Content-Disposition: form-data; filename="x"'], 'malformed_multipart'],
  ['no Content-Disposition', ['Content-Type: text/plain'], 'malformed_multipart'],
  [
    'Content-Disposition: attachment',
    ['Content-Disposition: attachment; name="file"; filename="x"'],
    'malformed_multipart',
  ],
  [
    'an unterminated quoted string',
    ['Content-Disposition: form-data; name="file'],
    'malformed_multipart',
  ],
  ['two Content-Dispositions', [disposition, disposition], 'ambiguous_part'],
  [
    'two Content-Dispositions in different case',
    [disposition, disposition.toLowerCase()],
    'ambiguous_part',
  ],
  ['two filenames', [`${disposition}; filename="x"`], 'ambiguous_part'],
  ['two names', [`${disposition}; name="file"`], 'ambiguous_part'],
  [
    'a filename and a different filename*',
    [`${disposition}; filename*=UTF-8''y`],
    'ambiguous_part',
  ],
  [
    'a filename* of an unknown charset',
    ["Content-Disposition: form-data; name=f; filename*=KOI8-R''x"],
    'invalid_filename',
  ],
  [
    'a filename* with a malformed escape',
    ["Content-Disposition: form-data; name=f; filename*=UTF-8''%zz"],
    'invalid_filename',
  ],
  [
    'a filename* that is not UTF-8',
    ["Content-Disposition: form-data; name=f; filename*=UTF-8''%ff"],
    'invalid_filename',
  ],
  [
    'a filename* without a charset',
    ['Content-Disposition: form-data; name=f; filename*=x'],
    'invalid_filename',
  ],
  [
    'an empty filename*',
    ["Content-Disposition: form-data; name=f; filename*=UTF-8''"],
    'invalid_filename',
  ],
  [
    'a nested multipart/mixed body',
    [disposition, 'Content-Type: multipart/mixed; boundary=c'],
    'unsupported_part',
  ],
  ['base64 encoding', [disposition, 'Content-Transfer-Encoding: base64'], 'unsupported_part'],
  [
    'quoted-printable encoding',
    [disposition, 'content-transfer-encoding:Quoted-Printable '],
    'unsupported_part',
  ],
  [
    'a nested body but no filename',
    ['Content-Disposition: form-data; name="file"', 'Content-Type: multipart/mixed; boundary=c'],
    'unsupported_part',
  ],
  [
    'an empty filename and content',
    ['Content-Disposition: form-data; name="file"; filename=""'],
    'invalid_filename',
  ],
]

test.each(malformedHeaders)('POST /upload rejects a part with %s', async (_, headers, code) => {
  const response = await uploadForm(driveway, form('b', { headers, body: 'content' }))
  await expectRejected(response, 400, code)
})

test.each([
  ['a form with only fields', [fieldPart('a', 'b'), fieldPart('c', 'd')]],
  ['a browser’s form with no file selected', [filePart('', '')]],
])('POST /upload returns no_file for %s, and sends Drive no request', async (_, parts) => {
  driveway.google.calls.length = 0
  await expectRejected(await uploadForm(driveway, form('b', ...parts)), 400, 'no_file')
  expect(driveway.driveCalls()).toEqual([])
})

/** Field names that are special in JavaScript, and other unusual names. */
const unusualNames = [
  '__proto__',
  'constructor',
  'a[__proto__][polluted]',
  'toString',
  `a${'[b]'.repeat(5_000)}`,
  '',
]

test('POST /upload ignores fields with names that are special in JavaScript', async () => {
  const parts = unusualNames.map((name) => fieldPart(name, 'polluted'))
  await expectRejected(await uploadForm(driveway, form('b', ...parts)), 400, 'no_file')
})

test.each([
  [
    'folder twice',
    [fieldPart('folder', 'root'), fieldPart('folder', 'root'), filePart('a', 'a')],
    'bad_request',
  ],
  [
    'folder 100 times',
    [
      ...Array<ReturnType<typeof fieldPart>>(100).fill(fieldPart('folder', 'root')),
      filePart('a', 'a'),
    ],
    'bad_request',
  ],
  ['folder after the file', [filePart('a', 'a'), fieldPart('folder', 'root')], 'field_after_file'],
  [
    'folder between two files',
    [filePart('a', 'a'), fieldPart('folder', 'root'), filePart('b', 'b')],
    'field_after_file',
  ],
])('POST /upload rejects a form with %s and stores nothing', async (_, parts, code) => {
  await expectRejected(await uploadForm(driveway, form('b', ...parts)), 400, code)
})

test('POST /upload removes the first file when the second is one byte over the limit', async () => {
  const [small, large] = [filePart('a', 'a'), filePart('b', Buffer.alloc(1_000_001))]
  await expectRejected(await uploadForm(driveway, form('b', small, large)), 413, 'too_large')
})

test('POST /upload stores files in order, an empty one included, and ignores other fields', async () => {
  const { drive } = driveway.google
  const bodies = ['first', '', Buffer.alloc(1_000_000, 'x'), 'last']
  const fields = Array.from({ length: 100 }, (_, at) => fieldPart(`field${at}`, 'ignored'))
  const files = bodies.map((body, at) => filePart(`${at}.bin`, body, `input${at}`))
  const response = await uploadForm(
    driveway,
    form('b', ...fields, ...files, fieldPart('last', 'ignored')),
  )
  expect(response.status).toBe(201)
  const results = fileResults(response)
  expect(results.map(({ name, size, sha256 }) => [name, size, sha256])).toEqual(
    bodies.map((body, at) => [
      `${at}.bin`,
      body.length,
      createHash('sha256').update(body).digest('hex'),
    ]),
  )
  for (const [at, { id }] of results.entries()) {
    expect(await drive.contentOf(id)).toEqual(Buffer.from(bodies[at] ?? ''))
  }
  expect(driveway.uploaded()).toHaveLength(bodies.length)
})

/** Returns a form part that is a field with a media type. */
function typedField(name: string, type: string, body: string | Buffer): FormFile {
  const headers = [`Content-Disposition: form-data; name="${name}"`, `Content-Type: ${type}`]
  return { headers, body }
}

test.each(['application/json', 'application/octet-stream', 'image/png', 'text/plain', 'nonsense'])(
  'POST /upload ignores an unknown field of the type %s',
  async (type) => {
    const fields = [typedField('meta', type, '{"a":1}'), fieldPart('note', 'x')]
    const body = form('b', ...fields, filePart('x.txt', 'x'))
    expect(fileResults(await uploadForm(driveway, body)).map(({ name }) => name)).toEqual(['x.txt'])
  },
)

test('POST /upload reads the fields of Java clients, which declare type, charset and encoding', async () => {
  const encoding = 'Content-Transfer-Encoding: 8bit'
  const latin1 = typedField(
    'path',
    'text/plain; charset=ISO-8859-1',
    Buffer.from('caf\xe9', 'latin1'),
  )
  latin1.headers.push(encoding)
  const json = typedField('mode', 'application/json; charset="UTF-8"', 'error')
  const body = form('b', latin1, json, filePart('x.txt', 'x'))
  const [file] = fileResults(await uploadForm(driveway, body))
  const { drive } = driveway.google
  const [parent] = drive.file(file?.id ?? '')?.parents ?? []
  expect(drive.file(parent ?? '')?.name).toBe('café')
  expectProblem(await uploadForm(driveway, body), 409, 'file_exists')
})

test.each([
  ['is not UTF-8', 'text/plain', Buffer.from([0x63, 0xe9])],
  ['has an unknown charset', 'text/plain; charset=no-such', Buffer.from('a')],
])('POST /upload rejects a path that %s, and ignores such a note', async (_, type, value) => {
  const file = filePart('x.txt', 'x')
  const path = form('b', typedField('path', type, value), file)
  await expectRejected(await uploadForm(driveway, path), 400, 'bad_request')
  const note = form('b', typedField('note', type, value), file)
  expect((await uploadForm(driveway, note)).status).toBe(201)
})

test('POST /upload returns no_file for a typed part without a filename alone', async () => {
  const body = form('b', typedField('file', 'image/png', 'bytes'))
  await expectRejected(await uploadForm(driveway, body), 400, 'no_file')
})

test('POST /upload sends an empty file in one request to Drive', async () => {
  driveway.google.calls.length = 0
  const response = await uploadForm(driveway, form('b', filePart('empty', '')))
  const [file] = fileResults(response)
  expect([response.status, file?.size]).toEqual([201, 0])
  expect(driveway.google.drive.file(file?.id ?? '')?.size).toBe(0)
  expect(driveway.driveCalls()).toEqual(['drive.upload.multipart'])
})
