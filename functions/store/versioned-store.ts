/**
 * Records shared by all instances, with compare-and-set: every write names the version that it replaces,
 * so one of several concurrent writers succeeds and the others detect the conflict.
 */

export interface Versioned<T> {
  value: T
  /** Milliseconds since 1970. An expired record may still be returned; callers must ignore it. */
  expiresAt: number
  /** Identifies this version. */
  etag: unknown
}

export interface VersionedStore<T> {
  /** @returns `undefined` if the record exists, expired or not */
  create(id: string, value: T, expiresAt: number): Promise<Versioned<T> | undefined>
  find(id: string): Promise<Versioned<T> | undefined>
  /** Returns one entry per id, in the order of `ids`. */
  findAll(ids: readonly string[]): Promise<(Versioned<T> | undefined)[]>
  /** @returns `undefined` if the record has another version or is missing */
  replace(id: string, etag: unknown, value: T, expiresAt: number): Promise<Versioned<T> | undefined>
  /** Removes this version; does nothing if the record has another version. */
  remove(id: string, etag: unknown): Promise<void>
  /** Removes records regardless of their version; missing ones are ignored. */
  removeEach(ids: readonly string[]): Promise<void>
  /**
   * Removes all records with this value in a field.
   *
   * @param field a field path, such as `approval.sub`
   */
  removeWhere(field: string, value: string): Promise<void>
}

export function createMemoryVersionedStore<T>(): VersionedStore<T> {
  const records = new Map<string, Versioned<T>>()
  let version = 0
  const put = (id: string, value: T, expiresAt: number): Versioned<T> => {
    const stored = { value, expiresAt, etag: ++version }
    records.set(id, stored)
    return stored
  }
  const isCurrent = (id: string, etag: unknown): boolean => records.get(id)?.etag === etag
  return {
    create: async (id, value, expiresAt) =>
      records.has(id) ? undefined : put(id, value, expiresAt),
    find: async (id) => records.get(id),
    findAll: async (ids) => ids.map((id) => records.get(id)),
    replace: async (id, etag, value, expiresAt) =>
      isCurrent(id, etag) ? put(id, value, expiresAt) : undefined,
    remove: async (id, etag) => {
      if (isCurrent(id, etag)) records.delete(id)
    },
    removeEach: async (ids) => ids.forEach((id) => records.delete(id)),
    removeWhere: async (field, value) => {
      for (const [id, stored] of records) {
        if (fieldOf(stored.value, field) === value) records.delete(id)
      }
    },
  }
}

function fieldOf(value: unknown, field: string): unknown {
  return field
    .split('.')
    .reduce<unknown>((part, name) => (Object(part) as Record<string, unknown>)[name], value)
}
