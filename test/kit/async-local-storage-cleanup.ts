/**
 * Around the tests of every file: async storages end with the file. On Node 20 each one that was
 * ever run is asked at every promise of the process, also by the suites after it.
 */
import { afterAll } from '@jest/globals'
import { AsyncLocalStorage } from 'node:async_hooks'

const storages = new Set<AsyncLocalStorage<unknown>>()
const { prototype } = AsyncLocalStorage
const { run } = prototype as { run(...args: unknown[]): unknown }

Object.assign(prototype, {
  run(this: AsyncLocalStorage<unknown>, ...args: unknown[]) {
    storages.add(this)
    return run.apply(this, args)
  },
})

afterAll(() => {
  for (const storage of storages) storage.disable()
  Object.assign(prototype, { run })
})
