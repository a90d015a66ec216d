/** Around the tests of every file: nothing that this process writes may have a secret in it. */
import { afterAll, expect } from '@jest/globals'
import { overhear, overheard } from './secret-leaks.ts'

for (const out of [process.stdout, process.stderr]) {
  const write = out.write.bind(out) as (...args: unknown[]) => boolean
  out.write = (...args: unknown[]): boolean => {
    overhear('what the process writes', String(args[0]))
    return write(...args)
  }
}
for (const level of ['debug', 'info', 'log', 'warn', 'error'] as const) {
  const said = console[level].bind(console)
  console[level] = (...args: unknown[]) => {
    overhear('the console', args.map(String).join(' '))
    said(...args)
  }
}

afterAll(() => {
  expect([...new Set(overheard)]).toEqual([])
})
