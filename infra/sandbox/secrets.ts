/**
 * Secret Manager on loopback: the REST methods that its Node client calls with `fallback: true`.
 *
 * @see Secret Manager API, REST reference
 */
import { crc32c } from './crc32c.ts'
import type { Secret, Version } from './secrets-store.ts'
import { createSecretStore, SecretError } from './secrets-store.ts'
import type { Exchange, Route, Service } from './router.ts'
import { sendJson, readBody } from './router.ts'

const maxPayloadBytes = 64 * 1024
const states = ['STATE_UNSPECIFIED', 'ENABLED', 'DISABLED', 'DESTROYED']
const parent = String.raw`(projects/[^/:]+(?:/locations/[^/:]+)?)`
const secret = String.raw`(projects/[^/:]+(?:/locations/[^/:]+)?/secrets/[^/:]+)`
const version = String.raw`/versions/([^/:]+)`

export interface SecretManagerOptions {
  /** The project of names without one; default `sandbox`. */
  project?: string
  /** A JSON file (mode 0600) that persists the secrets; default memory only. */
  path?: string
  now?: () => number
}

export interface SecretManager extends Service {
  /**
   * Adds a version; creates the secret if it does not exist.
   *
   * @param name `oauth-client`, or `projects/p/secrets/oauth-client`
   * @returns the resource name of the version
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
  const resourceName = (name: string) =>
    name.includes('/') ? name : `projects/${project}/secrets/${name}`

  return {
    routes: createRoutes(store),
    set(name, text) {
      const secretName = resourceName(name)
      if (!store.has(secretName)) store.create(secretName)
      return versionName(secretName, store.add(secretName, Buffer.from(text)))
    },
    has: (name) => store.has(resourceName(name)),
    enable: (name, number) => void store.setState(resourceName(name), String(number), 'ENABLED'),
    disable: (name, number) => void store.setState(resourceName(name), String(number), 'DISABLED'),
    destroy: (name, number) => void store.setState(resourceName(name), String(number), 'DESTROYED'),
  }
}

function createRoutes(store: ReturnType<typeof createSecretStore>): Route[] {
  return [
    route('secrets.access', 'GET', `${secret}${version}:access`, ([name, id]) => {
      const { version: accessed, data } = store.access(name, id)
      return {
        name: versionName(name, accessed),
        payload: { data: data.toString('base64'), dataCrc32c: String(crc32c(data)) },
      }
    }),
    route('secrets.get', 'GET', secret, ([name]) => secretJson(store.get(name))),
    route('secrets.list', 'GET', `${parent}/secrets`, ([name], { url }) => {
      const { items, ...rest } = paginate(store.list(name), url)
      return { secrets: items.map(secretJson), ...rest }
    }),
    route('secrets.versions.get', 'GET', `${secret}${version}`, ([name, id], { url }) =>
      versionJson(name, store.version(name, id), url),
    ),
    route('secrets.versions.list', 'GET', `${secret}/versions`, ([name], { url }) => {
      const newestFirst = store.get(name).versions.toReversed()
      const { items, ...rest } = paginate(newestFirst, url)
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
      const stored = store.get(name)
      for (const field of (url.searchParams.get('updateMask') ?? '').split(',')) {
        if (field === 'labels') stored.labels = (body['labels'] ?? {}) as Secret['labels']
        else if (field === 'annotations') {
          stored.annotations = (body['annotations'] ?? {}) as Secret['annotations']
        } else if (field === 'versionAliases' || field === 'version_aliases') {
          stored.versionAliases = readAliases(body['versionAliases'] ?? {}, stored)
        } else invalid(`The sandbox does not implement an update of the field [${field}]`)
      }
      store.save()
      return secretJson(stored)
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
  run: (names: [string, string], exchange: Exchange, body: Body) => Body,
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
        sendJson(res, 200, run([params[0] ?? '', params[1] ?? ''], exchange, body))
      } catch (error) {
        if (!(error instanceof SecretError)) throw error
        const { code, message, status } = error
        sendJson(res, code, { error: { code, message, status } })
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
  if (data.length > maxPayloadBytes) {
    invalid(`The payload is larger than the maximum of ${maxPayloadBytes} bytes.`)
  }
  if (payload.dataCrc32c !== undefined && Number(payload.dataCrc32c) !== crc32c(data)) {
    invalid('The checksum of the payload does not match its data.')
  }
  return data
}

function readAliases(aliases: unknown, { versions }: Secret): Record<string, number> {
  const entries = Object.entries(aliases as Record<string, string | number>)
  if (entries.length > 50) invalid('A secret has at most 50 version aliases.')
  for (const [alias, number] of entries) {
    if (!/^[a-z][\w-]{0,62}$/i.test(alias) || alias === 'latest' || alias === 'NEW') {
      invalid(`[${alias}] cannot be a version alias.`)
    }
    if (!versions[Number(number) - 1]) invalid(`The version alias [${alias}] has no version.`)
  }
  return Object.fromEntries(entries.map(([alias, number]) => [alias, Number(number)]))
}

/** @throws {SecretError} UNIMPLEMENTED for a filter */
function paginate<Item>(all: Item[], { searchParams }: URL) {
  if (searchParams.get('filter')) {
    throw new SecretError(501, 'UNIMPLEMENTED', 'The sandbox does not implement filters.')
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

/** The Node client requests enums as numbers. */
function versionJson(name: string, secretVersion: Version, { searchParams }: URL): Body {
  const numeric = searchParams.get('$alt')?.includes('enum-encoding=int')
  const { createTime, destroyTime, state } = secretVersion
  return {
    name: versionName(name, secretVersion),
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
