/** A gateway behind the Hosting server, with an operator, for the checks of the doctor. */
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Check } from '../../../infra/doctor/check.ts'
import type { CheckOutcome } from '../../../infra/doctor/outcome.ts'
import { runCheck } from '../../../infra/doctor/run-checks.ts'
import { createTarget } from '../../../infra/doctor/target.ts'
import type { Target, TargetOptions } from '../../../infra/doctor/target.ts'
import { createHosting } from '../../../infra/local/hosting.ts'
import { mintToken, signIn } from '../../../infra/local/sign-in.ts'
import { listen, startDriveway } from '../../kit/environment.ts'
import type { Driveway, DrivewayOptions } from '../../kit/environment.ts'

export const allowedOrigin = 'https://pages.example'

export interface TestDeployment {
  driveway: Driveway
  /** The origin of the Hosting server. */
  url: string
  token: string
  /** `intercept` sees each request before Hosting; it returns true when it has responded. */
  frontEnd: { intercept?: ((req: IncomingMessage, res: ServerResponse) => boolean) | undefined }
  target(more?: Partial<TargetOptions>): Target
  close(): Promise<void>
}

export async function startTestDeployment(options: DrivewayOptions = {}): Promise<TestDeployment> {
  const folder = await mkdtemp(join(tmpdir(), 'driveway-doctor-test-'))
  await mkdir(join(folder, 'web'))
  await writeFile(join(folder, 'web/index.html'), '<!doctype html><title>Driveway</title>')
  let driveway: Driveway | undefined
  const frontEnd: TestDeployment['frontEnd'] = {}
  const rewrites = ['auth', 'callback', 'files', 'upload'].flatMap((functionId) =>
    [`/${functionId}`, `/${functionId}/**`].map((source) => ({ source, function: { functionId } })),
  )
  const hosting = await createHosting({ public: 'web', rewrites }, folder, (_, req, res) => {
    void driveway?.gateway.all(req, res)
  })
  const server: Server = createServer((req, res) => {
    if (!frontEnd.intercept?.(req, res)) hosting(req, res)
  })
  const url = await listen(server)
  driveway = await startDriveway({
    ...options,
    google: { ...options.google, publicUrl: url },
    env: { OPERATORS: 'ada@example.com', ALLOWED_ORIGINS: allowedOrigin, ...options.env },
    isSignedIn: false,
  })
  driveway.gateway.attach(server)
  const email = driveway.google.oauth.users[0]?.email ?? ''
  const token =
    options.isSignedIn === false ? '' : await mintToken(url, await signIn(url, email), 'doctor')
  return {
    driveway,
    url,
    token,
    frontEnd,
    target: (more) =>
      createTarget({
        url,
        functionUrl: driveway?.origin,
        project: 'sandbox',
        token,
        allowedOrigin,
        ...more,
      }),
    async close() {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
      await driveway?.close()
      await rm(folder, { recursive: true, force: true })
    },
  }
}

/** Runs one check of a list, by its name. */
export async function runNamedCheck(
  checks: readonly Check[],
  name: string,
  target: Target,
): Promise<CheckOutcome> {
  const check = checks.find((candidate) => candidate.name === name)
  if (!check) throw new Error(`No check ${name}`)
  return runCheck(check, target)
}

/** Returns the outcome of a server check, by its name. */
export async function serverCheckOutcome(name: string, target: Target): Promise<CheckOutcome> {
  const report = await target.serverReport()
  if ('ok' in report) throw new Error(`No report: ${JSON.stringify(report)}`)
  const result = report.results.find((entry) => entry.name === name)
  if (!result) throw new Error(`No check ${name}`)
  return result.outcome
}
