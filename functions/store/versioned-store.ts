/**
 * Small records by which several instances agree: each is one document, and every write to it says
 * which version it follows, so that of those who write at the same time one wins and all know it.
 */

export interface Stored<T> {
  value: T
  /** Milliseconds since 1970; what is past it may still be found and means nothing. */
  expiresAt: number
  /** Names this version to the store. */
  revision: unknown
}

export interface Records<T> {
  /** @returns nothing where there is one already, expired or not */
  create(id: string, value: T, expiresAt: number): Promise<Stored<T> | undefined>
  find(id: string): Promise<Stored<T> | undefined>
  /** Several at once, in the order of their ids. */
  findAll(ids: readonly string[]): Promise<(Stored<T> | undefined)[]>
  /** @returns nothing where it is another version by now, or gone */
  replace(
    id: string,
    revision: unknown,
    value: T,
    expiresAt: number,
  ): Promise<Stored<T> | undefined>
  /** Leaves another version as it is. */
  remove(id: string, revision: unknown): Promise<void>
  /** Whatever versions they have, those that are not there included. */
  removeEach(ids: readonly string[]): Promise<void>
  /**
   * All that have this value in a field.
   *
   * @param field may lead into what a field holds: `grant.sub`
   */
  removeWhere(field: string, value: string): Promise<void>
}

export function createMemoryRecords<T>(): Records<T> {
  const records = new Map<string, Stored<T>>()
  let revisions = 0
  const put = (id: string, value: T, expiresAt: number): Stored<T> => {
    const stored = { value, expiresAt, revision: ++revisions }
    records.set(id, stored)
    return stored
  }
  const isNow = (id: string, revision: unknown): boolean => records.get(id)?.revision === revision
  return {
    create: async (id, value, expiresAt) =>
      records.has(id) ? undefined : put(id, value, expiresAt),
    find: async (id) => records.get(id),
    findAll: async (ids) => ids.map((id) => records.get(id)),
    replace: async (id, revision, value, expiresAt) =>
      isNow(id, revision) ? put(id, value, expiresAt) : undefined,
    remove: async (id, revision) => {
      if (isNow(id, revision)) records.delete(id)
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
