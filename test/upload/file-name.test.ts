import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { execFile } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { filePart, form, problemCode, uploadForm } from '../kit/environment.ts'
import { fileResults } from '../kit/requests.ts'
import { startUploadGateway } from '../kit/upload.ts'
import type { UploadGateway } from '../kit/upload.ts'

let driveway: UploadGateway

beforeAll(async () => {
  driveway = await startUploadGateway()
})

afterAll(() => driveway.close())

/** Uploads a form with this Content-Disposition. @returns the file's name in Drive, or the problem */
async function nameInDrive(disposition: string | Buffer): Promise<string> {
  const body = Buffer.concat([
    Buffer.from('--b\r\nContent-Disposition: form-data; name="file"; '),
    Buffer.from(disposition),
    Buffer.from('\r\n\r\ncontent\r\n--b--\r\n'),
  ])
  const filesBefore = driveway.uploaded().length
  const response = await uploadForm(driveway, body)
  if (response.status !== 201) {
    expect(driveway.uploaded()).toHaveLength(filesBefore)
    return `${response.status} ${problemCode(response)}`
  }
  const [result] = fileResults(response)
  const file = driveway.google.drive.file(result?.id ?? '')
  expect(file?.name).toBe(result?.name)
  return file?.name ?? ''
}

describe('POST /upload keeps each code point of a file name in UTF-8', () => {
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

/** Encodes every byte of a text by RFC 8187. */
function encodeAll(text: string): string {
  return Buffer.from(text).toString('hex').replaceAll(/../g, '%$&')
}

test.each([
  ['quotes as browsers encode them', 'filename="a %22b%22.txt"', 'a "b".txt'],
  ['quotes as curl encodes them', String.raw`filename="a \"b\".txt"`, 'a "b".txt'],
  ['a name without quotes', 'filename=plain.txt', 'plain.txt'],
  ['an escape that decodes to an escape', 'filename="a%2522.txt"', 'a%2522.txt'],
  ['a filename* that decodes to an escape', "filename*=UTF-8''a%2522%252F.txt", 'a%22%2F.txt'],
  ['a parameter name in mixed case', 'FileName="a.txt"', 'a.txt'],
])('POST /upload decodes %s once', async (_, disposition, name) => {
  expect(await nameInDrive(disposition)).toBe(name)
})

test.each([
  ['windows-1252', Buffer.from([0x63, 0x61, 0x66, 0xe9])],
  ['Shift-JIS', Buffer.from([0x8e, 0xca, 0x90, 0x5e])],
  ['a lone surrogate', Buffer.from([0xed, 0xa0, 0x80])],
  ['an overlong slash', Buffer.from([0xc0, 0xaf])],
])('POST /upload rejects a file name in %s', async (_, bytes) => {
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
])('POST /upload stores a file named %j as %j', async (filename, name) => {
  expect(await nameInDrive(`filename="${filename}"`)).toBe(name)
})

test('POST /upload accepts a file name of 1,024 bytes and rejects a longer one', async () => {
  expect(await nameInDrive(`filename="${'x'.repeat(1024)}"`)).toBe('x'.repeat(1024))
  expect(await nameInDrive(`filename="${'x'.repeat(1025)}"`)).toBe('400 invalid_filename')
  expect(await nameInDrive(`filename="${'é'.repeat(513)}"`)).toBe('400 invalid_filename')
  expect(await nameInDrive(`filename="${'x'.repeat(10_000)}"`)).toBe('400 invalid_filename')
})

test('POST /upload takes the last component of a path in filename*', async () => {
  expect(await nameInDrive("filename*=UTF-8''..%2F..%2Fx.txt")).toBe('x.txt')
  expect(await nameInDrive("filename*=UTF-8''C%3A%5Cx%5Cy.txt")).toBe('y.txt')
})

const controls = ['\r', '\n', '\r\nX: y', '\0', '\x1b[31m', '\x7f', '\x85', '\x9f']

test.each(controls)('POST /upload rejects a file name that contains %j', async (control) => {
  const escaped = encodeURIComponent(`a${control}b`).replaceAll(/[[]/g, '%5B')
  expect(await nameInDrive(`filename*=UTF-8''${escaped}`)).toBe('400 invalid_filename')
  // Browsers escape line breaks; an unescaped control character makes the header malformed.
  const raw = await nameInDrive(`filename="a${control.replace('\r', '%0D').replace('\n', '%0A')}b"`)
  expect(raw).toMatch(/^400 (invalid_filename|malformed_multipart)$/)
})

test('POST /upload keeps the names of several files, in order', async () => {
  const names = ['b', 'a', 'b', 'ä', '写']
  const response = await uploadForm(
    driveway,
    form('b', ...names.map((name) => filePart(name, name))),
  )
  const files = fileResults(response)
  expect(files.map(({ name }) => name)).toEqual(names)
  expect(new Set(files.map(({ id }) => id)).size).toBe(names.length)
})

const run = promisify(execFile)
const curl = await run('curl', ['--version']).then(
  () => true,
  () => false,
)

const testCurl = curl ? test.each : test.skip.each
testCurl(['写真.txt', '👩‍👩‍👧 e\u0301.txt', 'a "quoted".txt', 'semi;colon,comma=.txt', '&#601;%.txt'])(
  'curl -F uploads a file under its name %s',
  async (name) => {
    const folder = await mkdtemp(join(tmpdir(), 'driveway-'))
    try {
      await writeFile(join(folder, name), 'from curl')
      const { stdout } = await run('curl', [
        '-sS',
        '-F',
        // Quoted, because ; and , are syntax of curl.
        `file=@"${join(folder, name).replaceAll(/["\\]/g, String.raw`\$&`)}"`,
        '-H',
        `Authorization: ${driveway.bearer['authorization']}`,
        `${driveway.origin}/upload`,
      ])
      const { files } = JSON.parse(stdout) as { files: { id: string }[] }
      const id = files[0]?.id ?? ''
      expect(driveway.google.drive.file(id)?.name).toBe(name)
      expect((await driveway.google.drive.contentOf(id)).toString()).toBe('from curl')
    } finally {
      await rm(folder, { recursive: true })
    }
  },
)
