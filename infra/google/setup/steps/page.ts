/** The page: its configuration for Firebase Hosting, and its deployment. */
import { createHash } from 'node:crypto'
import { readFile, readdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { HostingConfig } from '../../../local/hosting.ts'
import { publicUrl } from '../deployment.ts'
import type { Deployment } from '../deployment.ts'
import type { FunctionName } from '../names.ts'
import { argv } from '../step.ts'
import type { Step } from '../step.ts'

const configFile = 'dist/firebase.json'
const folder = 'dist/web'

export function pageSteps(deployment: Deployment): Step[] {
  const { project } = deployment
  return [
    {
      name: 'Hosting configuration',
      why: 'the site, the names of the services and their region',
      act: {
        reads: [],
        changes: [],
        async run() {
          const { hosting } = JSON.parse(await readFile('firebase.json', 'utf8')) as {
            hosting: HostingConfig
          }
          const config = `${JSON.stringify({ hosting: hostingConfig(deployment, hosting) }, null, 2)}\n`
          deployment.pageVersion = await hashPage(config)
          await writeFile(configFile, config)
          await writeFile(join(folder, 'version.txt'), `${deployment.pageVersion}\n`)
          return 'already done'
        },
      },
    },
    {
      name: 'Page',
      why: 'is served by Firebase Hosting',
      unless: () => ({
        run: argv`curl --fail --silent --show-error ${publicUrl(deployment)}/version.txt`,
        matches: new RegExp(`^${deployment.pageVersion}$`, 'm'),
      }),
      command: argv`firebase deploy --only=hosting --project=${project} --config=${configFile} --non-interactive`,
      // A new site is not known everywhere at first.
      retryOn: /HTTP Error: 404|could not find site/,
      advice: [
        {
          matches: /there is no Hosting site/,
          text: `The project has no default site: open https://console.firebase.google.com/project/${project}/hosting , "Get started".`,
        },
      ],
      isIndependent: true,
    },
  ]
}

/** `firebase.json` for this deployment. */
export function hostingConfig(
  deployment: Deployment,
  hosting: HostingConfig,
): HostingConfig & { site: string } {
  const { names, answers, site } = deployment
  const rewrites = (hosting.rewrites ?? []).map((rewrite) =>
    'run' in rewrite
      ? {
          ...rewrite,
          run: {
            serviceId: names.services[rewrite.run.serviceId as FunctionName],
            region: answers.region,
          },
        }
      : rewrite,
  )
  const headers = (hosting.headers ?? []).map(({ source, headers: values }) => ({
    source,
    headers: values.map((header) => withSubDomains(header, answers.settings)),
  }))
  return { site, ...hosting, public: 'web', rewrites, headers }
}

function withSubDomains(
  header: { key: string; value: string },
  settings: Record<string, string>,
): { key: string; value: string } {
  const isExtended =
    header.key === 'Strict-Transport-Security' && settings['HSTS_INCLUDE_SUBDOMAINS'] === 'true'
  return isExtended ? { ...header, value: `${header.value}; includeSubDomains` } : header
}

/** @returns the SHA-256 of the page and of its configuration */
async function hashPage(config: string): Promise<string> {
  const hash = createHash('sha256').update(config)
  const files = (await readdir(folder, { recursive: true, withFileTypes: true }))
    .filter((entry) => entry.isFile() && entry.name !== 'version.txt')
    .map((entry) => join(entry.parentPath, entry.name))
  for (const file of files.toSorted((a, b) => (a < b ? -1 : 1))) {
    hash.update(`\0${file}\0`).update(await readFile(file))
  }
  return hash.digest('hex')
}
