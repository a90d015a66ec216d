/** docs/sandbox.md names every fault of the sandbox. */
import { expect, test } from '@jest/globals'
import { readFile } from 'node:fs/promises'

const read = (path: string) => readFile(new URL(`../../${path}`, import.meta.url), 'utf8')

test('docs/sandbox.md names every fault, and no other', async () => {
  const sources = await Promise.all(
    ['infra/sandbox/faults.ts', 'infra/sandbox/google-error-responses.ts'].map(read),
  )
  const faults = sources.flatMap((source) => {
    const [, body = ''] =
      /^export interface (?:Fault|GoogleErrorFault)\b[^{]*\{\n(.*?)^\}/ms.exec(source) ?? []
    return [...body.matchAll(/^ {2}(\w+)\??:/gm)].map(([, name]) => name)
  })
  const [, section = ''] = /^## Faults\n(.*?)^## /ms.exec(await read('docs/sandbox.md')) ?? []
  const named = section
    .split('\n')
    .filter((line) => line.startsWith('| `'))
    .flatMap((line) => [...(line.split('|')[1] ?? '').matchAll(/`(\w+)`/g)].map(([, name]) => name))
  expect(new Set(['operation', 'skip', 'times', ...named])).toEqual(new Set(faults))
})
