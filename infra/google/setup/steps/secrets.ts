/** The two secrets. Their values never pass through Terraform, so they are in no state file. */
import { CliError } from '../../../local/cli-error.ts'
import { readClientFile } from '../../../local/client-file.ts'
import { newKeyring } from '../../../sandbox/keyring.ts'
import { publicUrl } from '../deployment.ts'
import type { Deployment } from '../deployment.ts'
import { capture } from '../programs.ts'
import { argv } from '../step.ts'
import type { CommandCheck, Step, StepInput } from '../step.ts'

export function secretSteps(deployment: Deployment): Step[] {
  const { project, names, flags } = deployment
  const hasVersion = (secret: string): CommandCheck => ({
    run: argv`gcloud secrets versions list ${secret} --project=${project}
      --filter=state=ENABLED --format=value(name)`,
    matches: /\d/,
  })
  const addVersion = (secret: string): string[] =>
    argv`gcloud secrets versions add ${secret} --project=${project} --data-file=-`
  const client: StepInput = {
    label: 'the client',
    text: once(() => readClient(flags.clientFile, `${publicUrl(deployment)}/callback`)),
  }
  const hasClient = hasVersion(names.client)
  return [
    {
      name: 'OAuth client file',
      why: 'authenticates Driveway to Google',
      when: () => flags.clientFile === '',
      act: {
        reads: [hasClient.run],
        changes: [],
        async run({ terminal, planOnly }) {
          const { code, stdout } = await capture(hasClient.run)
          if (code === 0 && /\d/.test(stdout)) return 'already done'
          if (planOnly) return 'planned'
          flags.clientFile = await terminal.ask({
            text: 'The client’s JSON file, downloaded from Google’s console',
            default: 'client_id.json',
            flag: '--client=client_id.json',
          })
          return 'already done'
        },
      },
    },
    {
      name: 'OAuth client secret',
      why: 'is stored in Secret Manager',
      when: () => flags.clientFile !== '',
      unless: {
        run: argv`gcloud secrets versions access latest --secret=${names.client} --project=${project}`,
        equals: client,
      },
      command: addVersion(names.client),
      stdin: client,
      isIndependent: true,
    },
    {
      name: 'Keyring secret',
      why: 'encrypts refresh tokens; created once, because the stored grants need it',
      unless: hasVersion(names.keyring),
      command: addVersion(names.keyring),
      stdin: { label: 'the keyring', text: once(newKeyring) },
      isIndependent: true,
    },
  ]
}

/** Reads the current versions: the functions are pinned to a number, never to `latest`. */
export function secretVersionSteps(deployment: Deployment): Step[] {
  const { project, names } = deployment
  const versionStep = (secret: string, set: (version: number) => void): Step => ({
    name: `Version of the secret ${secret}`,
    why: 'the functions are pinned to it',
    lookup: {
      run: argv`gcloud secrets versions list ${secret} --project=${project}
        --filter=state=ENABLED --sort-by=~createTime --limit=1 --format=value(name.basename())`,
      // A secret that does not exist yet has no version.
      read: (output = '') => set(/^\d+$/.test(output.trim()) ? Number(output.trim()) : 0),
    },
  })
  return [
    versionStep(names.client, (version) => (deployment.clientVersion = version)),
    versionStep(names.keyring, (version) => (deployment.keyringVersion = version)),
  ]
}

async function readClient(file: string, redirectUri: string): Promise<string> {
  return readClientFile(file, redirectUri).catch((error: unknown) => {
    if (error instanceof CliError) throw error
    throw new CliError(`Cannot read --client=${file}: ${(error as Error).message}`)
  })
}

/** Reads or generates a value once, so that all steps use the same. */
function once<T>(create: () => T): () => T {
  let value: { created: T } | undefined
  return () => (value ??= { created: create() }).created
}
