/** docs/deploy.md says what setup does; `UPDATE_DOCS=1 npm test -- google-docs` writes it anew. */
import { expect, test } from '@jest/globals'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { stepsTable } from '../../../infra/google/setup/describe.ts'
import { usage } from '../../../infra/google/setup/options.ts'
import { setupSteps } from '../../../infra/google/setup/setup-steps.ts'
import { teardownSteps } from '../../../infra/google/setup/teardown-steps.ts'
import { root } from '../../kit/process.ts'
import { options } from './documented-commands.ts'

const file = join(root, 'docs/deploy.md')

/** The formatter lines tables up: blanks and dashes do not count. */
const plain = (words: string): string => words.replaceAll(/[ -]+/g, ' ').trim()

test.each([
  ['setup', stepsTable(setupSteps({ ...options, container: false, doctor: true }))],
  ['teardown', stepsTable(teardownSteps(options, false))],
  ['flags', `\`\`\`text\n${usage.trimEnd()}\n\`\`\``],
])('the part "%s" is what the program has', async (name, made) => {
  const text = await readFile(file, 'utf8')
  const [start, end] = [`<!-- ${name}: made from infra/google/setup -->`, `<!-- /${name} -->`]
  const part = new RegExp(`${start}\n(.*?)${end}`, 's')
  expect(text).toMatch(part)
  if (process.env['UPDATE_DOCS']) {
    await writeFile(
      file,
      text.replace(part, () => `${start}\n\n${made}\n\n${end}`),
    )
    return
  }
  expect(plain(part.exec(text)?.[1] ?? '')).toBe(plain(made))
})
