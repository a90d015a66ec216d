/** What becomes of a file whose name is taken in its folder. */
import { GatewayError } from '../../errors.ts'
import type { DriveAccount } from '../client/account.ts'
import type { FoundItem, Search } from '../files/search.ts'
import { kindOf } from '../files/listing.ts'
import { findFirst, findItem, isStill } from '../files/folders.ts'
import { createLine } from '../client/drive-client.ts'
import type { Line, LineParts } from '../client/drive-client.ts'
import type { NewFile, UploadedFile } from './upload.ts'

/**
 * - `new`: another file of the same name, as Drive itself does it
 * - `replace`: the file that is there gets the new content, and keeps its id
 * - `skip`: the file that is there stays as it is, and is the answer
 * - `error`: refused
 */
export const modes = ['new', 'replace', 'skip', 'error'] as const
export type Mode = (typeof modes)[number]

export type Decision = { state: 'store'; file: NewFile } | { state: 'skip'; file: UploadedFile }

export interface Places {
  /**
   * Looks whether there is a file of this name in its folder, and decides by the mode.
   *
   * @param recent the id of a file that was there a while ago, and may not be listed yet
   * @throws {GatewayError} `file_exists`, or what Drive refuses with
   */
  decide(
    account: DriveAccount,
    file: NewFile,
    mode: Mode,
    signal: AbortSignal,
    recent?: string,
  ): Promise<Decision>
}

/** The type of bytes of which nothing is said. */
export const unknownType = 'application/octet-stream'

/** @param wholeDrive whether Driveway may write to every file that the person may */
export function createPlaces(parts: LineParts & { wholeDrive: boolean }): Places {
  const isWritable = (item: FoundItem): boolean =>
    isFile(item) && item.canEdit && (parts.wholeDrive || item.isAppAuthorized)

  return {
    async decide(account, file, mode, signal, recent) {
      if (mode === 'new') return { state: 'store', file }
      const line = createLine(parts, account, signal)
      const willDo = mode === 'replace' ? isWritable : isFile
      const { folder, name, mimeType } = file
      const search = { folder, name, kind: 'file' as const }
      const there =
        (await findFirst(line, search, willDo)) ?? (await findRecent(line, search, recent))
      if (!there) return { state: 'store', file }
      if (mode === 'error') throw new GatewayError('file_exists', 'A file has the name already')
      if (mode === 'skip') return { state: 'skip', file: toUploaded(there) }
      const { id } = there
      const type = mimeType === unknownType ? there.mimeType : mimeType
      return { state: 'store', file: { ...file, id, mimeType: type, replaces: true } }
    },
  }
}

/** A file that is known by its id, if it is still where it was. */
async function findRecent(
  line: Line,
  { folder, name }: Search,
  id: string | undefined,
): Promise<FoundItem | undefined> {
  const item = id === undefined ? undefined : await findItem(line, id)
  return item && isFile(item) && (await isStill(line, item, folder, name)) ? item : undefined
}

/** Documents, shortcuts and whatever else has no bytes of its own are none. */
function isFile({ mimeType, size, sha256 }: FoundItem): boolean {
  return kindOf(mimeType) === 'file' && size !== undefined && sha256 !== undefined
}

function toUploaded({ id, name, mimeType, size, sha256, webViewLink }: FoundItem): UploadedFile {
  return { id, name, mimeType, size: size ?? 0, sha256: sha256 ?? '', webViewLink }
}
