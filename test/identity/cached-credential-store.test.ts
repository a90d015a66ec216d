import { expect, test } from '@jest/globals'
import type { Credential, CredentialStore } from '../../functions/identity/credentials.ts'
import { createCachedCredentialStore } from '../../functions/identity/cached-credential-store.ts'

const minute = 60_000

function credential(id: string): Credential {
  const dates = { createdAt: 0, expiresAt: 10 * minute }
  const grant = { sub: 'p', generation: 'g' }
  return { id, kind: 'token', ...grant, name: '', scopes: ['upload'], ...dates }
}

/** A store that counts its reads, and can delay them. */
function createStore(): CredentialStore & {
  reads: number
  credentials: Map<string, Credential>
  delay?: Promise<void>
} {
  const store: ReturnType<typeof createStore> = {
    reads: 0,
    credentials: new Map(),
    create: (created) => Promise.resolve(void store.credentials.set(created.id, created)),
    async find(id) {
      store.reads++
      const stored = store.credentials.get(id)
      await store.delay
      return stored
    },
    list: () => Promise.resolve([...store.credentials.values()]),
    touch(id, usedAt, expiresAt) {
      const stored = store.credentials.get(id)
      if (stored) store.credentials.set(id, { ...stored, usedAt, expiresAt })
      return Promise.resolve()
    },
    remove: (id) => Promise.resolve(void store.credentials.delete(id)),
    removeAll() {
      const ids = [...store.credentials.keys()]
      store.credentials.clear()
      return Promise.resolve(ids)
    },
  }
  return store
}

test('find() reads the store once a minute per credential', async () => {
  const store = createStore()
  let time = 0
  const cached = createCachedCredentialStore(store, () => time)
  await cached.create(credential('a'))
  for (time = 0; time < minute; time += 1_000) expect(await cached.find('a')).toBeDefined()
  expect(store.reads).toBe(1)
  expect(await cached.find('a')).toBeDefined()
  expect(store.reads).toBe(2)
})

test('find() returns a credential that another instance has revoked for less than one minute', async () => {
  const store = createStore()
  let time = 0
  const cached = createCachedCredentialStore(store, () => time)
  store.credentials.set('a', credential('a'))
  await cached.find('a')
  store.credentials.delete('a')
  time = minute - 1
  expect(await cached.find('a')).toBeDefined()
  time = minute
  expect(await cached.find('a')).toBeUndefined()
})

test('find() with `fresh` reads the store, and removes a revoked credential from the cache', async () => {
  const store = createStore()
  const cached = createCachedCredentialStore(store, () => 0)
  store.credentials.set('a', credential('a'))
  await cached.find('a')
  store.credentials.delete('a')
  expect(await cached.find('a')).toBeDefined()
  expect(await cached.find('a', true)).toBeUndefined()
  expect(await cached.find('a')).toBeUndefined()
})

test('find() reads the store again when the clock is set back', async () => {
  const store = createStore()
  let time = 10 * minute
  const cached = createCachedCredentialStore(store, () => time)
  store.credentials.set('a', credential('a'))
  await cached.find('a')
  store.credentials.delete('a')
  time = 0
  expect(await cached.find('a')).toBeUndefined()
})

test('remove() takes effect at once, also during a find() of the same credential', async () => {
  const store = createStore()
  const cached = createCachedCredentialStore(store, () => 0)
  store.credentials.set('a', credential('a'))
  await cached.find('a')
  await cached.remove('a')
  expect(await cached.find('a')).toBeUndefined()

  store.credentials.set('b', credential('b'))
  let endDelay: (() => void) | undefined
  store.delay = new Promise((resolve) => (endDelay = resolve))
  const finding = cached.find('b')
  const removing = cached.remove('b')
  endDelay?.()
  await Promise.all([finding, removing])
  expect(await cached.find('b')).toBeUndefined()
})

test('removeAll() takes effect at once, also during a find() of one of the credentials', async () => {
  const store = createStore()
  const cached = createCachedCredentialStore(store, () => 0)
  for (const id of ['a', 'b']) store.credentials.set(id, credential(id))
  await cached.find('a')
  let endDelay: (() => void) | undefined
  store.delay = new Promise((resolve) => (endDelay = resolve))
  const finding = cached.find('b')
  const removing = cached.removeAll('p')
  endDelay?.()
  await Promise.all([finding, removing])
  for (const id of ['a', 'b']) expect(await cached.find(id)).toBeUndefined()
})

test('touch() takes effect at once', async () => {
  const store = createStore()
  const cached = createCachedCredentialStore(store, () => 0)
  store.credentials.set('a', credential('a'))
  await cached.find('a')
  await cached.touch('a', 5, 20 * minute)
  expect(await cached.find('a')).toMatchObject({ usedAt: 5, expiresAt: 20 * minute })
})

test('find() does not cache that a credential is unknown', async () => {
  const store = createStore()
  const cached = createCachedCredentialStore(store, () => 0)
  expect(await cached.find('a')).toBeUndefined()
  store.credentials.set('a', credential('a'))
  expect(await cached.find('a')).toBeDefined()
})

test('find() caches at most 10,000 credentials', async () => {
  const store = createStore()
  const cached = createCachedCredentialStore(store, () => 0)
  for (let serial = 0; serial <= 10_000; serial++) {
    store.credentials.set(`${serial}`, credential(`${serial}`))
    await cached.find(`${serial}`)
  }
  expect(store.reads).toBe(10_001)
  await cached.find('10000')
  expect(store.reads).toBe(10_001)
  await cached.find('0')
  expect(store.reads).toBe(10_002)
})
