/** The three sign-ins: gcloud, Terraform and firebase act in the name of one account each. */
import type { Deployment } from '../deployment.ts'
import { capture } from '../programs.ts'
import { argv } from '../step.ts'
import type { Step } from '../step.ts'

const activeAccount = argv`gcloud auth list --filter=status:ACTIVE --format=value(account)`
const defaultToken = argv`gcloud auth application-default print-access-token`
/** The token is on standard input, because arguments are visible to other programs. */
const userInfo = argv`curl --fail --silent --header @- https://openidconnect.googleapis.com/v1/userinfo`
const firebaseLogins = argv`firebase login:list --json`

export function identitySteps(deployment: Deployment): Step[] {
  const { project } = deployment
  return [
    {
      name: 'gcloud sign-in',
      why: 'gcloud acts in your name',
      unless: { run: activeAccount, matches: /@/ },
      command: argv`gcloud auth login`,
      isInteractive: true,
    },
    {
      name: 'Application default credentials',
      why: 'Terraform acts in your name',
      unless: { run: defaultToken },
      command: argv`gcloud auth application-default login --project=${project}`,
      isInteractive: true,
    },
    {
      name: 'Firebase sign-in',
      why: 'firebase has its own sign-in if the default credentials are not sufficient',
      unless: { run: argv`firebase projects:list --json` },
      command: argv`firebase login`,
      isInteractive: true,
    },
    {
      name: 'Accounts',
      why: 'the three programs should act as the same account',
      act: {
        reads: [activeAccount, defaultToken, userInfo, firebaseLogins],
        changes: [],
        async run({ terminal }) {
          const [gcloud, terraform, firebase] = await Promise.all([
            readGcloudAccount(),
            readDefaultAccount(),
            readFirebaseAccount(),
          ])
          deployment.account = gcloud
          const known = [gcloud, terraform, firebase].filter((account) => account !== '')
          if (new Set(known).size > 1) {
            terminal.print(
              `      The programs act as different accounts: gcloud as ${gcloud}, Terraform as ${terraform || 'an unknown account'}, firebase as ${firebase || 'the default credentials'}.\n` +
                '      Each needs access to the project. To change one: gcloud auth login, gcloud auth application-default login, firebase login:use',
            )
          }
          return 'already done'
        },
      },
    },
  ]
}

async function readGcloudAccount(): Promise<string> {
  return (await capture(activeAccount)).stdout.trim()
}

/** @returns the account of the application default credentials; empty if Google does not tell */
async function readDefaultAccount(): Promise<string> {
  const { stdout: token } = await capture(defaultToken)
  const { code, stdout } = await capture(userInfo, `Authorization: Bearer ${token.trim()}\n`)
  if (code !== 0) return ''
  const { email } = parse(stdout) as { email?: unknown }
  return typeof email === 'string' ? email : ''
}

/** @returns the account of firebase; empty if it uses the application default credentials */
async function readFirebaseAccount(): Promise<string> {
  const { stdout } = await capture(firebaseLogins)
  const { result } = parse(stdout) as { result?: { user?: { email?: string } }[] }
  return Array.isArray(result) ? (result[0]?.user?.email ?? '') : ''
}

function parse(json: string): object {
  try {
    return Object(JSON.parse(json)) as object
  } catch {
    return {}
  }
}
