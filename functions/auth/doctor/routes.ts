/** `/auth/doctor`: self-diagnosis for operators. Other accounts get 404. */
import { withDeadline } from '../../lib/deadline.ts'
import type { DriveAccount } from '../../drive/client/account.ts'
import type { Files } from '../../drive/files/listing.ts'
import type { Uploads } from '../../drive/upload/upload.ts'
import { GatewayError } from '../../errors.ts'
import type { Principal } from '../../identity/principal.ts'
import { serverChecks } from './checks.ts'
import type { ServerCheckOutcome, ServerCheck, CheckContext } from './checks.ts'
import { failure } from './remedies.ts'
import type { ReadClientAddress } from '../../http/client-ip.ts'
import { readPathReference } from '../../http/file-id.ts'
import type { RequestContext, Route } from '../../http/router.ts'
import type { Authenticate } from '../../http/authenticate.ts'
import type { Log } from '../../http/log.ts'
import { sendJson } from '../../http/problem.ts'

export interface DoctorDeps {
  authenticateAny: Authenticate
  accountOf(sub: string): DriveAccount
  files: Pick<Files, 'get'>
  uploads: Pick<Uploads, 'remove'>
  publicUrl: string
  addressOf: ReadClientAddress
  doctor: {
    /** E-mail addresses, in lower case. */
    operators: readonly string[]
    emailOf(sub: string): Promise<string | undefined>
    /** Timeout of each check in milliseconds. */
    checkTimeoutMs?: number | undefined
    contextFor(sub: string, signal: AbortSignal): CheckContext
  }
}

/** Name prefix of the doctor's test uploads; `DELETE /auth/doctor/files/{id}` deletes only these. */
export const testFilePrefix = 'driveway-doctor-'

const defaultCheckTimeoutMs = 20_000

export function doctorRoutes(deps: DoctorDeps): Route[] {
  return [
    { method: 'GET', path: /^doctor$/, run: (context) => runChecks(deps, context) },
    {
      method: 'DELETE',
      path: /^doctor\/files\/([^/]+)$/,
      run: (context) => deleteTestFile(deps, context),
    },
  ]
}

async function runChecks(
  deps: DoctorDeps,
  { req, res, signal, log }: RequestContext,
): Promise<void> {
  const { sub } = await authenticateOperator(deps, req)
  const context = deps.doctor.contextFor(sub, signal)
  const checks = await Promise.all(
    serverChecks.map((check) => runCheck(check, context, log, deps.doctor.checkTimeoutMs)),
  )
  const cookies = (req.headers.cookie ?? '').split(';').flatMap((pair) => pair.split('=', 1))
  const { client, proxy = null } = deps.addressOf(req)
  sendJson(res, 200, {
    ok: checks.every(({ ok }) => ok),
    publicUrl: deps.publicUrl,
    // Names only. They show which cookies a front end passes on.
    cookies: cookies.map((name) => name.trim()).filter((name) => name !== ''),
    // The address that rate limits use. It shows which front ends are trusted.
    client: { address: client, proxy },
    checks,
  })
}

async function runCheck(
  { name, why, run }: ServerCheck,
  context: CheckContext,
  log: Log,
  checkTimeoutMs = defaultCheckTimeoutMs,
): Promise<ServerCheckOutcome & Pick<ServerCheck, 'name' | 'why'>> {
  const onTimeout = (): Error => new Error(`${name} timed out after ${checkTimeoutMs} ms`)
  const outcome = await withDeadline(run(context), checkTimeoutMs, onTimeout).catch(
    (error: unknown): ServerCheckOutcome => {
      log.failure('doctor_check_failed', error, { check: name })
      return failure(
        'The check could not run: another failure prevents it, or the log has the error',
        'Fix the other failures first, then check the log',
        `gcloud logging read 'severity>=ERROR' --limit=5 --project=${context.settings.projectId}`,
      )
    },
  )
  return { name, why, ...outcome }
}

async function deleteTestFile(
  deps: DoctorDeps,
  { req, res, params, signal }: RequestContext,
): Promise<void> {
  const { sub } = await authenticateOperator(deps, req)
  const { id } = readPathReference(params[0] ?? '')
  const account = deps.accountOf(sub)
  const { name } = await deps.files.get(account, id, signal)
  if (!name.startsWith(testFilePrefix)) {
    throw new GatewayError('not_found', 'The file is not a test upload of the doctor')
  }
  await deps.uploads.remove(account, id)
  res.writeHead(204).end()
}

/** @throws {GatewayError} `not_found` unless an operator uses an unrestricted credential */
async function authenticateOperator(
  deps: DoctorDeps,
  req: RequestContext['req'],
): Promise<Principal> {
  const { operators, emailOf } = deps.doctor
  const notFound = new GatewayError('not_found', 'The account is not an operator')
  if (operators.length === 0) throw notFound
  const principal = await deps.authenticateAny(req, 'authenticated')
  const { kind, folder, scopes, sub } = principal
  if (kind === 'page' || folder || !scopes.includes('upload') || !scopes.includes('files:read'))
    throw notFound
  const email = await emailOf(sub)
  if (email === undefined || !operators.includes(email)) throw notFound
  return principal
}
