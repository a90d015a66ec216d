/** Parses the parameters of a token (`POST /auth/tokens`), and describes a token in responses. */
import { withResourceKeys } from '../drive/client/account.ts'
import type { Folders } from '../drive/files/folders.ts'
import type { Credential, CredentialRequest } from '../identity/credentials.ts'
import type { GrantBound } from '../identity/grant-generations.ts'
import { readPath } from '../http/file-name.ts'
import { dayMs, readFolder, readLifetime, readQuota, readScopes } from './credential-params.ts'
import type { FolderDeps } from './credential-params.ts'
import { badRequest } from './request-errors.ts'

export interface TokenParamsDeps extends FolderDeps {
  folders: Pick<Folders, 'ensurePath'>
}

const knownParams = ['name', 'scopes', 'folder', 'path', 'maxBytes', 'maxFiles', 'expiresInDays']

/**
 * Parses the parameters, and finds or creates the folder that they name. The default name is
 * `curl`, the default lifetime is 90 days.
 *
 * @throws {GatewayError} `bad_request`, also for an unknown parameter: the caller may rely on it;
 *   `invalid_path`, `drive_not_found`, or another error of Drive
 */
export async function readTokenParams(
  deps: TokenParamsDeps,
  { sub, generation }: GrantBound,
  body: Record<string, unknown>,
  signal: AbortSignal,
): Promise<{ request: CredentialRequest; lifetimeMs: number }> {
  if (Object.keys(body).some((key) => !knownParams.includes(key))) {
    throw badRequest(`A token has only the parameters ${knownParams.join(', ')}`)
  }
  const { name = 'curl', folder, path, expiresInDays } = body
  if (typeof name !== 'string' || !/^[^\p{Cc}\p{Cs}]{1,100}$/u.test(name)) {
    throw badRequest('name must be a string of 1 to 100 characters')
  }
  const scopes = readScopes(body['scopes'])
  const limits = readQuota(body)
  const lifetimeMs = readLifetime(expiresInDays) ?? 90 * dayMs
  const names = readFolderPath(path)
  const parent = await readFolder(deps, sub, folder, signal)
  const target = names.length === 0 ? parent : await ensureFolder(deps, sub, parent, names, signal)
  const request = {
    sub,
    generation,
    name,
    scopes,
    ...(target === null ? {} : { folder: target }),
    ...(Object.keys(limits).length === 0 ? {} : { limits }),
  }
  return { request, lifetimeMs }
}

async function ensureFolder(
  deps: TokenParamsDeps,
  sub: string,
  parent: Awaited<ReturnType<typeof readFolder>>,
  names: readonly string[],
  signal: AbortSignal,
): ReturnType<typeof readFolder> {
  const account = withResourceKeys(deps.accountOf(sub), parent)
  const id = await deps.folders.ensurePath(account, parent?.id, names, signal, undefined)
  return readFolder(deps, sub, id, signal)
}

function readFolderPath(path: unknown): string[] {
  if (path === undefined || path === null) return []
  if (typeof path !== 'string') throw badRequest('path must be folder names separated by slashes')
  return readPath(path.split('/'))
}

/** Returns the JSON of a token, without its secret. */
export function describeToken(token: Credential): Record<string, unknown> {
  const { id, name, scopes, folder, limits = {}, createdAt, expiresAt } = token
  return {
    id,
    name,
    scopes,
    folder: folder ?? null,
    maxBytes: limits.maxBytes ?? null,
    maxFiles: limits.maxFiles ?? null,
    created: new Date(createdAt).toISOString(),
    expires: new Date(expiresAt).toISOString(),
  }
}
