/** Checks that need no credential: is Driveway reachable, and does a sign-in start. */
import type { Check } from './check.ts'
import { problemCode, sendRequest } from './http-request.ts'
import type { HttpResponse } from './http-request.ts'
import { failure, passed, skipped } from './outcome.ts'
import type { CheckOutcome } from './outcome.ts'
import type { Target } from './target.ts'

const maxClockSkewMs = 60_000

export const publicChecks: readonly Check[] = [
  {
    name: 'Reachable',
    why: 'the URL must lead to Driveway, over HTTPS',
    run: checkReachable,
  },
  {
    name: 'Web page',
    why: 'Firebase Hosting serves the page at the same origin',
    async run(target) {
      const { status, headers } = await target.request('/')
      if (status === 200 && /text\/html/.test(headers['content-type'] ?? '')) return passed
      return failure(`There is no page at / (${status})`, 'Publish the page', 'npm run setup')
    },
  },
  {
    name: 'Sign-in redirect',
    why: 'GET /auth redirects to Google, which requires both secrets',
    async run(target) {
      const response = await target.request('/auth')
      return redirectUrl(response) === undefined ? explainAuthError(response, target) : passed
    },
  },
  {
    name: 'PUBLIC_URL',
    why: 'it must be exactly the origin that browsers use',
    async run(target) {
      const { url } = target
      const redirectUri = redirectUrl(await target.request('/auth'))?.searchParams.get(
        'redirect_uri',
      )
      if (!redirectUri) return skipped('GET /auth does not redirect')
      const { origin } = new URL(redirectUri)
      if (origin === url) return passed
      return failure(
        `PUBLIC_URL is ${origin}, but the checks use ${url}`,
        `Open ${origin} instead, or change PUBLIC_URL`,
        `npm run setup -- --url=${url}`,
      )
    },
  },
  {
    name: 'Redirect URI',
    why: 'Google redirects only to registered URIs; checked with the configured client, without a sign-in',
    async run(target) {
      const authorizationUrl = redirectUrl(await target.request('/auth'))
      if (!authorizationUrl) return skipped('GET /auth does not redirect')
      const response = await sendRequest(authorizationUrl.href)
      return readConsent(response, authorizationUrl, target.project)
    },
  },
  {
    name: 'Local clock',
    why: 'a large clock skew makes valid tokens fail',
    async run(target) {
      const date = Date.parse((await target.request('/auth/session')).headers.date ?? '')
      if (Number.isNaN(date)) return skipped('the response has no Date header')
      const skewSeconds = Math.round((target.now() - date) / 1000)
      if (Math.abs(skewSeconds) * 1000 <= maxClockSkewMs) return passed
      return failure(
        `This machine’s clock is ${Math.abs(skewSeconds)} s ${skewSeconds > 0 ? 'ahead of' : 'behind'} the server’s`,
        'Enable NTP; the check "Clock" below says which of the two clocks is wrong',
        'timedatectl set-ntp true',
      )
    },
  },
]

async function checkReachable(target: Target): Promise<CheckOutcome> {
  const { url, project } = target
  const { protocol, hostname, host } = new URL(url)
  if (protocol !== 'https:' && !/^(localhost|127\.\d+\.\d+\.\d+|\[::1\])$/.test(hostname)) {
    return failure(
      `${url} is not HTTPS: browsers would not store the session cookie`,
      'Use the HTTPS URL',
      `npm run doctor -- https://${host}`,
    )
  }
  try {
    const response = await target.request('/auth/session')
    if (response.status === 200 && response.body.includes('"signedIn"')) return passed
    return explainAuthError(response, target)
  } catch (error) {
    const { code = '', message } = error as NodeJS.ErrnoException
    return failure(
      `${url} does not respond (${code || message})`,
      /ENOTFOUND|EAI_AGAIN/.test(code)
        ? 'Check the spelling of the URL; a new domain can take a day to resolve'
        : 'Check that the page is published and the domain is connected',
      `firebase hosting:sites:list --project=${project}`,
    )
  }
}

/** Explains an unexpected response of the function `auth`. */
function explainAuthError(response: HttpResponse, { project }: Target): CheckOutcome {
  const { status } = response
  const code = problemCode(response)
  if (code === 'misconfigured') {
    return failure(
      'A secret (the client file or the keyring) is unreadable or incomplete',
      'Read its name in the log, then store it again',
      `gcloud logging read 'severity>=ERROR' --limit=5 --project=${project}`,
    )
  }
  if (code === 'store_unavailable') {
    return failure(
      'Secret Manager or Firestore does not respond',
      'Try again in a minute, then check that both services are enabled',
      `gcloud services enable secretmanager.googleapis.com firestore.googleapis.com --project=${project}`,
    )
  }
  if (code === undefined && (status === 403 || status === 401)) {
    return failure(
      'The function auth is not public: Google rejects the request',
      'Make it public, because Driveway authenticates callers itself; setup does this for all four functions',
      'npm run setup',
    )
  }
  if (code === undefined && (status === 404 || status === 200)) {
    return failure(
      'The response of /auth is not from Driveway: Firebase Hosting does not forward it',
      'Publish the page with its rewrites',
      'npm run setup',
    )
  }
  return failure(
    `/auth returned ${status} (${code ?? 'not by Driveway'}): the function does not start`,
    'Read in the log which setting is missing or invalid',
    `gcloud logging read 'severity>=ERROR' --limit=5 --project=${project}`,
  )
}

/** Returns the target of a redirect (302). */
function redirectUrl({ status, headers }: HttpResponse): URL | undefined {
  const { location = '' } = headers
  return status === 302 && URL.canParse(location) ? new URL(location) : undefined
}

/**
 * Reads the response of Google's authorization endpoint to a request without a sign-in. Google reports
 * an error as a page, or (today) as a redirect to one, with the error in `authError` (base64).
 */
export function readConsent(
  response: HttpResponse,
  authorizationUrl: URL,
  project: string,
): CheckOutcome {
  const location = response.headers.location ?? ''
  const authError = /[?&]authError=([^&#]*)/.exec(location)?.[1] ?? ''
  const text = [
    response.status >= 400 ? response.body.toString('utf8') : '',
    Buffer.from(decodeURIComponent(authError), 'base64').toString('latin1'),
    location,
  ].join('\n')
  const clients = `https://console.cloud.google.com/auth/clients?project=${project}`
  const redirectUri = authorizationUrl.searchParams.get('redirect_uri') ?? ''
  if (text.includes('redirect_uri_mismatch')) {
    return failure(
      'The redirect URI is not registered with the client',
      `Register exactly ${redirectUri} at ${clients}, and wait a few minutes`,
      'npm run doctor',
    )
  }
  if (/deleted_client|invalid_client/.test(text)) {
    return failure(
      'Google has no client with this id: it was deleted, or the id is wrong',
      `Create a client at ${clients} and store its file`,
      'npm run setup -- --client=client_id.json',
    )
  }
  if (/invalid_scope/.test(text)) {
    return failure(
      'Google does not know a requested scope',
      `Add it at https://console.cloud.google.com/auth/scopes?project=${project}`,
      'npm run doctor',
    )
  }
  if (response.status >= 400 || authError !== '') {
    return failure(
      `Google rejects the sign-in (${response.status})`,
      `Check the client at ${clients}`,
      'npm run doctor',
    )
  }
  return passed
}
