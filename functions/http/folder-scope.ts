/** Restricts a credential to its folder and the items in it. */
import { withResourceKeys } from '../drive/client/account.ts'
import type { DriveAccount, FileReference } from '../drive/client/account.ts'
import type { Destinations } from '../drive/files/destination.ts'
import type { FolderAncestry } from '../drive/files/folder-ancestry.ts'
import type { ListQuery } from '../drive/files/listing.ts'
import { GatewayError } from '../errors.ts'
import type { Principal } from '../identity/principal.ts'

type FolderBound = Pick<Principal, 'sub' | 'folder'>
/** The grant and the folder of a credential. */
export type SealOwner = Pick<Principal, 'sub' | 'generation' | 'folder'>

export interface FolderScope {
  /**
   * Checks that the credential may read an item or list a folder.
   *
   * @throws {GatewayError} `drive_not_found` outside the folder, as for an unknown id
   */
  checkRead(principal: FolderBound, item: FileReference, signal: AbortSignal): Promise<void>
  /** Checks a query's folder like `checkRead()`, and sets it to the credential's folder by default. */
  scopeListQuery(principal: FolderBound, query: ListQuery, signal: AbortSignal): Promise<ListQuery>
  /**
   * Returns the folder to write to: the requested one, by default the credential's folder. The id of a
   * shortcut stands for its target.
   *
   * @throws {GatewayError} `outside_folder`, also for an unknown id; `folder_trashed`, `bad_request` or
   *   `not_a_folder` when files cannot be uploaded there
   */
  resolveWriteFolder(
    principal: FolderBound,
    requested: FileReference | undefined,
    signal: AbortSignal,
  ): Promise<string | undefined>
}

/** The subject of sealed values: a credential of another grant or folder cannot open them. */
export function sealSubject({ sub, generation, folder }: SealOwner): string {
  const grant = generation === '' ? sub : `${sub} under ${generation}`
  return folder === undefined ? grant : `${grant} in ${folder.id}`
}

export function createFolderScope(
  folderAncestry: Pick<FolderAncestry, 'isDescendant'>,
  destinations: Destinations,
  accountOf: (sub: string) => DriveAccount,
): FolderScope {
  const accountFor = ({ sub, folder }: FolderBound, item?: FileReference): DriveAccount =>
    withResourceKeys(accountOf(sub), folder, item)

  const isInside = async (principal: FolderBound, item: FileReference, signal: AbortSignal) => {
    const { folder } = principal
    if (folder === undefined) return true
    return folderAncestry.isDescendant(accountFor(principal, item), folder.id, item.id, signal)
  }

  const checkRead: FolderScope['checkRead'] = async (principal, item, signal) => {
    if (await isInside(principal, item, signal)) return
    throw new GatewayError('drive_not_found', 'The item is outside the credential’s folder')
  }

  return {
    checkRead,

    async scopeListQuery(principal, query, signal) {
      if (query.folder !== undefined) await checkRead(principal, query.folder, signal)
      const folder = query.folder ?? principal.folder
      return folder === undefined ? query : { ...query, folder }
    },

    async resolveWriteFolder(principal, requested, signal) {
      const item = requested ?? principal.folder
      if (item === undefined) return undefined
      if (!(await isInside(principal, item, signal))) throw outsideFolder()
      if (item.id === 'root') return item.id // My Drive itself cannot be trashed
      const id = await destinations.resolve(accountFor(principal, item), item.id, signal)
      if (id !== item.id && !(await isInside(principal, { id }, signal))) throw outsideFolder()
      return id
    },
  }
}

function outsideFolder(): GatewayError {
  return new GatewayError('outside_folder', 'The item is outside the credential’s folder')
}
