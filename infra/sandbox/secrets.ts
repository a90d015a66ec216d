/**
 * Secret Manager on loopback: the REST calls that its Node client makes with `fallback: true`.
 *
 * @see Secret Manager API, REST reference
 */
import { crc32c } from './crc32c.ts'
import type { Secret, Version } from './secrets-store.ts'
import { createSecretStore, SecretError } from './secrets-store.ts'
import type { Exchange, Route, Service } from './router.ts'
import { answerJson, readBody } from './router.ts'

const payloadLimit = 64 * 1024
const states = ['STATE_UNSPECIFIED', 'ENABLED', 'DISABLED', 'DESTROYED']
const parent = String.raw`(projects/[^/:]+(?:/locations/[^/:]+)?)`
const secret = String.raw`(projects/[^/:]+(?:/locations/[^/:]+)?/secrets/[^/:]+)`
const version = String.raw`/versions/([^/:]+)`

export interface SecretManagerOptions {
  /** The project of short names; `sandbox` unless said. */
  project?: string
  /** A JSON file (mode 0600) that keeps the secrets between runs; memory only unless said. */
  path?: string
  now?: () => number
}

export interface SecretManager extends Service {
  /**
   * Adds a version, to a new secret where there is none.
   *
   * @param name `oauth-client`, or `projects/p/secrets/oauth-client`
   * @returns the resource name of the version, which ends in its number
   */
  set(name: string, text: string): string
  has(name: string): boolean
  enable(name: string, version: number): void
  disable(name: string, version: number): void
  destroy(name: string, version: number): void
}

export function createSecretManager(options: SecretManagerOptions = {}): SecretManager {
  const { project = 'sandbox', path, now } = options
  const store = createSecretStore(path, now)
  const full = (name: string) => (name.includes('/') ? name : `projects/${project}/secrets/${name}`)

  return {
    routes: createRoutes(store),
    set(name, text) {
      const secretName = full(name)
      if (!store.has(secretName)) store.create(secretName)
      return versionName(secretName, store.add(secretName, Buffer.from(text)))
    },
    has: (name) => store.has(full(name)),
    enable: (name, number) => void store.setState(full(name), String(number), 'ENABLED'),
    disable: (name, number) => void store.setState(full(name), String(number), 'DISABLED'),
    destroy: (name, number) => void store.setState(full(name), String(number), 'DESTROYED'),
  }
}

function createRoutes(store: ReturnType<typeof createSecretStore>): Route[] {
  return [
    route('secrets.access', 'GET', `${secret}${version}:access`, ([name, id]) => {
      const { version: found, data } = store.access(name, id)
      return {
        name: versionName(name, found),
        payload: { data: data.toString('base64'), dataCrc32c: String(crc32c(data)) },
      }
    }),
    route('secrets.get', 'GET', secret, ([name]) => secretJson(store.get(name))),
    route('secrets.list', 'GET', `${parent}/secrets`, ([name], { url }) => {
      const { items, ...rest } = page(store.list(name), url)
      return { secrets: items.map(secretJson), ...rest }
    }),
    route('secrets.versions.get', 'GET', `${secret}${version}`, ([name, id], { url }) =>
      versionJson(name, store.version(name, id), url),
    ),
    route('secrets.versions.list', 'GET', `${secret}/versions`, ([name], { url }) => {
      const newestFirst = store.get(name).versions.toReversed()
      const { items, ...rest } = page(newestFirst, url)
      return { versions: items.map((item) => versionJson(name, item, url)), ...rest }
    }),
    route('secrets.create', 'POST', `${parent}/secrets`, ([name], { url }, body) => {
      const id = url.searchParams.get('secretId') ?? ''
      if (!/^[\w-]{1,255}$/.test(id))
        invalid(
          `The provided Secret ID [${id}] does not match the expected format [[a-zA-Z_0-9-]+]`,
        )
      const created = store.create(`${name}/secrets/${id}`, body)
      return secretJson(created)
    }),
    route('secrets.addVersion', 'POST', `${secret}:addVersion`, ([name], { url }, body) =>
      versionJson(name, store.add(name, readPayload(body)), url),
    ),
    route('secrets.update', 'PATCH', secret, ([name], { url }, body) => {
      const held = store.get(name)
      for (const field of (url.searchParams.get('updateMask') ?? '').split(',')) {
        if (field === 'labels') held.labels = (body['labels'] ?? {}) as Secret['labels']
        else if (field === 'annotations') {
          held.annotations = (body['annotations'] ?? {}) as Secret['annotations']
        } else if (field === 'versionAliases' || field === 'version_aliases') {
          held.versionAliases = readAliases(body['versionAliases'] ?? {}, held)
        } else invalid(`The sandbox cannot update the field [${field}]`)
      }
      store.save()
      return secretJson(held)
    }),
    route('secrets.delete', 'DELETE', secret, ([name]) => {
      store.delete(name)
      return {}
    }),
    ...(['enable', 'disable', 'destroy'] as const).map((verb) =>
      route(`secrets.${verb}`, 'POST', `${secret}${version}:${verb}`, ([name, id], { url }) => {
        const state = `${verb.toUpperCase()}${verb.endsWith('e') ? 'D' : 'ED'}` as Version['state']
        return versionJson(name, store.setState(name, id, state), url)
      }),
    ),
  ]
}

