/** Jest setup of every test file: the process may not write secrets. */
import { afterAll, expect } from '@jest/globals'
import { inspect, leaks } from './secret-leaks.ts'

for (const out of [process.stdout, process.stderr]) {
  const write = out.write.bind(out) as (...args: unknown[]) => boolean
  out.write = (...args: unknown[]): boolean => {
    inspect('stdout or stderr', String(args[0]))
    return write(...args)
  }
}
for (const level of ['debug', 'info', 'log', 'warn', 'error'] as const) {
  const log = console[level].bind(console)
  console[level] = (...args: unknown[]) => {
    inspect('the console', args.map(String).join(' '))
    log(...args)
  }
}

afterAll(() => {
  expect([...new Set(leaks)]).toEqual([])
})
