/** `/auth/doctor`: what is wrong here, for those who run this Driveway; for others it is not there. */
import { withDeadline } from '../../lib/deadline.ts'
import type { DriveAccount } from '../../drive/client/account.ts'
import type { Files } from '../../drive/files/listing.ts'
import type { Uploads } from '../../drive/upload/upload.ts'
import { GatewayError } from '../../errors.ts'
import type { Principal } from '../../identity/principal.ts'
import { serverChecks } from './checks.ts'
import type { ServerCheckOutcome, ServerCheck, CheckContext } from './checks.ts'
import { readFileId } from '../../files/list-query.ts'
import type { Call, Route } from '../../http/router.ts'
import type { Identify } from '../../http/authenticate.ts'
import type { Log } from '../../http/log.ts'
import { sendJson } from '../../http/problem.ts'

export interface DoctorDeps {
  recognise: Identify
  accountOf(sub: string): DriveAccount
  files: Pick<Files, 'get'>
  uploads: Pick<Uploads, 'remove'>
  publicUrl: string
  doctor: {
    /** Addresses, in lower case. */
    operators: readonly string[]
    emailOf(sub: string): Promise<string | undefined>
    contextFor(sub: string, signal: AbortSignal): CheckContext
  }
}

/** What the doctor uploads has such a name; it removes nothing else. */
export const testFilePrefix = 'driveway-doctor-'

const checkTimeoutMs = 20_000

export function doctorRoutes(deps: DoctorDeps): Route[] {
  return [
    { method: 'GET', path: /^doctor$/, run: (call) => runChecks(deps, call) },
    {
      method: 'DELETE',
      path: /^doctor\/files\/([^/]+)$/,
      run: (call) => deleteTestFile(deps, call),
    },
  ]
}

async function runChecks(deps: DoctorDeps, { req, res, signal, log }: Call): Promise<void> {
  const { sub } = await authenticateOperator(deps, req)
  const probe = deps.doctor.contextFor(sub, signal)
  const checks = await Promise.all(serverChecks.map((check) => runCheck(check, probe, log)))
  const cookies = (req.headers.cookie ?? '').split(';').flatMap((pair) => pair.split('=', 1))
  sendJson(res, 200, {
    ok: checks.every(({ ok }) => ok),
    publicUrl: deps.publicUrl,
    // By name alone: which of them a front end lets through.
    cookies: cookies.map((name) => name.trim()).filter((name) => name !== ''),
    checks,
  })
}

async function runCheck(
  { name, why, run: attempt }: ServerCheck,
  probe: CheckContext,
  log: Log,
): Promise<ServerCheckOutcome & Pick<ServerCheck, 'name' | 'why'>> {
  const late = (): Error => new Error(`${name} took too long`)
  const finding = await withDeadline(attempt(probe), checkTimeoutMs, late).catch(
    (error: unknown): ServerCheckOutcome => {
      log.failure(`doctor: ${name}`, error)
      return {
        ok: false,
        cause: 'It could not be tried; another failure is in its way, or the log has more',
        fix: 'Mend what else is wrong first, then look into the log',
        command: `gcloud logging read 'severity>=ERROR' --limit=5 --project=${probe.settings.projectId}`,
      }
    },
  )
  return { name, why, ...finding }
}

async function deleteTestFile(deps: DoctorDeps, { req, res, params, signal }: Call): Promise<void> {
  const { sub } = await authenticateOperator(deps, req)
  const id = readFileId(params[0] ?? '')
  const account = deps.accountOf(sub)
  const { name } = await deps.files.get(account, id, signal)
  if (!name.startsWith(testFilePrefix)) throw new GatewayError('not_found', 'Not the doctor’s file')
  await deps.uploads.remove(account, id)
  res.writeHead(204).end()
}

/** @throws {GatewayError} `not_found` for everybody else, whatever they may do otherwise */
async function authenticateOperator(deps: DoctorDeps, req: Call['req']): Promise<Principal> {
  const { operators, emailOf: addressOf } = deps.doctor
  const nobody = new GatewayError('not_found', 'Not an operator’s')
  if (operators.length === 0) throw nobody
  const principal = await deps.recognise(req, 'nothing')
  const { folder, scopes, sub } = principal
  if (folder || !scopes.includes('upload') || !scopes.includes('files:read')) throw nobody
  const address = await addressOf(sub)
  if (address === undefined || !operators.includes(address)) throw nobody
  return principal
}
