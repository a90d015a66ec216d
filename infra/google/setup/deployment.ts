/** What setup knows about a deployment: its flags, its names, and what the steps have read so far. */
import { defaultAnswers } from './answers.ts'
import type { Answers } from './answers.ts'
import type { Flags } from './flags.ts'
import { createNames } from './names.ts'
import type { Names } from './names.ts'

/** What setup has made or taken over outside of Terraform; stored beside the answers. */
export interface Records {
  /** The site of Firebase Hosting, and whether setup made it. */
  site?: { id: string; isOwn: boolean }
  /** What setup has taken over because of --adopt: teardown does not remove it. */
  adopted: string[]
  /** What teardown has kept: setup takes it over again. */
  kept: string[]
  /** Whether the project had audit logs of its own, which setup leaves as they are. */
  hasForeignAuditLogs: boolean
}

export interface Site {
  id: string
  url: string
  isDefault: boolean
}

export interface Deployment {
  readonly flags: Flags
  readonly project: string
  readonly names: Names
  /** Names in the folder of the state; empty while there is none. */
  objects: string[]
  /** As stored; `undefined` while there are none. */
  storedAnswers: string | undefined
  storedRecords: string | undefined
  answers: Answers
  records: Records
  /** The account of gcloud. */
  account: string
  isFirebaseProject: boolean
  sites: Site[]
  /** The ID of the site; empty until it is chosen. */
  site: string
  /** The URL that Firebase Hosting gives to the site. */
  siteUrl: string
  /** Addresses in Terraform's state. */
  inState: string[]
  clientVersion: number
  keyringVersion: number
  /** Whether Terraform's plan has changes that the user has confirmed. */
  hasPlan: boolean
  /** SHA-256 of the page with its configuration, and of the container. */
  pageVersion: string
  containerVersion: string
  /** The functions' own URLs. */
  urls: Record<string, string>
}

export function createDeployment(project: string, flags: Flags): Deployment {
  return {
    flags,
    project,
    names: createNames(project, flags.environment),
    objects: [],
    storedAnswers: undefined,
    storedRecords: undefined,
    answers: defaultAnswers,
    records: { adopted: [], kept: [], hasForeignAuditLogs: false },
    account: '',
    isFirebaseProject: false,
    sites: [],
    site: '',
    siteUrl: '',
    inState: [],
    clientVersion: 0,
    keyringVersion: 0,
    hasPlan: false,
    pageVersion: '',
    containerVersion: '',
    urls: {},
  }
}

/** The origin that browsers use. */
export function publicUrl({ answers, siteUrl, project }: Deployment): string {
  return answers.url || siteUrl || `https://${project}.web.app`
}
