/** firebase and curl, for the fake cloud; firebase behaves like firebase-tools 15. */
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { dispatch, exit, fail, flagOf } from './fake-cloud.ts'
import type { FakeSite, ProgramRun } from './fake-cloud.ts'

const project = 'my-driveway'
const success = (result: unknown): string => JSON.stringify({ status: 'success', result }, null, 2)
/** With --json, an error is on stdout too. */
const failure = (code: number, error: string): never =>
  exit(code, JSON.stringify({ status: 'error', error }, null, 2))

export function runFirebase(run: ProgramRun): string | void {
  const { cloud, args } = run
  const name = args[1] ?? ''
  const find = (id: string): FakeSite =>
    cloud.sites.find((site) => site.id === id) ??
    fail(1, `Error: could not find site "${id}" for project "${project}"`)
  return dispatch(run, [
    [/^firebase --version$/, () => '15.28.1\n'],
    [
      /^firebase login:list --json/,
      () => {
        const { firebase } = cloud.accounts
        if (firebase === '') return JSON.stringify({ status: 'success' })
        return success([{ user: { email: firebase }, tokens: { refresh_token: '1//secret' } }])
      },
    ],
    [
      /^firebase projects:list --json/,
      () => success(cloud.isFirebaseProject ? [{ projectId: project }] : [{ projectId: 'other' }]),
    ],
    [
      /^firebase projects:addfirebase /,
      () => {
        // 403 without the terms, 409 for a Firebase project: firebase prints the same for both.
        if (!cloud.termsAccepted || cloud.isFirebaseProject) {
          fail(
            2,
            'Error: Failed to add Firebase to Google Cloud Platform project. See firebase-debug.log for more info.',
          )
        }
        cloud.isFirebaseProject = true
      },
    ],
    [
      /^firebase hosting:sites:list /,
      () => {
        // The API answers 404 when Hosting is not provisioned, which firebase makes an error.
        if (!cloud.isFirebaseProject || cloud.sites.length === 0) {
          failure(1, `could not find sites for project "${project}"`)
        }
        return success({ sites: cloud.sites.map(describeSite) })
      },
    ],
    [/^firebase hosting:sites:create /, () => createSite(run, name)],
    [
      /^firebase hosting:sites:delete .*--config=\S+ --force/,
      () => {
        const site = find(name)
        if (site.type === 'DEFAULT_SITE') fail(1, 'Error: cannot delete the default site')
        cloud.sites = cloud.sites.filter((each) => each !== site)
      },
    ],
    [/^firebase hosting:disable .*--force/, () => void (find(flagOf(run, 'site')).version = '')],
    [/^firebase deploy --only=hosting .*--non-interactive/, () => deploy(run, find)],
  ])
}

function describeSite({ id, type }: FakeSite): object {
  return { name: `projects/${project}/sites/${id}`, defaultUrl: `https://${id}.web.app`, type }
}

function createSite({ cloud }: ProgramRun, id: string): string {
  if (!cloud.isFirebaseProject) failure(1, 'HTTP Error: 404, Requested entity was not found.')
  if (cloud.takenSites.includes(id)) {
    failure(
      1,
      `HTTP Error: 400, Invalid name: \`${id}\` is reserved by another project; try something like \`${id}-1a2b3\` instead`,
    )
  }
  if (cloud.sites.some((site) => site.id === id)) {
    failure(1, 'HTTP Error: 409, Requested entity already exists')
  }
  const site: FakeSite = {
    id,
    type: cloud.sites.length === 0 ? 'DEFAULT_SITE' : 'USER_SITE',
    version: '',
  }
  cloud.sites.push(site)
  return success(describeSite(site))
}

interface Config {
  hosting: { site?: string; public: string; rewrites: { run?: { serviceId: string } }[] }
}

function deploy(run: ProgramRun, find: (id: string) => FakeSite): void {
  const { cloud, folder } = run
  const file = join(folder, flagOf(run, 'config'))
  if (!existsSync(file)) fail(1, 'Error: Not in a Firebase app directory')
  const { hosting } = JSON.parse(readFileSync(file, 'utf8')) as Config
  if (!cloud.sites.some(({ type }) => type === 'DEFAULT_SITE')) {
    fail(
      1,
      'Error: Unable to deploy to Hosting as there is no Hosting site. Use firebase hosting:sites:create to create a site.',
    )
  }
  const site = find(hosting.site ?? project)
  for (const { run: target } of hosting.rewrites) {
    if (target && !(target.serviceId in cloud.runServices)) fail(1, `Error: no ${target.serviceId}`)
  }
  site.version = readFileSync(join(folder, 'dist', hosting.public, 'version.txt'), 'utf8')
}

export function runCurl(run: ProgramRun): string | void {
  const { cloud, args, line, stdin } = run
  const needsToken = (): void =>
    void (stdin.startsWith('Authorization: Bearer ya29.') || fail(22, 'curl: (22) 401'))
  return dispatch(run, [
    [/^curl --version$/, () => 'curl 8\n'],
    [
      /^curl .*openidconnect\.googleapis\.com/,
      () => (needsToken(), JSON.stringify({ email: cloud.accounts.terraform })),
    ],
    [
      /^curl .*cloudbuild\.googleapis\.com/,
      () => {
        needsToken()
        return JSON.stringify({
          locations: cloud.regions.builds.map((region) => ({
            name: `projects/${project}/locations/${region}`,
            locationId: region,
          })),
        })
      },
    ],
    [
      /version\.txt$/,
      () => {
        const id = /^https:\/\/(\S+)\.web\.app/.exec(args.at(-1) ?? '')?.[1]
        const found = cloud.sites.find((site) => site.id === id)
        return found?.version || fail(22, `curl: (22) 404: ${line}`)
      },
    ],
  ])
}
