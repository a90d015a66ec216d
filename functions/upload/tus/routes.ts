/**
 * `/upload/tus`: resumable uploads, in a protocol that many clients speak. No row is kept and no
 * lock: an upload's URL says what it is, and Drive how far it is.
 *
 * @see tus resumable upload protocol 1.0.0
 */
import type { DriveAccount } from '../../drive/client/account.ts'
import type { Folders } from '../../drive/files/folders.ts'
import type { Resumes } from '../../drive/upload/upload-session.ts'
import type { Uploads } from '../../drive/upload/upload.ts'
import { GatewayError } from '../../errors.ts'
import type { Seal } from '../../token/sealed-values.ts'
import type { Call, Route } from '../../http/router.ts'
import type { Allowances } from '../../identity/quota.ts'
import type { ClaimStore } from '../../identity/login-state.ts'
import type { Identify } from '../../http/authenticate.ts'
import type { Inside } from '../../http/folder-scope.ts'
import type { Origins } from '../../http/cors.ts'
import { terminate } from './delete.ts'
import { tellOffset } from './head.ts'
import { bad, checkVersion, header, requestHeaders, version } from './headers.ts'
import { describe } from './options.ts'
import { addBytes } from './patch.ts'
import { create } from './post.ts'

export interface TusParts {
  identify: Identify
  accountOf(sub: string): DriveAccount
  uploads: Uploads
  resumes: Resumes
  folders: Folders
  inside: Inside
  allowances: Allowances
  claims: ClaimStore
  seal: Pick<Seal, 'seal' | 'open'>
  origins: Pick<Origins, 'knows'>
  publicUrl: string
  /** Bytes that one file may have. */
  maxFileBytes: number
  /** Bytes that one request of HTTP/1 may have where a front end caps them. */
  maxRequestBytes: number | null
  /** Milliseconds that a caller may send nothing. */
  idleMs: number
  now(): number
}

type Run = (parts: TusParts, call: Call) => Promise<void> | void

const every = /^tus(?:\/([\w.-]+))?$/
const collection = /^tus$/
const one = /^tus\/([\w.-]+)$/

export function tusRoutes(parts: TusParts): Route[] {
  const route = (method: Route['method'], path: RegExp, run: Run): Route => ({
    method,
    path,
    headers: requestHeaders,
    run: async (call) => run(parts, call),
  })
  return [
    route('OPTIONS', every, describe),
    route('POST', collection, spoken(create)),
    route('HEAD', one, spoken(tellOffset)),
    route('PATCH', one, spoken(addBytes)),
    route('DELETE', one, spoken(terminate)),
    route('POST', one, spoken(overridden)),
  ]
}

/** For clients that cannot send a PATCH or a DELETE; nothing but a POST can stand for them. */
const standIns = new Map<string | undefined, Run>([
  ['PATCH', addBytes],
  ['DELETE', terminate],
])

function overridden(parts: TusParts, call: Call): Promise<void> | void {
  const run = standIns.get(header(call.req, 'x-http-method-override'))
  if (run) return run(parts, call)
  throw new GatewayError('method_not_allowed', 'A POST to an upload stands for no method', {
    headers: { allow: 'HEAD, PATCH, DELETE, OPTIONS' },
  })
}

/** Only in the one version, and only as what the request is: a method that hides another is refused. */
function spoken(run: Run): Run {
  return (parts, call) => {
    const { req, res } = call
    res.setHeader('Tus-Resumable', version)
    checkVersion(req)
    const meant = header(req, 'x-http-method-override')
    if (meant !== undefined && meant !== req.method && run !== overridden) {
      throw bad('X-HTTP-Method-Override is taken on a POST to an upload only')
    }
    return run(parts, call)
  }
}