type Body = Record<string, unknown>

function route(
  operation: string,
  method: string,
  path: string,
  answer: (names: [string, string], exchange: Exchange, body: Body) => Body,
): Route {
  return {
    operation,
    method,
    path: new RegExp(`^/v1/${path}$`),
    async handle(exchange) {
      const { req, res, params } = exchange
      try {
        const text = (await readBody(req)).toString('utf8')
        const body = text === '' ? {} : readJson(text)
        answerJson(res, 200, answer([params[0] ?? '', params[1] ?? ''], exchange, body))
      } catch (error) {
        if (!(error instanceof SecretError)) throw error
        const { code, message, status } = error
        answerJson(res, code, { error: { code, message, status } })
      }
    },
  }
}

function readJson(text: string): Body {
  try {
    return JSON.parse(text) as Body
  } catch {
    return invalid('Invalid JSON payload received.')
  }
}

function readPayload(body: Body): Buffer {
  const payload = (body['payload'] ?? {}) as { data?: string; dataCrc32c?: string | number }
  const data = Buffer.from(payload.data ?? '', 'base64')
  if (data.length > payloadLimit) {
    invalid(`The payload is larger than the maximum of ${payloadLimit} bytes.`)
  }
  if (payload.dataCrc32c !== undefined && Number(payload.dataCrc32c) !== crc32c(data)) {
    invalid('The checksum of the payload does not match its data.')
  }
  return data
}

function readAliases(aliases: unknown, { versions }: Secret): Record<string, number> {
  const read = Object.entries(aliases as Record<string, string | number>)
  if (read.length > 50) invalid('A secret has at most 50 version aliases.')
  for (const [alias, number] of read) {
    if (!/^[a-z][\w-]{0,62}$/i.test(alias) || alias === 'latest' || alias === 'NEW') {
      invalid(`[${alias}] cannot be a version alias.`)
    }
    if (!versions[Number(number) - 1]) invalid(`The version alias [${alias}] has no version.`)
  }
  return Object.fromEntries(read.map(([alias, number]) => [alias, Number(number)]))
}

/** @throws {SecretError} UNIMPLEMENTED for a filter, which the sandbox does not guess at */
function page<Item>(all: Item[], { searchParams }: URL) {
  if (searchParams.get('filter')) {
    throw new SecretError(501, 'UNIMPLEMENTED', 'The sandbox has no filters.')
  }
  const start = Number(searchParams.get('pageToken') ?? 0)
  const size = Number(searchParams.get('pageSize') ?? 0) || 25_000
  if (!Number.isInteger(start) || !(size > 0)) invalid('Invalid page token or page size.')
  const end = start + size
  const nextPageToken = end < all.length ? String(end) : ''
  return { items: all.slice(start, end), nextPageToken, totalSize: all.length }
}

function secretJson({ versions, ...fields }: Secret): Body {
  void versions
  const aliases = Object.entries(fields.versionAliases).map(([name, number]) => [name, `${number}`])
  const versionAliases = Object.fromEntries(aliases) as Record<string, string>
  return { ...fields, replication: { automatic: {} }, versionAliases }
}

/** The Node client asks for numbers in place of enum names. */
function versionJson(name: string, found: Version, { searchParams }: URL): Body {
  const numeric = searchParams.get('$alt')?.includes('enum-encoding=int')
  const { createTime, destroyTime, state } = found
  return {
    name: versionName(name, found),
    createTime,
    ...(destroyTime === undefined ? {} : { destroyTime }),
    state: numeric ? states.indexOf(state) : state,
    replicationStatus: { automatic: {} },
  }
}

function versionName(name: string, { number }: Version): string {
  return `${name}/versions/${number}`
}

function invalid(message: string): never {
  throw new SecretError(400, 'INVALID_ARGUMENT', message)
}
