/** docs/deploy.md lists the steps of setup; `UPDATE_DOCS=1 npm test -- google/docs` generates the list. */
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

/** Ignores spaces and dashes, which the formatter uses to align tables. */
const normalize = (text: string): string => text.replaceAll(/[ -]+/g, ' ').trim()

test.each([
  ['setup', stepsTable(setupSteps({ ...options, container: false, doctor: true }))],
  ['teardown', stepsTable(teardownSteps(options, false))],
  ['flags', `\`\`\`text\n${usage.trimEnd()}\n\`\`\``],
])('the section "%s" of docs/deploy.md is up to date', async (name, generated) => {
  const text = await readFile(file, 'utf8')
  const [start, end] = [`<!-- ${name}: generated from infra/google/setup -->`, `<!-- /${name} -->`]
  const part = new RegExp(`${start}\n(.*?)${end}`, 's')
  expect(text).toMatch(part)
  if (process.env['UPDATE_DOCS']) {
    await writeFile(
      file,
      text.replace(part, () => `${start}\n\n${generated}\n\n${end}`),
    )
    return
  }
  expect(normalize(part.exec(text)?.[1] ?? '')).toBe(normalize(generated))
})
