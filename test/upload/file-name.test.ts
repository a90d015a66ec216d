import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { execFile } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { codeOf, filePart, form, uploadForm } from '../kit/environment.ts'
import { startUploading } from '../kit/upload.ts'
import type { Uploading } from '../kit/upload.ts'

let driveway: Uploading

beforeAll(async () => {
  driveway = await startUploading()
})

afterAll(() => driveway.close())

/** What Drive calls the file of a form with this Content-Disposition. */
async function nameInDrive(disposition: string | Buffer): Promise<string> {
  const body = Buffer.concat([
    Buffer.from('--b\r\nContent-Disposition: form-data; name="file"; '),
    Buffer.from(disposition),
    Buffer.from('\r\n\r\ncontent\r\n--b--\r\n'),
  ])
  const before = driveway.uploaded().length
  const answer = await uploadForm(driveway, body)
  if (answer.status !== 201) {
    expect(driveway.uploaded()).toHaveLength(before)
    return `${answer.status} ${codeOf(answer)}`
  }
  const { files } = JSON.parse(answer.body) as { files: { id: string; name: string }[] }
  const file = driveway.google.drive.file(files[0]?.id ?? '')
  expect(file?.name).toBe(files[0]?.name)
  return file?.name ?? ''
}

describe('a filename in UTF-8 is the file’s name in Drive, code point by code point (case 50)', () => {
  test.each([
    '写真 2026.jpg',
    '👩‍👩‍👧‍👦🏳️‍🌈.png',
    'Cafe\u0301 (NFD).txt',
    'Caf\u00e9 (NFC).txt',
    '&#601;.txt',
    '100%.txt',
    '%41%2e%2Fetc.txt',
    "it's; a=b, c.txt",
    '-rf',
    'CON',
    'trailing dot.',
    ' spaces around ',
    '\u202egpj.exe',
    'zero\u200bwidth.txt',
    'line\u2028separator.txt',
    '<img src=x onerror=alert(1)>',
    '\ufeffbom.txt',
    '\ufffd.txt',
    '...',
    'Ω≈ç√∫˜µ≤≥÷.txt',
    '你'.repeat(300),
    'constructor',
    '__proto__',
  ])('%s', async (name) => {
    expect(await nameInDrive(`filename="${name}"`)).toBe(name)
    expect(await nameInDrive(`filename*=UTF-8''${encodeAll(name)}`)).toBe(name)
    expect(await nameInDrive(`filename="${name}"; filename*=utf-8'en'${encodeAll(name)}`)).toBe(
      name,
    )
  })
})

/** RFC 8187, every byte of it escaped. */
function encodeAll(text: string): string {
  return Buffer.from(text).toString('hex').replaceAll(/../g, '%$&')
}

test.each([
  ['quotes as browsers write them', 'filename="a %22b%22.txt"', 'a "b".txt'],
  ['quotes as curl writes them', String.raw`filename="a \"b\".txt"`, 'a "b".txt'],
  ['a name without quotes', 'filename=plain.txt', 'plain.txt'],
  ['no double decoding', 'filename="a%2522.txt"', 'a%2522.txt'],
  ['no double decoding of filename*', "filename*=UTF-8''a%2522%252F.txt", 'a%22%2F.txt'],
  ['other spellings of the parameter', 'FileName="a.txt"', 'a.txt'],
])('%s (case 50)', async (_, disposition, name) => {
  expect(await nameInDrive(disposition)).toBe(name)
})

test.each([
  ['windows-1252', Buffer.from([0x63, 0x61, 0x66, 0xe9])],
  ['Shift-JIS', Buffer.from([0x8e, 0xca, 0x90, 0x5e])],
  ['a lone surrogate', Buffer.from([0xed, 0xa0, 0x80])],
  ['an overlong slash', Buffer.from([0xc0, 0xaf])],
])('a name in %s is refused, not guessed at (case 50)', async (_, bytes) => {
  const disposition = Buffer.concat([Buffer.from('filename="'), bytes, Buffer.from('"')])
  expect(await nameInDrive(disposition)).toBe('400 invalid_filename')
})

