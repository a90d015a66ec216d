/** Who is examined: an address, and with what credential it is spoken to. */
import type { Wrong } from '../../functions/auth/doctor/checks.ts'
import { ask, codeOf, jsonOf } from './http-request.ts'
import type { Answer, Question } from './http-request.ts'
import { wrong } from './check.ts'
import type { Result } from './check.ts'

export interface PatientOptions {
  /** The origin that browsers see. */
  url: string
  /** The project's id, for the commands. */
  project: string
  /** A token (`dw_…`) or the `__session` cookie's value of an operator. */
  token?: string | undefined
  session?: string | undefined
  /** The origin of a page elsewhere that shall be let in. */
  page?: string | undefined
  now?: (() => number) | undefined
}

/** What the gateway says of itself to its operator. */
export interface Inside {
  publicUrl: string
  /** The names of those cookies that arrived. */
  cookies: string[]
  results: Result[]
}

export interface Patient extends PatientOptions {
  now: () => number
  /** Whether there is anything to show who is asking. */
  hasCredential: boolean
  /** Asks with nothing that says who it is. */
  ask(path: string, question?: Question): Promise<Answer>
  /** Asks as the operator. */
  askAs(path: string, question?: Question): Promise<Answer>
  /** Asked once; what is wrong where it does not say. */
  inside(): Promise<Inside | Wrong>
}

/** A cookie that a front end may keep for itself. */
const otherCookie = 'driveway-doctor=1'

export function createPatient(options: PatientOptions): Patient {
  const { url, token, session, project, now = Date.now } = options
  const shown: Record<string, string> =
    token === undefined
      ? { cookie: `__session=${session ?? ''}; ${otherCookie}`, origin: url }
      : { authorization: `Bearer ${token}`, cookie: `__session=.; ${otherCookie}` }
  let inside: Promise<Inside | Wrong> | undefined
  const patient: Patient = {
    ...options,
    now,
    hasCredential: token !== undefined || session !== undefined,
    ask: (path, question) => ask(url + path, question),
    askAs: (path, question = {}) =>
      ask(url + path, { ...question, headers: { ...shown, ...question.headers } }),
    inside() {
      inside ??= patient.askAs('/auth/doctor').then((answer) => readInside(answer, project))
      return inside
    },
  }
  return patient
}

function readInside(answer: Answer, project: string): Inside | Wrong {
  const code = codeOf(answer)
  if (answer.status === 200) {
    const { publicUrl, cookies, checks } = jsonOf(answer) as {
      publicUrl: string
      cookies: string[]
      checks: (Result['outcome'] & Pick<Result, 'name' | 'why'>)[]
    }
    return {
      publicUrl,
      cookies,
      results: checks.map(({ name, why, ...outcome }) => ({ name, why, outcome })),
    }
  }
  if (code === 'not_found') {
    return wrong(
      'This account is no operator of this Driveway, or the token is for one folder or for less than all',
      'List the account’s address in OPERATORS, and take a token of it that may do everything',
      'npm run setup -- --set=OPERATORS=you@example.com',
    )
  }
  if (answer.status === 401) {
    return wrong(
      `The credential is not taken (${code ?? 'no answer of Driveway’s'})`,
      'Sign in on the page, open "Use it from curl" and take a new token',
      'DRIVEWAY_TOKEN=dw_… npm run doctor',
    )
  }
  if (code === 'misconfigured') {
    return wrong(
      'Driveway’s account may not read and write documents',
      'Let it: it needs the role Cloud Datastore User',
      `gcloud projects add-iam-policy-binding ${project} --member=serviceAccount:driveway-auth@${project}.iam.gserviceaccount.com --role=roles/datastore.user`,
    )
  }
  if (code === 'store_unavailable') {
    return wrong(
      'Driveway’s database does not answer, or there is none',
      'Make sure that there is a database (default) of Firestore in native mode',
      `gcloud firestore databases describe --project=${project}`,
    )
  }
  return wrong(
    `GET /auth/doctor was answered with ${answer.status} (${code ?? 'not by Driveway'})`,
    'Look into the log for why',
    `gcloud logging read 'severity>=ERROR' --limit=5 --project=${project}`,
  )
}
