/** The secrets of the sandbox's Secret Manager, in memory and optionally in a file. */
import { chmodSync, existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs'

export type VersionState = 'ENABLED' | 'DISABLED' | 'DESTROYED'

export interface Version {
  number: number
  createTime: string
  state: VersionState
  destroyTime?: string
  /** Base64; undefined once the version is destroyed. */
  data?: string
}

export interface Secret {
  /** `projects/…/secrets/…`, with `locations/…` in between for a regional secret. */
  name: string
  createTime: string
  labels: Record<string, string>
  annotations: Record<string, string>
  versionAliases: Record<string, number>
  /** Oldest first: version 1 is at index 0. */
  versions: Version[]
}

/** An error with the message and status of Google's API. */
export class SecretError extends Error {
  override name = 'SecretError'
  readonly code: number
  readonly status: string
  constructor(code: number, status: string, message: string) {
    super(message)
    this.code = code
    this.status = status
  }
}

export interface SecretStore {
  /** @throws {SecretError} NOT_FOUND */
  get(name: string): Secret
  has(name: string): boolean
  /** The secrets of one project or location, ordered by name. */
  list(parent: string): Secret[]
  create(name: string, fields?: Partial<Secret>): Secret
  delete(name: string): void
  add(name: string, data: Buffer): Version
  /**
   * @param id a number, an alias or `latest`: the newest version in any state
   * @throws {SecretError} NOT_FOUND
   */
  version(name: string, id: string): Version
  setState(name: string, id: string, state: VersionState): Version
  /** The data of a version that is enabled. */
  access(name: string, id: string): { version: Version; data: Buffer }
  /** Persists the secrets after a change of their fields. */
  save(): void
}

/** @param path of a JSON file (mode 0600) that persists the secrets; default memory only */
export function createSecretStore(path?: string, now: () => number = Date.now): SecretStore {
  const secrets = new Map<string, Secret>()
  if (path !== undefined && existsSync(path)) {
    chmodSync(path, 0o600)
    const stored = JSON.parse(readFileSync(path, 'utf8')) as Secret[]
    for (const secret of stored) secrets.set(secret.name, secret)
  }
  const time = () => new Date(now()).toISOString()

  const store: SecretStore = {
    get(name) {
      const secret = secrets.get(name)
      if (!secret) throw new SecretError(404, 'NOT_FOUND', `Secret [${name}] not found.`)
      return secret
    },
    has: (name) => secrets.has(name),
    list: (parent) =>
      [...secrets.values()]
        .filter(({ name }) => name.replace(/\/secrets\/[^/]+$/, '') === parent)
        .toSorted((a, b) => (a.name < b.name ? -1 : 1)),
    create(name, fields = {}) {
      if (secrets.has(name)) {
        throw new SecretError(409, 'ALREADY_EXISTS', `Secret [${name}] already exists.`)
      }
      const { labels = {}, annotations = {} } = fields
      const empty = { versionAliases: {}, versions: [] }
      const secret = { name, createTime: time(), labels, annotations, ...empty }
      secrets.set(name, secret)
      store.save()
      return secret
    },
    delete(name) {
      store.get(name)
      secrets.delete(name)
      store.save()
    },
    add(name, data) {
      const { versions } = store.get(name)
      const version: Version = {
        number: versions.length + 1,
        createTime: time(),
        state: 'ENABLED',
        data: data.toString('base64'),
      }
      versions.push(version)
      store.save()
      return version
    },
    version(name, id) {
      const { versions, versionAliases } = store.get(name)
      const alias = Object.hasOwn(versionAliases, id) ? versionAliases[id] : undefined
      const number = id === 'latest' ? versions.length : (alias ?? Number(id))
      const version = versions.find((other) => other.number === number)
      if (version) return version
      const message =
        versions.length === 0
          ? `Secret [${name}] not found or has no versions.`
          : `Secret Version [${name}/versions/${id}] not found.`
      throw new SecretError(404, 'NOT_FOUND', message)
    },
    setState(name, id, state) {
      const version = store.version(name, id)
      if (version.state === 'DESTROYED') rejectState(name, version)
      version.state = state
      if (state === 'DESTROYED') {
        delete version.data
        version.destroyTime = time()
      }
      store.save()
      return version
    },
    access(name, id) {
      const version = store.version(name, id)
      if (version.state !== 'ENABLED') rejectState(name, version)
      return { version, data: Buffer.from(version.data ?? '', 'base64') }
    },
    save() {
      if (path === undefined) return
      // Renamed into place, so that a reader never sees a partial file.
      const temporary = `${path}.${process.pid}.next`
      writeFileSync(temporary, JSON.stringify([...secrets.values()], null, 2), { mode: 0o600 })
      renameSync(temporary, path)
    },
  }
  return store
}

function rejectState(name: string, { number, state }: Version): never {
  const message = `Secret Version [${name}/versions/${number}] is in ${state} state.`
  throw new SecretError(400, 'FAILED_PRECONDITION', message)
}
