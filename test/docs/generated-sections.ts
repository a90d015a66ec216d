/** Parts of the documents that are made from the code: compared, or with `UPDATE_DOCS=1` written. */
import { expect } from '@jest/globals'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { root } from '../kit/process.ts'

/** The formatter lines tables up: blanks and dashes do not count. */
const plain = (words: string): string => words.replaceAll(/[ -]+/g, ' ').trim()

/** @param name of the part, between `<!-- name: made from … -->` and `<!-- /name -->` */
export async function expectMade(path: string, name: string, made: string): Promise<void> {
  const file = join(root, path)
  const text = await readFile(file, 'utf8')
  const part = new RegExp(`(<!-- ${name}: made from [^>]+ -->)\n(.*?)(<!-- /${name} -->)`, 's')
  expect(text).toMatch(part)
  if (process.env['UPDATE_DOCS']) {
    const write = (_: string, start: string, __: string, end: string): string =>
      `${start}\n\n${made}\n\n${end}`
    return writeFile(file, text.replace(part, write))
  }
  expect(plain(part.exec(text)?.[2] ?? '')).toBe(plain(made))
}
