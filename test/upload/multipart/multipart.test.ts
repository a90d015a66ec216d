import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals'
import { createHash } from 'node:crypto'
import { codeOf, filePart, form, send, uploadForm } from '../../kit/environment.ts'
import type { RawAnswer } from '../../kit/environment.ts'
import { fieldPart, hostileForms, wholeForm } from '../../kit/multipart-fixtures.ts'
import { expectNothingIn, startUploading } from '../../kit/upload.ts'
import type { Uploading } from '../../kit/upload.ts'

let driveway: Uploading

beforeAll(async () => {
  driveway = await startUploading({ env: { MAX_FILE_BYTES: '1000000' } })
})

afterAll(() => driveway.close())

afterEach(() => {
  driveway.google.faults.clear()
  expect(Object.keys(Object.prototype)).toEqual([])
  expect({}).not.toHaveProperty('polluted')
})

function post(
  contentType: string | undefined,
  body: Buffer | string,
  more = {},
): Promise<RawAnswer> {
  const type = contentType === undefined ? {} : { 'content-type': contentType }
  const headers = { ...driveway.bearer, ...type, ...more }
  return send(driveway.origin, '/upload', { method: 'POST', headers, body })
}

/** Refused with this code, a problem document and nothing left behind. */
async function expectRefused(answer: RawAnswer, status: number, code: string): Promise<void> {
  expect([answer.status, codeOf(answer)]).toEqual([status, code])
  expect(answer.headers['content-type']).toBe('application/problem+json')
  expectNothingIn(driveway)
}

describe('a Content-Type (cases 40 and 41)', () => {
  test.each([
    ['no boundary', 'multipart/form-data'],
    ['an empty boundary', 'multipart/form-data; boundary='],
    ['an empty boundary in quotes', 'multipart/form-data; boundary=""'],
    ['two boundaries', 'multipart/form-data; boundary=b; boundary=b'],
    [
      'two boundaries, one of them hidden',
      'multipart/form-data; x="; boundary=c"; boundary=b; BOUNDARY=c',
    ],
    ['a boundary and something behind it', 'multipart/form-data; boundary="b"c'],
    ['a boundary with a space at its end', 'multipart/form-data; boundary="b "'],
    ['a boundary with a bare space in it', 'multipart/form-data; boundary=b c'],
    ['illegal characters', 'multipart/form-data; boundary="b<c>"'],
    ['letters that are no ASCII', 'multipart/form-data; boundary="bé"'],
    ...[71, 252, 300, 10_000].map((size) => [
      `a boundary of ${size} characters`,
      `multipart/form-data; boundary=${'b'.repeat(size)}`,
    ]),
  ])('with %s is refused before anything is read', async (_, contentType) => {
    driveway.google.calls.length = 0
    await expectRefused(await post(contentType, wholeForm), 400, 'invalid_boundary')
    expect(driveway.driveCalls()).toEqual([])
  })

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
  ])('%j is no form', async (contentType) => {
    await expectRefused(await post(contentType, wholeForm), 415, 'unsupported_media_type')
  })

  test.each(['gzip', 'br', 'identity'])(
    'beside Content-Encoding: %s is no form (case 59)',
    async (encoding) => {
      const answer = await post('multipart/form-data; boundary=b', wholeForm, {
        'content-encoding': encoding,
      })
      await expectRefused(answer, 415, 'unsupported_media_type')
    },
  )

  test.each(["'()+_,-./:=?", 'a b', 'b'.repeat(70)])(
    'may name the boundary %j',
    async (boundary) => {
      const answer = await post(
        `Multipart/Form-Data; charset=utf-8; Boundary="${boundary}";`,
        form(boundary, fieldPart('a', 'b')),
      )
      await expectRefused(answer, 400, 'no_file')
    },
  )
})

test.each(hostileForms)('%s: refused, and nothing is left in Drive', async (_, body, code) => {
  const answer = await uploadForm(driveway, Buffer.from(body))
  await expectRefused(
    answer,
    code.startsWith('too_') || code === 'field_too_large' ? 413 : 400,
    code,
  )
})

const disposition = 'Content-Disposition: form-data; name="file"; filename="x"'

