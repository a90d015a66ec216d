/** Which pages are let in, and what a front end lets through. */
import { passed, skipped, failed } from './check.ts'
import type { Check } from './check.ts'
import type { Target } from './target.ts'

/** `.example` is nobody's (RFC 2606). */
const stranger = 'https://driveway-doctor.example'

export const corsChecks: readonly Check[] = [
  {
    name: 'A page elsewhere',
    why: 'a browser asks first whether that page may call (--page=ORIGIN)',
    async run(patient) {
      const { page } = patient
      if (page === undefined) return skipped('say --page=https://your.site to try one')
      const { allowed, credentials, methods } = await preflight(patient, page)
      if (allowed === page && credentials === 'true' && methods.includes('POST')) return passed
      return failed(
        `Pages of ${page} are not let in`,
        'List the origin: scheme, host and port, no slash at its end',
        `npm run setup -- --set=ALLOWED_ORIGINS=${page}`,
      )
    },
  },
  {
    name: 'A stranger’s page',
    why: 'a page that is on no list is refused',
    async run(patient) {
      const { allowed } = await preflight(patient, stranger)
      if (allowed === undefined) return passed
      return failed(
        `Pages of any site are let in (${allowed}): something before Driveway adds headers of CORS`,
        'Take Access-Control-Allow-Origin out of the front end’s configuration',
        'grep -n Access-Control firebase.json',
      )
    },
  },
]

async function preflight(
  patient: Target,
  origin: string,
): Promise<{ allowed?: string; credentials?: string; methods: string }> {
  const { headers } = await patient.request('/upload', {
    method: 'OPTIONS',
    headers: {
      origin,
      'access-control-request-method': 'POST',
      'access-control-request-headers': 'authorization',
    },
  })
  const {
    'access-control-allow-origin': allowed,
    'access-control-allow-credentials': credentials,
    'access-control-allow-methods': methods = '',
  } = headers
  return {
    ...(allowed === undefined ? {} : { allowed }),
    ...(credentials === undefined ? {} : { credentials }),
    methods,
  }
}

export const operatorChecks: readonly Check[] = [
  {
    name: 'Operator',
    why: 'the gateway says what it sees from within to nobody else',
    async run(patient) {
      if (!patient.hasCredential) {
        return skipped('say DRIVEWAY_TOKEN=dw_…, of an account that OPERATORS lists')
      }
      const inside = await patient.serverReport()
      return 'ok' in inside ? inside : passed
    },
  },
  {
    name: 'Cookie',
    why: 'of all cookies Firebase Hosting hands on __session alone, and browsers have to be known by it',
    needs: 'operator',
    async run(patient) {
      const inside = await patient.serverReport()
      if ('ok' in inside) return skipped('the gateway does not say')
      if (inside.cookies.includes('__session')) {
        return { ok: true, found: inside.cookies.join(', ') }
      }
      return failed(
        `The cookie __session does not arrive (${inside.cookies.join(', ') || 'none does'})`,
        'Hand /auth, /callback, /files and /upload on by Firebase Hosting’s rewrites, which let it through; another front end has to be told',
        'npm run setup',
      )
    },
  },
]
