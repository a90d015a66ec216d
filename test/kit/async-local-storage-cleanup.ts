/**
 * Jest setup of every test file: disables the file's AsyncLocalStorage instances at its end. On Node 20
 * every instance that has run slows down each promise of the process, also in later suites.
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
