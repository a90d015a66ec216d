/** File names as .NET, PowerShell, aiohttp, needle, curl and browsers encode them. */
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { storedName } from '../kit/file-names.ts'
import { startUploadGateway } from '../kit/upload.ts'
import type { UploadGateway } from '../kit/upload.ts'

let driveway: UploadGateway

beforeAll(async () => {
  driveway = await startUploadGateway()
})

afterAll(() => driveway.close())

describe('POST /upload decodes', () => {
  test.each([
    ['an encoded word of PowerShell', 'filename="=?utf-8?B?csOpc3Vtw6kucGRm?="', 'résumé.pdf'],
    ['an encoded word in quoted-printable', 'filename="=?UTF-8?Q?r=C3=A9_sum.pdf?="', 'ré sum.pdf'],
    ['an encoded word in ISO-8859-1', 'filename="=?iso-8859-1?q?r=E9sum=E9.pdf?="', 'résumé.pdf'],
    [
      'an encoded word in windows-1251',
      'filename="=?windows-1251?B?7+7r6OriLnR4dA==?="',
      'поликв.txt',
    ],
    ['an encoded word with a language', 'filename="=?utf-8*de?B?w7wudHh0?="', 'ü.txt'],
    ['several encoded words', 'filename="=?utf-8?B?w7w=?= =?utf-8?Q?.txt?="', 'ü.txt'],
    ['a filename* in ISO-8859-1', "filename*=ISO-8859-1''r%E9sum%E9.pdf", 'résumé.pdf'],
    ['a filename* of encodeURIComponent()', "filename*=UTF-8''a(1)!%20*~'.txt", "a(1)! *~'.txt"],
    ['a filename of aiohttp', 'filename="%C3%BC%20100%25.txt"', 'ü 100%.txt'],
    ['a filename of needle', 'filename="%C3%BC%22(1)\'!.txt"', `ü"(1)'!.txt`],
  ])('%s', async (_, disposition, name) => {
    expect(await storedName(driveway, disposition)).toBe(name)
  })
})

describe('POST /upload stores unchanged', () => {
  test.each([
    ['a percent-encoded name without non-ASCII characters', 'a%20b%41.txt'],
    ['a partly percent-encoded name', '%C3%BC ü.txt'],
    ['escapes that are not UTF-8', '%FC.txt'],
    ['an incomplete escape', '%C3%BC%.txt'],
    ['an encoded word within a longer name', 'Re =?utf-8?B?w7w=?=.txt'],
    ['an encoded word of an unknown charset', '=?no-such?B?w7w=?='],
    ['an encoded word that is not UTF-8', '=?utf-8?Q?=FC?='],
  ])('%s', async (_, name) => {
    expect(await storedName(driveway, `filename="${name}"`)).toBe(name)
  })
})

describe('POST /upload takes filename* when filename is', () => {
  const starred = "filename*=utf-8''r%C3%A9sum%C3%A9%2D1.pdf"
  test.each([
    ['its encoded word, as .NET sends it', '=?utf-8?B?csOpc3Vtw6ktMS5wZGY=?='],
    ['percent-encoded', 'r%C3%A9sum%C3%A9-1.pdf'],
    ['the same in NFD', 're\u0301sume\u0301-1.pdf'],
    ['its ASCII shadow with question marks', 'r?sum?-1.pdf'],
    ['its ASCII shadow with underscores for each byte', 'r__sum__-1.pdf'],
    ['its ASCII shadow without the characters', 'rsum-1.pdf'],
    ['its ASCII shadow with base letters', 'resume-1.pdf'],
  ])('%s', async (_, filename) => {
    const disposition = `filename="${filename}"; ${starred}`
    expect(await storedName(driveway, disposition)).toBe('résumé-1.pdf')
    expect(await storedName(driveway, `${starred}; filename="${filename}"`)).toBe('résumé-1.pdf')
  })

  test.each([
    ['percent-encoded ASCII, as an old aiohttp sends it', 'a%20b.txt', 'a%20b.txt', 'a b.txt'],
    ['the literal name of .NET', 'a%20b.txt', 'a%2520b.txt', 'a%20b.txt'],
    ['empty beside a name without ASCII', '', '%E5%86%99', '写'],
  ])('%s', async (_, filename, escaped, name) => {
    const disposition = `filename="${filename}"; filename*=UTF-8''${escaped}`
    expect(await storedName(driveway, disposition)).toBe(name)
  })
})

test.each([
  ['another name', 'invoice.exe', 'r%C3%A9sum%C3%A9.pdf'],
  ['another name of ASCII characters', 'a-b.txt', 'ab.txt'],
  ['the encoded word of another name', '=?utf-8?B?w7wudHh0?=', '%C3%A9.txt'],
  ['another name that is not ASCII', 'résume.pdf', 'r%C3%A9sum%C3%A9.pdf'],
  ['another name in another case', 'RESUME.pdf', 'r%C3%A9sum%C3%A9.pdf'],
])('POST /upload rejects a filename that is %s than filename*', async (_, filename, escaped) => {
  const disposition = `filename="${filename}"; filename*=UTF-8''${escaped}`
  expect(await storedName(driveway, disposition)).toBe('400 ambiguous_part')
})

test.each([
  ['a filename that is split by RFC 2231', `filename*0="a"; filename*1="b.txt"`],
  ['a filename* with a malformed escape', "filename*=ISO-8859-1''%E"],
  ['an encoded word with a line break', 'filename="=?utf-8?Q?a=0D=0Ab?="'],
  ['a percent-encoded name with a line break', 'filename="%C3%BC%0D%0A.txt"'],
  ['a control character of ISO-8859-1', "filename*=ISO-8859-1''a%85b"],
])('POST /upload rejects %s', async (_, disposition) => {
  expect(await storedName(driveway, disposition)).toBe('400 invalid_filename')
})

describe('a backslash in a file name', () => {
  test.each([
    ['at the end, from a browser', String.raw`filename="draft\"`, 'draft\\'],
    ['twice at the end, from a browser', String.raw`filename="draft\x\"`, 'draft\\x\\'],
    ['at the end, from curl', String.raw`filename="draft\\"`, 'draft\\'],
    ['before a quote, from curl', String.raw`filename="a\\\"b"`, 'a\\"b'],
    ['before a quote, from a browser', String.raw`filename="a\%22b"`, 'a\\"b'],
    ['beside an escaped quote', String.raw`filename="a\x \"b\".txt"`, 'a\\x "b".txt'],
    ['at the end of a first parameter', String.raw`x="y\"; filename="draft\"`, 'draft\\'],
  ])('%s is stored', async (_, disposition, name) => {
    expect(await storedName(driveway, disposition)).toBe(name)
  })

  test('may end the name of a field', async () => {
    const disposition = String.raw`x="y\"; filename="a.txt"`
    expect(await storedName(driveway, disposition)).toBe('a.txt')
  })
})