test.each([
  ['../../etc/passwd', 'passwd'],
  [String.raw`C:\fakepath\photo.jpg`, 'photo.jpg'],
  [String.raw`\\server\share\x.txt`, 'x.txt'],
  ['/absolute/x.txt', 'x.txt'],
  [String.raw`mixed/a\b`, 'b'],
  ['..%2f..%2fx', '..%2f..%2fx'],
  ['..', 'Untitled'],
  ['.', 'Untitled'],
  ['folder/', 'Untitled'],
  ['a/..', 'Untitled'],
  ['   ', 'Untitled'],
  ['\u200b\u2060\ufeff', 'Untitled'],
  ['\u3000', 'Untitled'],
])('a file that is called %j is %j in Drive (cases 49 and 51)', async (filename, name) => {
  expect(await nameInDrive(`filename="${filename}"`)).toBe(name)
})

test('a name may have 1,024 bytes, and is refused rather than cut beyond that (case 51)', async () => {
  expect(await nameInDrive(`filename="${'x'.repeat(1024)}"`)).toBe('x'.repeat(1024))
  expect(await nameInDrive(`filename="${'x'.repeat(1025)}"`)).toBe('400 invalid_filename')
  expect(await nameInDrive(`filename="${'é'.repeat(513)}"`)).toBe('400 invalid_filename')
  expect(await nameInDrive(`filename="${'x'.repeat(10_000)}"`)).toBe('400 invalid_filename')
})

test('a path in filename* is a path all the same (case 49)', async () => {
  expect(await nameInDrive("filename*=UTF-8''..%2F..%2Fx.txt")).toBe('x.txt')
  expect(await nameInDrive("filename*=UTF-8''C%3A%5Cx%5Cy.txt")).toBe('y.txt')
})

const controls = ['\r', '\n', '\r\nX: y', '\0', '\x1b[31m', '\x7f', '\x85', '\x9f']

test.each(controls)('a name with %j in it is refused (case 49)', async (control) => {
  const escaped = encodeURIComponent(`a${control}b`).replaceAll(/[[]/g, '%5B')
  expect(await nameInDrive(`filename*=UTF-8''${escaped}`)).toBe('400 invalid_filename')
  // As browsers write a line break, or as it is: a header with one in it cannot be read at all.
  const raw = await nameInDrive(`filename="a${control.replace('\r', '%0D').replace('\n', '%0A')}b"`)
  expect(raw).toMatch(/^400 (invalid_filename|malformed_multipart)$/)
})

test('several files keep their own names, in order (case 55)', async () => {
  const names = ['b', 'a', 'b', 'ä', '写']
  const answer = await uploadForm(driveway, form('b', ...names.map((name) => filePart(name, name))))
  const { files } = JSON.parse(answer.body) as { files: { id: string; name: string }[] }
  expect(files.map(({ name }) => name)).toEqual(names)
  expect(new Set(files.map(({ id }) => id)).size).toBe(names.length)
})

const run = promisify(execFile)
const curl = await run('curl', ['--version']).then(
  () => true,
  () => false,
)

const named = curl ? test.each : test.skip.each
named(['写真.txt', '👩‍👩‍👧 e\u0301.txt', 'a "quoted".txt', 'semi;colon,comma=.txt', '&#601;%.txt'])(
  'curl -F uploads a file called %s under that name (case 50)',
  async (name) => {
    const folder = await mkdtemp(join(tmpdir(), 'driveway-'))
    try {
      await writeFile(join(folder, name), 'from curl')
      const { stdout } = await run('curl', [
        '-sS',
        '-F',
        // Quoted for curl's own syntax, in which ; and , have a meaning.
        `file=@"${join(folder, name).replaceAll(/["\\]/g, String.raw`\$&`)}"`,
        '-H',
        `Authorization: ${driveway.bearer['authorization']}`,
        `${driveway.origin}/upload`,
      ])
      const { files } = JSON.parse(stdout) as { files: { id: string }[] }
      const id = files[0]?.id ?? ''
      expect(driveway.google.drive.file(id)?.name).toBe(name)
      expect((await driveway.google.drive.bytesOf(id)).toString()).toBe('from curl')
    } finally {
      await rm(folder, { recursive: true })
    }
  },
)