/** Headers of one part, and what they get. */
const badHeaders: [what: string, headers: string[], code: string][] = [
  ['a space at its start (case 46)', [` ${disposition}`], 'malformed_multipart'],
  [
    'a folded line (case 46)',
    ['Content-Disposition: form-data;', ' name="file"; filename="x"'],
    'malformed_multipart',
  ],
  ['a bare CR (case 46)', [`${disposition}\rX: y`], 'malformed_multipart'],
  ['a bare LF (case 46)', [`${disposition}\nX: y`], 'malformed_multipart'],
  ['a NUL (case 46)', [`${disposition}\0`], 'malformed_multipart'],
  [
    'a space before its colon (case 46)',
    ['Content-Disposition : form-data; name="file"; filename="x"'],
    'malformed_multipart',
  ],
  ['no colon (case 46)', [disposition, 'nothing'], 'malformed_multipart'],
  ['no name (case 46)', ['Content-Disposition: form-data; filename="x"'], 'malformed_multipart'],
  ['no Content-Disposition (case 46)', ['Content-Type: text/plain'], 'malformed_multipart'],
  [
    'Content-Disposition: attachment (case 46)',
    ['Content-Disposition: attachment; name="file"; filename="x"'],
    'malformed_multipart',
  ],
  [
    'an unfinished quoted string (case 46)',
    ['Content-Disposition: form-data; name="file'],
    'malformed_multipart',
  ],
  ['two Content-Dispositions (case 47)', [disposition, disposition], 'ambiguous_part'],
  [
    'two Content-Dispositions in two spellings (case 47)',
    [disposition, disposition.toLowerCase()],
    'ambiguous_part',
  ],
  ['two filenames (case 47)', [`${disposition}; filename="x"`], 'ambiguous_part'],
  ['two names (case 47)', [`${disposition}; name="file"`], 'ambiguous_part'],
  [
    'a filename and another filename* (case 47)',
    [`${disposition}; filename*=UTF-8''y`],
    'ambiguous_part',
  ],
  [
    'a filename* of an unknown charset (case 48)',
    ["Content-Disposition: form-data; name=f; filename*=KOI8-R''x"],
    'invalid_filename',
  ],
  [
    'a filename* with a bad escape (case 48)',
    ["Content-Disposition: form-data; name=f; filename*=UTF-8''%zz"],
    'invalid_filename',
  ],
  [
    'a filename* that is no UTF-8 (case 48)',
    ["Content-Disposition: form-data; name=f; filename*=UTF-8''%ff"],
    'invalid_filename',
  ],
  [
    'a filename* without quotes (case 48)',
    ['Content-Disposition: form-data; name=f; filename*=x'],
    'invalid_filename',
  ],
  [
    'an empty filename* (case 48)',
    ["Content-Disposition: form-data; name=f; filename*=UTF-8''"],
    'invalid_filename',
  ],
  [
    'multipart/mixed inside (case 58)',
    [disposition, 'Content-Type: multipart/mixed; boundary=c'],
    'unsupported_part',
  ],
  ['base64 (case 58)', [disposition, 'Content-Transfer-Encoding: base64'], 'unsupported_part'],
  [
    'quoted-printable (case 58)',
    [disposition, 'content-transfer-encoding:Quoted-Printable '],
    'unsupported_part',
  ],
  [
    'a type but no filename (case 58)',
    ['Content-Disposition: form-data; name="file"', 'Content-Type: image/png'],
    'unsupported_part',
  ],
  [
    'an empty filename for bytes (case 51)',
    ['Content-Disposition: form-data; name="file"; filename=""'],
    'invalid_filename',
  ],
]

test.each(badHeaders)('a part with %s is refused', async (_, headers, code) => {
  const answer = await uploadForm(driveway, form('b', { headers, body: 'content' }))
  await expectRefused(answer, 400, code)
})

test.each([
  ['only fields', [fieldPart('a', 'b'), fieldPart('c', 'd')]],
  ['the form of a browser where no file was chosen', [filePart('', '')]],
])('%s: no file, and nothing is asked of Drive (case 52)', async (_, parts) => {
  driveway.google.calls.length = 0
  await expectRefused(await uploadForm(driveway, form('b', ...parts)), 400, 'no_file')
  expect(driveway.driveCalls()).toEqual([])
})

/** Whatever part the server ought not to heed. */
const oddNames = [
  '__proto__',
  'constructor',
  'a[__proto__][polluted]',
  'toString',
  `a${'[b]'.repeat(5_000)}`,
  '',
]

test('field names that mean something to JavaScript mean nothing here (case 57)', async () => {
  const parts = oddNames.map((name) => fieldPart(name, 'polluted'))
  await expectRefused(await uploadForm(driveway, form('b', ...parts)), 400, 'no_file')
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
  ['folder behind the file', [filePart('a', 'a'), fieldPart('folder', 'root')], 'field_after_file'],
  [
    'folder between two files',
    [filePart('a', 'a'), fieldPart('folder', 'root'), filePart('b', 'b')],
    'field_after_file',
  ],
])('%s is refused, and no file stays (case 55)', async (_, parts, code) => {
  await expectRefused(await uploadForm(driveway, form('b', ...parts)), 400, code)
})

test('one byte over the limit is refused, and what was stored before it goes (case 56)', async () => {
  const [small, large] = [filePart('a', 'a'), filePart('b', Buffer.alloc(1_000_001))]
  await expectRefused(await uploadForm(driveway, form('b', small, large)), 413, 'too_large')
})

test('files go to Drive in order, the empty among them, whatever other fields there are (cases 53 and 55)', async () => {
  const { drive } = driveway.google
  const bodies = ['first', '', Buffer.alloc(1_000_000, 'x'), 'last']
  const fields = Array.from({ length: 100 }, (_, at) => fieldPart(`field${at}`, 'none of ours'))
  const files = bodies.map((body, at) => filePart(`${at}.bin`, body, `input${at}`))
  const answer = await uploadForm(
    driveway,
    form('b', ...fields, ...files, fieldPart('after', 'too')),
  )
  expect(answer.status).toBe(201)
  const told = (
    JSON.parse(answer.body) as {
      files: { id: string; name: string; size: number; sha256: string }[]
    }
  ).files
  expect(told.map(({ name, size, sha256 }) => [name, size, sha256])).toEqual(
    bodies.map((body, at) => [
      `${at}.bin`,
      body.length,
      createHash('sha256').update(body).digest('hex'),
    ]),
  )
  for (const [at, { id }] of told.entries()) {
    expect(await drive.bytesOf(id)).toEqual(Buffer.from(bodies[at] ?? ''))
  }
  expect(driveway.uploaded()).toHaveLength(bodies.length)
})

test('an empty file alone is one request to Drive (case 53)', async () => {
  driveway.google.calls.length = 0
  const answer = await uploadForm(driveway, form('b', filePart('empty', '')))
  const [file] = (JSON.parse(answer.body) as { files: { id: string; size: number }[] }).files
  expect([answer.status, file?.size]).toEqual([201, 0])
  expect(driveway.google.drive.file(file?.id ?? '')?.size).toBe(0)
  expect(driveway.driveCalls()).toEqual(['drive.upload.multipart'])
})
