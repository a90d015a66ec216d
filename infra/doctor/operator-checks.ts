/** Checks of the operator's credential. */
import type { Check } from './check.ts'
import { isIP } from 'node:net'
import { failure, passed, skipped } from './outcome.ts'
import type { CheckOutcome } from './outcome.ts'
import { forgedAddress } from './target.ts'
import type { ServerReport } from './target.ts'

export const operatorChecks: readonly Check[] = [
  {
    name: 'Operator',
    why: 'only an operator may read the server report and run the upload checks',
    async run(target) {
      if (!target.hasCredential) {
        return skipped('set DRIVEWAY_TOKEN=dw_… to a token of an account in OPERATORS')
      }
      const report = await target.serverReport()
      return 'ok' in report ? report : passed
    },
  },
  {
    name: 'Session cookie',
    why: 'Firebase Hosting forwards no cookie but __session, which identifies the browser',
    needs: 'operator',
    async run(target) {
      const report = await target.serverReport()
      if ('ok' in report) return skipped('the server report is not available')
      if (report.cookies.includes('__session')) {
        return { ok: true, found: report.cookies.join(', ') }
      }
      return failure(
        `The cookie __session does not reach Driveway (${report.cookies.join(', ') || 'no cookie does'})`,
        'Route /auth, /callback, /files and /upload through the rewrites of Firebase Hosting, which forward it, or configure your front end to forward it',
        'npm run setup',
      )
    },
  },
  {
    name: 'Client address',
    why: 'rate limits count requests by the client address, which no client may choose',
    needs: 'operator',
    async run(target) {
      const report = await target.serverReport()
      if ('ok' in report) return skipped('the server report is not available')
      return checkAddress(report, target.url)
    },
  },
  {
    name: 'Client address at the functions',
    why: 'the own URL of the functions must show the same address (--function-url=URL)',
    needs: 'operator',
    async run(target) {
      const { url, functionUrl } = target
      if (functionUrl === undefined) return skipped('use --function-url=URL to check it')
      const [report, own] = [await target.serverReport(), await target.functionReport()]
      if ('ok' in report || 'ok' in own) return skipped('a server report is not available')
      const outcome = checkAddress(own, functionUrl)
      const [through, direct] = [report.client.address, own.client.address]
      if (outcome.ok !== true || through === direct) return outcome
      // A client may have one address of each family.
      if (isIP(through) !== isIP(direct)) return outcome
      return failure(
        `The gateway sees ${through} through ${url}, and ${direct} at ${functionUrl}: a front end counts as the client`,
        'Add the network of the front end to TRUSTED_PROXIES; the address of this machine is the right one',
        `npm run setup -- --set='TRUSTED_PROXIES=link-local google fastly ${through}'`,
      )
    },
  },
]

function checkAddress({ client: { address, proxy } }: ServerReport, url: string): CheckOutcome {
  if (address !== forgedAddress) {
    return { ok: true, found: proxy === null ? address : `${address} behind ${proxy}` }
  }
  return failure(
    `The gateway at ${url} takes the address from the client’s own X-Forwarded-For`,
    'TRUSTED_PROXIES contains the network of this client; list front ends only',
    "npm run setup -- --set='TRUSTED_PROXIES=link-local google fastly'",
  )
}
