/** Compares generated sections of the documents with the code; `UPDATE_DOCS=1` writes them. */
import { expect } from '@jest/globals'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { root } from '../kit/process.ts'

/** Ignores spaces and dashes, which the formatter uses to align tables. */
const normalize = (text: string): string => text.replaceAll(/[ -]+/g, ' ').trim()

/** @param name of the section, between `<!-- name: generated from … -->` and `<!-- /name -->` */
export async function expectGeneratedSection(
  path: string,
  name: string,
  generated: string,
): Promise<void> {
  const file = join(root, path)
  const text = await readFile(file, 'utf8')
  const section = new RegExp(
    `(<!-- ${name}: generated from [^>]+ -->)\n(.*?)(<!-- /${name} -->)`,
    's',
  )
  expect(text).toMatch(section)
  if (process.env['UPDATE_DOCS']) {
    const write = (_: string, start: string, __: string, end: string): string =>
      `${start}\n\n${generated}\n\n${end}`
    return writeFile(file, text.replace(section, write))
  }
  expect(normalize(section.exec(text)?.[2] ?? '')).toBe(normalize(generated))
}
