/** The Firebase project and the site of Firebase Hosting, which has the public URL. */
import { CliError } from '../../../local/cli-error.ts'
import { publicUrl } from '../deployment.ts'
import type { Deployment, Site } from '../deployment.ts'
import { production } from '../names.ts'
import { capture } from '../programs.ts'
import { argv, formatCommand } from '../step.ts'
import type { ActResult, Command, Step, StepIo } from '../step.ts'
import { storeRecords, storeRecordsCommand } from './stored.ts'

const maxNames = 3

export function hostingSteps(deployment: Deployment): Step[] {
  const { project } = deployment
  return [
    {
      name: 'Firebase projects',
      why: 'Firebase can be added to a project once only',
      lookup: {
        run: argv`firebase projects:list --json`,
        read(output) {
          const projects = resultOf(output) as { projectId?: string }[]
          deployment.isFirebaseProject = projects.some(({ projectId }) => projectId === project)
        },
      },
    },
    {
      name: 'Firebase project',
      why: 'Firebase Hosting requires it',
      done: () => deployment.isFirebaseProject,
      command: argv`firebase projects:addfirebase ${project}`,
      advice: [
        {
          matches: /Failed to add Firebase/,
          text:
            'Google refuses this (403) until the terms of Firebase are accepted once by a person who owns the project: ' +
            `open https://console.firebase.google.com/ , "Add project", "Add Firebase to Google Cloud project", choose ${project}, accept the terms, and finish there. firebase-debug.log has Google’s answer.`,
        },
      ],
    },
    {
      name: 'Hosting sites',
      why: 'an existing site belongs to somebody else, unless you adopt it',
      lookup: {
        run: sitesList(project),
        read: (output) => (deployment.sites = readSites(output)),
      },
    },
    {
      name: 'Hosting site',
      why: 'one origin for the page and the four functions',
      act: {
        reads: [sitesList(project)],
        changes: [siteCreate(project, defaultSite(deployment)), storeRecordsCommand(deployment)],
        run: (io) => createSite(deployment, io),
      },
    },
  ]
}

const sitesList = (project: string): Command =>
  argv`firebase hosting:sites:list --project=${project} --json`
const siteCreate = (project: string, id: string): Command =>
  argv`firebase hosting:sites:create ${id} --project=${project} --json`

/**
 * The first site of a project has the project's id, and is its default site: `firebase deploy` refuses
 * to work in a project without one. In a project with a default site, Driveway's has a name of its own.
 */
function defaultSite({ project, names, flags, sites }: Deployment): string {
  if (flags.site !== undefined) return flags.site
  const isFirst = flags.environment === production && !sites.some(({ isDefault }) => isDefault)
  return isFirst ? project : `${project}-${names.name}`.slice(0, 63)
}

async function createSite(deployment: Deployment, io: StepIo): Promise<ActResult> {
  const { records, sites, flags } = deployment
  const id = records.site?.id ?? defaultSite(deployment)
  const existing = sites.find((site) => site.id === id)
  const isRecorded = records.site?.id === id
  if (existing && !isRecorded && !flags.adopt.includes('site')) {
    throw new CliError(
      `The project has a site ${id} of Firebase Hosting, which setup did not make. ` +
        'Use --site=ID to create another one, or --adopt=site to replace what it serves',
    )
  }
  if (io.planOnly && !(existing && isRecorded)) {
    deployment.site = id
    return 'planned'
  }
  if (existing && !isRecorded) {
    records.site = { id, isOwn: false }
    await storeRecords(deployment)
  }
  const site = existing ?? (await create(deployment, id, io))
  deployment.site = site.id
  deployment.siteUrl = site.url
  requireDefaultSite(deployment)
  return existing && isRecorded ? 'already done' : 'changed'
}

/** Creates a site; names are unique at Google, so Firebase may ask for another one. */
async function create(deployment: Deployment, first: string, io: StepIo): Promise<Site> {
  const { project, records } = deployment
  let id = first
  for (let attempt = 1; ; attempt += 1) {
    const command = siteCreate(project, id)
    io.progress(formatCommand(command))
    // Recorded first: if setup ends here, the next run knows that the site is its own.
    records.site = { id, isOwn: true }
    await storeRecords(deployment)
    const { code, stdout, stderr } = await capture(command)
    if (code === 0) {
      deployment.sites = readSites((await capture(sitesList(project))).stdout)
      return { id, url: urlOf(resultOf(stdout), id), isDefault: false }
    }
    const message = errorOf(stdout) || stderr.trim()
    const suggestion = /try something like `([^`]+)`/.exec(message)?.[1]
    if (suggestion === undefined || attempt >= maxNames) {
      throw new CliError(
        `Cannot create the site ${id} of Firebase Hosting: ${message}\nUse --site=ID to choose another name`,
      )
    }
    io.progress(`${id} is taken; trying ${suggestion}`)
    id = suggestion
  }
}

function requireDefaultSite({ project, sites }: Deployment): void {
  if (sites.some(({ isDefault }) => isDefault)) return
  throw new CliError(
    `The project has no default site of Firebase Hosting, and "firebase deploy" needs one. Open https://console.firebase.google.com/project/${project}/hosting , "Get started", and run this again`,
  )
}

/** @returns the `result` of a command with `--json`; `[]` when the command failed */
function resultOf(output: string | undefined): unknown {
  const { result } = parse(output) as { result?: unknown }
  return result ?? []
}

function errorOf(output: string): string {
  const { error } = parse(output) as { error?: unknown }
  return typeof error === 'string' ? error : ''
}

/** A project without Hosting has no sites: Firebase answers 404, which firebase makes an error. */
function readSites(output: string | undefined): Site[] {
  const { sites = [] } = resultOf(output) as { sites?: { name: string; type?: string }[] }
  return sites.map((site) => {
    const id = site.name.split('/').at(-1) ?? ''
    return { id, url: urlOf(site, id), isDefault: site.type === 'DEFAULT_SITE' }
  })
}

function urlOf(site: unknown, id: string): string {
  const { defaultUrl } = Object(site) as { defaultUrl?: unknown }
  return typeof defaultUrl === 'string' ? defaultUrl : `https://${id}.web.app`
}

function parse(output: string | undefined): object {
  try {
    return Object(JSON.parse(output ?? '')) as object
  } catch {
    return {}
  }
}

/** Prints the redirect URI, which Google's console must know before anybody can sign in. */
export function redirectUriStep(deployment: Deployment): Step {
  return {
    name: 'Redirect URI',
    why: 'Google redirects only to registered URIs',
    message: () =>
      `Register exactly this URI at https://console.cloud.google.com/auth/clients?project=${deployment.project} :  ${publicUrl(deployment)}/callback`,
  }
}
