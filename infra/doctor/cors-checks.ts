/** Checks of CORS: which origins the gateway and its front end allow. */
import type { Check } from './check.ts'
import { failure, passed, skipped } from './outcome.ts'
import type { Target } from './target.ts'

/** `.example` is a reserved domain (RFC 2606 §2). */
const unlistedOrigin = 'https://driveway-doctor.example'

export const corsChecks: readonly Check[] = [
  {
    name: 'Allowed origin',
    why: 'a page on another origin must pass the CORS preflight (--origin=ORIGIN)',
    async run(target) {
      const { allowedOrigin } = target
      if (allowedOrigin === undefined) return skipped('use --origin=https://your.site to check one')
      const { allowed, credentials, methods } = await preflight(target, allowedOrigin)
      if (allowed === allowedOrigin && credentials === 'true' && methods.includes('POST')) {
        return passed
      }
      return failure(
        `The origin ${allowedOrigin} is not allowed`,
        'Add it to ALLOWED_ORIGINS: scheme, host and port, without a trailing slash',
        `npm run setup -- --set=ALLOWED_ORIGINS=${allowedOrigin}`,
      )
    },
  },
  {
    name: 'Unlisted origin',
    why: 'an origin that is not in ALLOWED_ORIGINS must fail the CORS preflight',
    async run(target) {
      const { allowed } = await preflight(target, unlistedOrigin)
      if (allowed === undefined) return passed
      return failure(
        `Every origin is allowed (${allowed}): a front end before Driveway adds CORS headers`,
        'Remove Access-Control-Allow-Origin from the configuration of the front end',
        'grep -n Access-Control firebase.json',
      )
    },
  },
]

async function preflight(
  target: Target,
  origin: string,
): Promise<{ allowed?: string; credentials?: string; methods: string }> {
  const { headers } = await target.request('/upload', {
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
