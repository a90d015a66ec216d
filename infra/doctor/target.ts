/** The deployment under test: its URL, and the credential to use. */
import type { Failure } from '../../functions/auth/doctor/remedies.ts'
import { parseJson, problemCode, sendRequest } from './http-request.ts'
import type { HttpRequest, HttpResponse } from './http-request.ts'
import { failure } from './outcome.ts'
import type { CheckResult } from './outcome.ts'

export interface TargetOptions {
  /** The origin that browsers use. */
  url: string
  /** The own URL of the functions, without Firebase Hosting. */
  functionUrl?: string | undefined
  /** The project id, for the commands. */
  project: string
  /** An operator's token (`dw_…`). */
  token?: string | undefined
  /** The value of an operator's cookie `__session`; used when there is no token. */
  session?: string | undefined
  /** Another origin that should be in ALLOWED_ORIGINS. */
  allowedOrigin?: string | undefined
  now?: (() => number) | undefined
}

/** The response of GET /auth/doctor. */
export interface ServerReport {
  publicUrl: string
  /** The names of the cookies that reached the gateway. */
  cookies: string[]
  /** Where the request came from, as the gateway sees it, and the proxy that forwarded it. */
  client: { address: string; proxy: string | null }
  results: CheckResult[]
}

export interface Target extends TargetOptions {
  now: () => number
  hasCredential: boolean
  /** Sends a request without a credential. */
  request(path: string, options?: HttpRequest): Promise<HttpResponse>
  requestAsOperator(path: string, options?: HttpRequest): Promise<HttpResponse>
  /** Fetched once; a failure when the gateway does not return it. */
  serverReport(): Promise<ServerReport | Failure>
  /** The server report at `functionUrl`. */
  functionReport(): Promise<ServerReport | Failure>
}

/** The forged `X-Forwarded-For` of the requests for reports: reserved for documentation (RFC 5737). */
export const forgedAddress = '192.0.2.7'

/** A second cookie, which a front end may drop. */
const otherCookie = 'driveway-doctor=1'

export function createTarget(options: TargetOptions): Target {
  const { url, token, session, project, now = Date.now } = options
  const credentialHeaders: Record<string, string> =
    token === undefined
      ? { cookie: `__session=${session ?? ''}; ${otherCookie}`, origin: url }
      : { authorization: `Bearer ${token}`, cookie: `__session=.; ${otherCookie}` }
  let report: Promise<ServerReport | Failure> | undefined
  const requestReport = async (origin: string): Promise<ServerReport | Failure> => {
    const headers = { ...credentialHeaders, 'x-forwarded-for': forgedAddress }
    return parseServerReport(await sendRequest(`${origin}/auth/doctor`, { headers }), project)
  }
  const target: Target = {
    ...options,
    now,
    hasCredential: token !== undefined || session !== undefined,
    request: (path, request) => sendRequest(url + path, request),
    requestAsOperator: (path, request = {}) =>
      sendRequest(url + path, {
        ...request,
        headers: { ...credentialHeaders, ...request.headers },
      }),
    serverReport() {
      report ??= requestReport(url)
      return report
    },
    functionReport: () => requestReport(options.functionUrl ?? url),
  }
  return target
}

function parseServerReport(response: HttpResponse, project: string): ServerReport | Failure {
  const code = problemCode(response)
  if (response.status === 200) {
    const { publicUrl, cookies, client, checks } = parseJson(response) as {
      publicUrl: string
      cookies: string[]
      client: ServerReport['client']
      checks: (CheckResult['outcome'] & Pick<CheckResult, 'name' | 'why'>)[]
    }
    return {
      publicUrl,
      cookies,
      client,
      results: checks.map(({ name, why, ...outcome }) => ({ name, why, outcome })),
    }
  }
  if (code === 'not_found') {
    return failure(
      'This account is not an operator of this Driveway, or the token is restricted to a folder or to some scopes',
      'Add the account’s address to OPERATORS, and use an unrestricted token of it',
      'npm run setup -- --set=OPERATORS=you@example.com',
    )
  }
  if (response.status === 401) {
    return failure(
      `The credential is rejected (${code ?? 'not by Driveway'})`,
      'Sign in on the page, open "Use it from curl" and create a new token',
      'DRIVEWAY_TOKEN=dw_… npm run doctor',
    )
  }
  if (code === 'misconfigured') {
    return failure(
      'Driveway’s service account has no access to Firestore documents',
      'Grant it the role Cloud Datastore User',
      `gcloud projects add-iam-policy-binding ${project} --member=serviceAccount:driveway-auth@${project}.iam.gserviceaccount.com --role=roles/datastore.user --condition=None`,
    )
  }
  if (code === 'store_unavailable') {
    return failure(
      'Driveway’s database does not exist or does not respond',
      'Make sure that the Firestore database exists, in native mode',
      `gcloud firestore databases list --project=${project}`,
    )
  }
  return failure(
    `GET /auth/doctor returned ${response.status} (${code ?? 'not by Driveway'})`,
    'Read the cause in the log',
    `gcloud logging read 'severity>=ERROR' --limit=5 --project=${project}`,
  )
}
