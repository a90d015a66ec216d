import { expect, test } from '@jest/globals'
import type { Credential, CredentialStore } from '../../functions/identity/credentials.ts'
import { createHeldCredentials } from '../../functions/identity/cached-credential-store.ts'

const minute = 60_000

function credential(id: string): Credential {
  const dates = { createdAt: 0, expiresAt: 10 * minute }
  return { id, kind: 'token', sub: 'p', name: '', scopes: ['upload'], ...dates }
}

/** A store that counts looks, and can hold one up. */
function createStore(): CredentialStore & {
  looks: number
  found: Map<string, Credential>
  hold?: Promise<void>
} {
  const store: ReturnType<typeof createStore> = {
    looks: 0,
    found: new Map(),
    create: (made) => Promise.resolve(void store.found.set(made.id, made)),
    async find(id) {
      store.looks++
      const found = store.found.get(id)
      await store.hold
      return found
    },
    list: () => Promise.resolve([...store.found.values()]),
    remove: (id) => Promise.resolve(void store.found.delete(id)),
    removeAll() {
      const ids = [...store.found.keys()]
      store.found.clear()
      return Promise.resolve(ids)
    },
  }
  return store
}

test('a credential costs one look a minute', async () => {
  const store = createStore()
  let time = 0
  const held = createHeldCredentials(store, () => time)
  await held.create(credential('a'))
  for (time = 0; time < minute; time += 1_000) expect(await held.find('a')).toBeDefined()
  expect(store.looks).toBe(1)
  expect(await held.find('a')).toBeDefined()
  expect(store.looks).toBe(2)
})

test('one that was revoked elsewhere is believed for a minute and no longer (case 21)', async () => {
  const store = createStore()
  let time = 0
  const held = createHeldCredentials(store, () => time)
  store.found.set('a', credential('a'))
  await held.find('a')
  store.found.delete('a')
  time = minute - 1
  expect(await held.find('a')).toBeDefined()
  time = minute
  expect(await held.find('a')).toBeUndefined()
})

test('a clock that is set back does not prolong it (case 100)', async () => {
  const store = createStore()
  let time = 10 * minute
  const held = createHeldCredentials(store, () => time)
  store.found.set('a', credential('a'))
  await held.find('a')
  store.found.delete('a')
  time = 0
  expect(await held.find('a')).toBeUndefined()
})

test('one that is revoked here is gone at once, also while it is being looked up', async () => {
  const store = createStore()
  const held = createHeldCredentials(store, () => 0)
  store.found.set('a', credential('a'))
  await held.find('a')
  await held.remove('a')
  expect(await held.find('a')).toBeUndefined()

  store.found.set('b', credential('b'))
  let go: (() => void) | undefined
  store.hold = new Promise((resolve) => (go = resolve))
  const finding = held.find('b')
  const removing = held.remove('b')
  go?.()
  await Promise.all([finding, removing])
  expect(await held.find('b')).toBeUndefined()
})

test('all of a person that are revoked here are gone at once, those being looked up included', async () => {
  const store = createStore()
  const held = createHeldCredentials(store, () => 0)
  for (const id of ['a', 'b']) store.found.set(id, credential(id))
  await held.find('a')
  let go: (() => void) | undefined
  store.hold = new Promise((resolve) => (go = resolve))
  const finding = held.find('b')
  const removing = held.removeAll('p')
  go?.()
  await Promise.all([finding, removing])
  for (const id of ['a', 'b']) expect(await held.find(id)).toBeUndefined()
})

test('one that is unknown is asked for each time: it may be made any moment', async () => {
  const store = createStore()
  const held = createHeldCredentials(store, () => 0)
  expect(await held.find('a')).toBeUndefined()
  store.found.set('a', credential('a'))
  expect(await held.find('a')).toBeDefined()
})

test('ten thousand are held and no more', async () => {
  const store = createStore()
  const held = createHeldCredentials(store, () => 0)
  for (let serial = 0; serial <= 10_000; serial++) {
    store.found.set(`${serial}`, credential(`${serial}`))
    await held.find(`${serial}`)
  }
  expect(store.looks).toBe(10_001)
  await held.find('10000')
  expect(store.looks).toBe(10_001)
  await held.find('0')
  expect(store.looks).toBe(10_002)
})
