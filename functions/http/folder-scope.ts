/** Restricts a credential to its folder and the items in it. */
import type { DriveAccount } from '../drive/client/account.ts'
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
  checkRead(principal: FolderBound, id: string, signal: AbortSignal): Promise<void>
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
    requested: string | undefined,
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
  const isInside = async ({ sub, folder }: FolderBound, id: string, signal: AbortSignal) =>
    folder === undefined || folderAncestry.isDescendant(accountOf(sub), folder.id, id, signal)

  const checkRead: FolderScope['checkRead'] = async (principal, id, signal) => {
    if (await isInside(principal, id, signal)) return
    throw new GatewayError('drive_not_found', 'The item is outside the credential’s folder')
  }

  return {
    checkRead,

    async scopeListQuery(principal, query, signal) {
      if (query.folder !== undefined) await checkRead(principal, query.folder, signal)
      const folder = query.folder ?? principal.folder?.id
      return folder === undefined ? query : { ...query, folder }
    },

    async resolveWriteFolder(principal, requested, signal) {
      const id = requested ?? principal.folder?.id
      if (id === undefined) return undefined
      if (!(await isInside(principal, id, signal))) throw outsideFolder()
      if (id === 'root') return id // My Drive itself cannot be trashed
      const folder = await destinations.resolve(accountOf(principal.sub), id, signal)
      if (folder !== id && !(await isInside(principal, folder, signal))) throw outsideFolder()
      return folder
    },
  }
}

function outsideFolder(): GatewayError {
  return new GatewayError('outside_folder', 'The item is outside the credential’s folder')
}
