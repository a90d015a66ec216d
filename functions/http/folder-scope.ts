/** Credentials that are bound to a folder: nothing outside of it is read, and nothing written. */
import type { DriveAccount } from '../drive/client/account.ts'
import type { Confines } from '../drive/files/folder-ancestry.ts'
import type { ListQuery } from '../drive/files/listing.ts'
import { GatewayError } from '../errors.ts'
import type { Principal } from '../identity/principal.ts'

type Bound = Pick<Principal, 'sub' | 'folder'>

export interface Inside {
  /**
   * Lets a caller read what is under an id, a folder's list among it.
   *
   * @throws {GatewayError} `drive_not_found` outside, as for what is not there
   */
  checkRead(principal: Bound, id: string, signal: AbortSignal): Promise<void>
  /** The same for a list: of the folder that was named, or else of the credential's own. */
  listQuery(principal: Bound, query: ListQuery, signal: AbortSignal): Promise<ListQuery>
  /**
   * Where a caller writes: the folder that was named, or else the credential's own.
   *
   * @throws {GatewayError} `outside_folder`, also for what is not there
   */
  writeFolder(
    principal: Bound,
    named: string | undefined,
    signal: AbortSignal,
  ): Promise<string | undefined>
}

/** For whom something is sealed: nobody else of the account opens what one folder's credential has. */
export function ownerOf({ sub, folder }: Bound): string {
  return folder === undefined ? sub : `${sub} in ${folder.id}`
}

export function createInside(
  confines: Pick<Confines, 'holds'>,
  accountOf: (sub: string) => DriveAccount,
): Inside {
  const isInside = async ({ sub, folder }: Bound, id: string, signal: AbortSignal) =>
    folder === undefined || confines.holds(accountOf(sub), folder.id, id, signal)

  const checkRead: Inside['checkRead'] = async (principal, id, signal) => {
    if (await isInside(principal, id, signal)) return
    throw new GatewayError('drive_not_found', 'It is outside the credential’s folder')
  }

  return {
    checkRead,

    async listQuery(principal, query, signal) {
      if (query.folder !== undefined) await checkRead(principal, query.folder, signal)
      const folder = query.folder ?? principal.folder?.id
      return folder === undefined ? query : { ...query, folder }
    },

    async writeFolder(principal, named, signal) {
      if (named === undefined) return principal.folder?.id
      if (await isInside(principal, named, signal)) return named
      throw new GatewayError('outside_folder', 'It is outside the credential’s folder')
    },
  }
}
