/** A Driveway behind Hosting's rules, with an operator, for the doctor to look at. */
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Check, Outcome } from '../../../infra/doctor/check.ts'
import { attempt } from '../../../infra/doctor/run-checks.ts'
import { createPatient } from '../../../infra/doctor/target.ts'
import type { Patient, PatientOptions } from '../../../infra/doctor/target.ts'
import { createHosting } from '../../../infra/local/hosting.ts'
import { mintToken, signIn } from '../../../infra/local/sign-in.ts'
import { listen, startDriveway } from '../../kit/environment.ts'
import type { Driveway, DrivewayOptions } from '../../kit/environment.ts'

export const page = 'https://pages.example'

export interface Ward {
  driveway: Driveway
  /** The address in front. */
  url: string
  token: string
  /** The front end, to be spoiled: what it does before a request is handed on. */
  front: { spoil?: ((req: IncomingMessage, res: ServerResponse) => boolean) | undefined }
  patient(more?: Partial<PatientOptions>): Patient
  close(): Promise<void>
}

export async function startWard(options: DrivewayOptions = {}): Promise<Ward> {
  const folder = await mkdtemp(join(tmpdir(), 'driveway-ward-'))
  await mkdir(join(folder, 'web'))
  await writeFile(join(folder, 'web/index.html'), '<!doctype html><title>Driveway</title>')
  let driveway: Driveway | undefined
  const front: Ward['front'] = {}
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
    patient: (more) => createPatient({ url, project: 'sandbox', token, page, ...more }),
    async close() {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
      await driveway?.close()
      await rm(folder, { recursive: true, force: true })
    },
  }
}

/** One check of a list, by its name. */
export async function tryOne(
  checks: readonly Check[],
  name: string,
  patient: Patient,
): Promise<Outcome> {
  const check = checks.find((one) => one.name === name)
  if (!check) throw new Error(`No check ${name}`)
  return attempt(check, patient)
}

/** What the gateway finds from within, by the check's name. */
export async function insideOne(name: string, patient: Patient): Promise<Outcome> {
  const inside = await patient.inside()
  if ('ok' in inside) throw new Error(`No report: ${JSON.stringify(inside)}`)
  const result = inside.results.find((one) => one.name === name)
  if (!result) throw new Error(`No check ${name}`)
  return result.outcome
}
