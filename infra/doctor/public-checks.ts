/** What anybody sees from outside: whether it is there, and whether a sign-in can begin. */
import { sendRequest, problemCode } from './http-request.ts'
import type { HttpResponse } from './http-request.ts'
import { passed, skipped, failed } from './check.ts'
import type { Check, CheckOutcome } from './check.ts'
import type { Target } from './target.ts'

const clockMs = 60_000

export const publicChecks: readonly Check[] = [
  {
    name: 'Reachable',
    why: 'the address leads to Driveway, and over https',
    run: reach,
  },
  {
    name: 'The page',
    why: 'Hosting serves it at the same address',
    async run({ request: asked }) {
      const { status, headers } = await asked('/')
      if (status === 200 && /text\/html/.test(headers['content-type'] ?? '')) return passed
      return failed(`At / there is no page (${status})`, 'Publish it', 'npm run setup')
    },
  },
  {
    name: 'A sign-in begins',
    why: '/auth leads to Google; for that both secrets have to be whole',
    async run(patient) {
      const answer = await patient.request('/auth')
      return addressOf(answer) === undefined ? readRefusal(answer, patient) : passed
    },
  },
  {
    name: 'PUBLIC_URL',
    why: 'it has to be the address that browsers use, letter by letter',
    async run({ request: asked, url }) {
      const redirect = addressOf(await asked('/auth'))?.searchParams.get('redirect_uri')
      if (!redirect) return skipped('no sign-in begins')
      const { origin } = new URL(redirect)
      if (origin === url) return passed
      return failed(
        `Driveway takes itself to be at ${origin}, and you came by ${url}`,
        `Open ${origin} instead, or say which address it is to be`,
        `npm run setup -- --url=${url}`,
      )
    },
  },
  {
    name: 'Redirect URI',
    why: 'Google sends browsers only to what is registered; asked with our client, nobody signed in',
    async run({ request: asked, project }) {
      const address = addressOf(await asked('/auth'))
      if (!address) return skipped('no sign-in begins')
      return readConsent(await sendRequest(address.href), address, project)
    },
  },
  {
    name: 'Clocks',
    why: 'tokens are refused where a clock is far off',
    async run({ request: asked, now }) {
      const date = Date.parse((await asked('/auth/session')).headers.date ?? '')
      if (Number.isNaN(date)) return skipped('the answer has no Date')
      const off = Math.round((now() - date) / 1000)
      if (Math.abs(off) * 1000 <= clockMs) return passed
      return failed(
        `This machine’s clock is ${Math.abs(off)} s ${off > 0 ? 'ahead of' : 'behind'} the server’s`,
        'Switch NTP on; "Clock" below says which of the two is wrong',
        'timedatectl set-ntp true',
      )
    },
  },
]

async function reach(patient: Target): Promise<CheckOutcome> {
  const { url, project } = patient
  const { protocol, hostname, host } = new URL(url)
  if (protocol !== 'https:' && !/^(localhost|127\.\d+\.\d+\.\d+|\[::1\])$/.test(hostname)) {
    return failed(
      `${url} is not https: no browser would keep the session’s cookie`,
      'Use the https address',
      `npm run doctor -- https://${host}`,
    )
  }
  try {
    const answer = await patient.request('/auth/session')
    if (answer.status === 200 && answer.body.includes('"signedIn"')) return passed
    return readRefusal(answer, patient)
  } catch (error) {
    const { code = '', message } = error as NodeJS.ErrnoException
    return failed(
      `Nobody answers at ${url} (${code || message})`,
      /ENOTFOUND|EAI_AGAIN/.test(code)
        ? 'Look at the address letter by letter; a new domain needs up to a day'
        : 'See whether the page is published and the domain connected',
      `firebase hosting:sites:list --project=${project}`,
    )
  }
}

/** Why the function `auth` did not do as asked. */
function readRefusal(answer: HttpResponse, { project }: Target): CheckOutcome {
  const { status } = answer
  const code = problemCode(answer)
  if (code === 'misconfigured') {
    return failed(
      'A secret cannot be read or is not whole: the client’s file or the keyring',
      'The log names it; put it in again',
      `gcloud logging read 'severity>=ERROR' --limit=5 --project=${project}`,
    )
  }
  if (code === 'store_unavailable') {
    return failed(
      'Secret Manager or Firestore does not answer',
      'Try again in a minute; else see that both services are enabled',
      `gcloud services enable secretmanager.googleapis.com firestore.googleapis.com --project=${project}`,
    )
  }
  if (code === undefined && (status === 403 || status === 401)) {
    return failed(
      'Google lets nobody call the function auth: it is not public',
      'Let everybody call it; Driveway itself asks who they are. Setup does it for all four',
      'npm run setup',
    )
  }
  if (code === undefined && (status === 404 || status === 200)) {
    return failed(
      'At /auth there is something else than Driveway: Hosting does not hand it on',
      'Publish the page with its rewrites',
      'npm run setup',
    )
  }
  return failed(
    `/auth was answered with ${status} (${code ?? 'not by Driveway'}): the function does not start`,
    'The log says which setting is missing or wrong',
    `gcloud logging read 'severity>=ERROR' --limit=5 --project=${project}`,
  )
}

/** Where a sign-in goes to. */
function addressOf({ status, headers }: HttpResponse): URL | undefined {
  const { location = '' } = headers
  return status === 302 && URL.canParse(location) ? new URL(location) : undefined
}

/**
 * What Google's authorization endpoint thinks of a request, before anybody has signed in: a page
 * that says so, or (today) a redirect to one, with the reason in `authError` (base64).
 */
export function readConsent(answer: HttpResponse, asked: URL, project: string): CheckOutcome {
  const location = answer.headers.location ?? ''
  const hidden = /[?&]authError=([^&#]*)/.exec(location)?.[1] ?? ''
  const text = [
    answer.status >= 400 ? answer.body.toString('utf8') : '',
    Buffer.from(decodeURIComponent(hidden), 'base64').toString('latin1'),
    location,
  ].join('\n')
  const clients = `https://console.cloud.google.com/auth/clients?project=${project}`
  const redirect = asked.searchParams.get('redirect_uri') ?? ''
  if (text.includes('redirect_uri_mismatch')) {
    return failed(
      'The redirect URI is not registered with the client',
      `Add it at ${clients}, letter by letter: ${redirect}. It takes a few minutes`,
      'npm run doctor',
    )
  }
  if (/deleted_client|invalid_client/.test(text)) {
    return failed(
      'Google knows no client of this id: it was deleted, or the id is another one’s',
      `Make one at ${clients} and put its file in`,
      'npm run setup -- --client=client_id.json',
    )
  }
  if (/invalid_scope/.test(text)) {
    return failed(
      'Google does not know a scope that is asked for',
      `Add it at https://console.cloud.google.com/auth/scopes?project=${project}`,
      'npm run doctor',
    )
  }
  if (answer.status >= 400 || hidden !== '') {
    return failed(
      `Google refuses the sign-in (${answer.status})`,
      `Look at the client: ${clients}`,
      'npm run doctor',
    )
  }
  return passed
}
