/** A Driveway behind Hosting's rules, with an operator, for the doctor to look at. */
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Check, CheckOutcome } from '../../../infra/doctor/check.ts'
import { runCheck } from '../../../infra/doctor/run-checks.ts'
import { createTarget } from '../../../infra/doctor/target.ts'
import type { Target, TargetOptions } from '../../../infra/doctor/target.ts'
import { createHosting } from '../../../infra/local/hosting.ts'
import { mintToken, signIn } from '../../../infra/local/sign-in.ts'
import { listen, startDriveway } from '../../kit/environment.ts'
import type { Driveway, DrivewayOptions } from '../../kit/environment.ts'

export const page = 'https://pages.example'

export interface TestDeployment {
  driveway: Driveway
  /** The address in front. */
  url: string
  token: string
  /** The front end, to be spoiled: what it does before a request is handed on. */
  front: { spoil?: ((req: IncomingMessage, res: ServerResponse) => boolean) | undefined }
  patient(more?: Partial<TargetOptions>): Target
  close(): Promise<void>
}

export async function startTestDeployment(options: DrivewayOptions = {}): Promise<TestDeployment> {
  const folder = await mkdtemp(join(tmpdir(), 'driveway-ward-'))
  await mkdir(join(folder, 'web'))
  await writeFile(join(folder, 'web/index.html'), '<!doctype html><title>Driveway</title>')
  let driveway: Driveway | undefined
  const front: TestDeployment['front'] = {}
  const rewrites = ['auth', 'callback', 'files', 'upload'].flatMap((functionId) =>
    [`/${functionId}`, `/${functionId}/**`].map((source) => ({ source, function: { functionId } })),
  )
  const hosting = await createHosting({ public: 'web', rewrites }, folder, (_, req, res) => {
    void driveway?.gateway.everything(req, res)
  })
  const server: Server = createServer((req, res) => {
    if (!front.spoil?.(req, res)) hosting(req, res)
  })
  const url = await listen(server)
  driveway = await startDriveway({
    ...options,
    google: { ...options.google, publicUrl: url },
    env: { OPERATORS: 'ada@example.com', ALLOWED_ORIGINS: page, ...options.env },
    signedIn: false,
  })
  driveway.gateway.adopt(server)
  const email = driveway.google.oauth.users[0]?.email ?? ''
  const token =
    options.signedIn === false ? '' : await mintToken(url, await signIn(url, email), 'doctor')
  return {
    driveway,
    url,
    token,
    front,
    patient: (more) => createTarget({ url, project: 'sandbox', token, page, ...more }),
    async close() {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
      await driveway?.close()
      await rm(folder, { recursive: true, force: true })
    },
  }
}

/** One check of a list, by its name. */
export async function runNamedCheck(
  checks: readonly Check[],
  name: string,
  patient: Target,
): Promise<CheckOutcome> {
  const check = checks.find((one) => one.name === name)
  if (!check) throw new Error(`No check ${name}`)
  return runCheck(check, patient)
}

/** What the gateway finds from within, by the check's name. */
export async function serverCheckOutcome(name: string, patient: Target): Promise<CheckOutcome> {
  const inside = await patient.serverReport()
  if ('ok' in inside) throw new Error(`No report: ${JSON.stringify(inside)}`)
  const result = inside.results.find((one) => one.name === name)
  if (!result) throw new Error(`No check ${name}`)
  return result.outcome
}
