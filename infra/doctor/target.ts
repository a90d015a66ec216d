/** Who is examined: an address, and with what credential it is spoken to. */
import type { Wrong } from '../../functions/auth/doctor/checks.ts'
import { sendRequest, problemCode, parseJson } from './http-request.ts'
import type { HttpResponse, HttpRequest } from './http-request.ts'
import { failed } from './check.ts'
import type { CheckResult } from './check.ts'

export interface TargetOptions {
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
export interface ServerReport {
  publicUrl: string
  /** The names of those cookies that arrived. */
  cookies: string[]
  results: CheckResult[]
}

export interface Target extends TargetOptions {
  now: () => number
  /** Whether there is anything to show who is asking. */
  hasCredential: boolean
  /** Asks with nothing that says who it is. */
  request(path: string, question?: HttpRequest): Promise<HttpResponse>
  /** Asks as the operator. */
  requestAsOperator(path: string, question?: HttpRequest): Promise<HttpResponse>
  /** Asked once; what is wrong where it does not say. */
  serverReport(): Promise<ServerReport | Wrong>
}

/** A cookie that a front end may keep for itself. */
const otherCookie = 'driveway-doctor=1'

export function createTarget(options: TargetOptions): Target {
  const { url, token, session, project, now = Date.now } = options
  const credentialHeaders: Record<string, string> =
    token === undefined
      ? { cookie: `__session=${session ?? ''}; ${otherCookie}`, origin: url }
      : { authorization: `Bearer ${token}`, cookie: `__session=.; ${otherCookie}` }
  let inside: Promise<ServerReport | Wrong> | undefined
  const target: Target = {
    ...options,
    now,
    hasCredential: token !== undefined || session !== undefined,
    request: (path, question) => sendRequest(url + path, question),
    requestAsOperator: (path, question = {}) =>
      sendRequest(url + path, {
        ...question,
        headers: { ...credentialHeaders, ...question.headers },
      }),
    serverReport() {
      inside ??= target
        .requestAsOperator('/auth/doctor')
        .then((answer) => parseServerReport(answer, project))
      return inside
    },
  }
  return target
}

function parseServerReport(answer: HttpResponse, project: string): ServerReport | Wrong {
  const code = problemCode(answer)
  if (answer.status === 200) {
    const { publicUrl, cookies, checks } = parseJson(answer) as {
      publicUrl: string
      cookies: string[]
      checks: (CheckResult['outcome'] & Pick<CheckResult, 'name' | 'why'>)[]
    }
    return {
      publicUrl,
      cookies,
      results: checks.map(({ name, why, ...outcome }) => ({ name, why, outcome })),
    }
  }
  if (code === 'not_found') {
    return failed(
      'This account is no operator of this Driveway, or the token is for one folder or for less than all',
      'List the account’s address in OPERATORS, and take a token of it that may do everything',
      'npm run setup -- --set=OPERATORS=you@example.com',
    )
  }
  if (answer.status === 401) {
    return failed(
      `The credential is not taken (${code ?? 'no answer of Driveway’s'})`,
      'Sign in on the page, open "Use it from curl" and take a new token',
      'DRIVEWAY_TOKEN=dw_… npm run doctor',
    )
  }
  if (code === 'misconfigured') {
    return failed(
      'Driveway’s account may not read and write documents',
      'Let it: it needs the role Cloud Datastore User',
      `gcloud projects add-iam-policy-binding ${project} --member=serviceAccount:driveway-auth@${project}.iam.gserviceaccount.com --role=roles/datastore.user`,
    )
  }
  if (code === 'store_unavailable') {
    return failed(
      'Driveway’s database does not answer, or there is none',
      'Make sure that there is a database (default) of Firestore in native mode',
      `gcloud firestore databases describe --project=${project}`,
    )
  }
  return failed(
    `GET /auth/doctor was answered with ${answer.status} (${code ?? 'not by Driveway'})`,
    'Look into the log for why',
    `gcloud logging read 'severity>=ERROR' --limit=5 --project=${project}`,
  )
}
