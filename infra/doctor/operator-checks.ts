/** Checks of the operator's credential. */
import type { Check } from './check.ts'
import { failure, passed, skipped } from './outcome.ts'

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
]
