/**
 * Lengths of uploads whose length was deferred. Their URLs were issued without it, so it is a record that
 * any instance finds: the first length of an upload is set, and later ones change nothing.
 */
import type { VersionedStore } from '../../store/versioned-store.ts'

export interface UploadLengthRecord {
  /** In bytes. */
  length: number
}

export function isUploadLengthRecord({ length }: Record<string, unknown>): boolean {
  return typeof length === 'number'
}

export interface UploadLengths {
  /** @returns `undefined` while the length is not known */
  find(uploadId: string): Promise<number | undefined>
  /**
   * Sets a length, unless the upload has one.
   *
   * @param expiresAt milliseconds since 1970
   * @returns the length that was set first
   */
  set(uploadId: string, length: number, expiresAt: number): Promise<number>
}

export function createUploadLengths(records: VersionedStore<UploadLengthRecord>): UploadLengths {
  const find: UploadLengths['find'] = async (uploadId) =>
    (await records.find(recordId(uploadId)))?.value.length

  return {
    find,
    async set(uploadId, length, expiresAt) {
      const isFirst = await records.create(recordId(uploadId), { length }, expiresAt)
      return isFirst ? length : ((await find(uploadId)) ?? length)
    },
  }
}

/** The collection has records of other kinds. */
const recordId = (uploadId: string): string => `length-${uploadId}`
