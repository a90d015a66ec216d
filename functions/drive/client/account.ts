/** The account whose Drive is used, and its access tokens. */
import { raceAbort } from './abort-signals.ts'

export interface DriveAccount {
  /** The account's subject identifier at Google. Keys caches; is never sent. */
  sub: string
  /**
   * Returns an access token that does not expire soon.
   *
   * @param rejected a token that Drive has rejected; another one is returned
   * @throws {GatewayError} `reauth_required` when Google issues no token any more
   */
  token(rejected?: string): Promise<string>
  /** Resource keys for the requests, as `X-Goog-Drive-Resource-Keys` has them. */
  resourceKeys?: string
}

/** A file or folder. */
export interface FileReference {
  id: string
  /** What Drive requires in addition for some old items that are shared by a link. */
  resourceKey?: string
}

/**
 * Returns the account with the resource keys of items that its requests name.
 *
 * @see Google Drive API, "Access link-shared Drive files using resource keys"
 */
export function withResourceKeys(
  account: DriveAccount,
  ...items: (FileReference | null | undefined)[]
): DriveAccount {
  const added = items.flatMap((item) =>
    item?.resourceKey === undefined ? [] : `${item.id}/${item.resourceKey}`,
  )
  if (added.length === 0) return account
  const known = account.resourceKeys?.split(',') ?? []
  return { ...account, resourceKeys: [...new Set([...known, ...added])].join(',') }
}

/** The headers of a request in the name of an account. */
export function accountHeaders({ resourceKeys }: DriveAccount, token: string) {
  return {
    authorization: `Bearer ${token}`,
    ...(resourceKeys === undefined ? {} : { 'x-goog-drive-resource-keys': resourceKeys }),
  }
}

/** Sends one request with the given access token. */
type SendWithToken<T> = (token: string) => Promise<T>

export interface TokenRetry {
  /** Sends once. A token that Drive rejects with 401 is replaced before the next request. */
  send<T extends { status: number }>(request: SendWithToken<T>): Promise<T>
  /** Sends, and sends once more with a fresh token after a 401. */
  sendAndRetry<T extends { status: number }>(request: SendWithToken<T>): Promise<T>
}

/** Adds the account's access token to requests, and refreshes it after a 401. */
export function createTokenRetry(account: DriveAccount, signal: AbortSignal): TokenRetry {
  let rejected: string | undefined

  const send: TokenRetry['send'] = async (request) => {
    const token = await raceAbort(signal, account.token(rejected))
    const response = await request(token)
    rejected = response.status === 401 ? token : undefined
    return response
  }

  return {
    send,
    async sendAndRetry(request) {
      const response = await send(request)
      return response.status === 401 ? send(request) : response
    },
  }
}
