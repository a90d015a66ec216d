/** docs/doctor.md lists what the doctor tries; `UPDATE_DOCS=1 npm test -- doctor/docs` writes it anew. */
import { expect, test } from '@jest/globals'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { checksTable } from '../../infra/doctor/describe.ts'
import { root } from '../local/process.ts'

const file = join(root, 'docs/doctor.md')
const part = /(<!-- checks: [^>]*-->\n)(.*?)(<!-- \/checks -->)/s

/** The formatter lines tables up: blanks and dashes do not count. */
const plain = (words: string): string => words.replaceAll(/[ -]+/g, ' ').trim()

test('the table has every check that there is', async () => {
  const text = await readFile(file, 'utf8')
  expect(text).toMatch(part)
  if (process.env['UPDATE_DOCS']) {
    await writeFile(
      file,
      text.replace(
        part,
        (_, start: string, __, end: string) => `${start}\n${checksTable()}\n\n${end}`,
      ),
    )
    return
  }
  expect(plain(part.exec(text)?.[2] ?? '')).toBe(plain(checksTable()))
})
