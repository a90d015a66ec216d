import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { execFile } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { filePart, form, uploadForm } from '../kit/environment.ts'
import { storedName } from '../kit/file-names.ts'
import { fileResults } from '../kit/requests.ts'
import { startUploadGateway } from '../kit/upload.ts'
import type { UploadGateway } from '../kit/upload.ts'

let driveway: UploadGateway

beforeAll(async () => {
  driveway = await startUploadGateway()
})

afterAll(() => driveway.close())

const nameInDrive = (disposition: string | Buffer): Promise<string> =>
  storedName(driveway, disposition)

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
  [String.raw`\\server\x.txt`, 'x.txt'],
  ['D:/photos/x.txt', 'x.txt'],
  [String.raw`mixed/a\b`, String.raw`mixed/a\b`],
  [String.raw`foo\n.csv`, String.raw`foo\n.csv`],
  [String.raw`\x.txt`, String.raw`\x.txt`],
  ['AC/DC - x.mp3', 'AC/DC - x.mp3'],
  ['./x.txt', 'x.txt'],
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

test.each([
  ['Sec-Fetch-Mode', { 'sec-fetch-mode': 'cors' }],
  ['User-Agent', { 'user-agent': 'Mozilla/5.0 (X11; Linux x86_64)' }],
])('POST /upload removes the folder that a browser sends with %s', async (_, headers) => {
  const names = ['album/summer/1.jpg', String.raw`album/a\b.jpg`, String.raw`a\b.jpg`]
  const stored = names.map((name) => storedName(driveway, `filename="${name}"`, headers))
  expect(await Promise.all(stored)).toEqual(['1.jpg', String.raw`a\b.jpg`, String.raw`a\b.jpg`])
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
testCurl([
  String.raw`foo\n.csv`,
  '写真.txt',
  '👩‍👩‍👧 e\u0301.txt',
  'a "quoted".txt',
  'semi;colon,comma=.txt',
  '&#601;%.txt',
])('curl -F uploads a file under its name %s', async (name) => {
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
})
