/**
 * What exists in the project already. Setup takes over what it has made before or what the user names
 * with `--adopt`; it stops at everything else, and deletes only what a failed run of its own has left.
 */
import { CliError } from '../../../local/cli-error.ts'
import type { Deployment } from '../deployment.ts'
import type { Adoptable } from '../flags.ts'
import { functionNames } from '../names.ts'
import type { FunctionName } from '../names.ts'
import { capture } from '../programs.ts'
import { argv, formatCommand } from '../step.ts'
import type { ActResult, Command, Step, StepIo } from '../step.ts'
import { describeFunction, functionAddress, recoverFunction } from './recovery.ts'
import { storeRecords, storeRecordsCommand } from './stored.ts'
import { terraform, variables } from './terraform-commands.ts'

interface Resource {
  key: Adoptable
  fn?: FunctionName
  what: string
  address: string
  /** The import id. */
  id(): string
  exists(): Command
}

export function resources(deployment: Deployment): Resource[] {
  const { project, names } = deployment
  const { name } = names
  const region = (): string => deployment.answers.region
  return [
    {
      key: 'database',
      what: `the Firestore database ${name}`,
      address: 'google_firestore_database.driveway',
      id: () => `projects/${project}/databases/${name}`,
      exists: () =>
        argv`gcloud firestore databases describe --database=${name} --project=${project} --format=value(type)`,
    },
    ...(['client', 'keyring'] as const).map((secret) => ({
      key: secret,
      what: `the secret ${names[secret]}`,
      address: `google_secret_manager_secret.secret["${secret}"]`,
      id: () => `projects/${project}/secrets/${names[secret]}`,
      exists: () => argv`gcloud secrets describe ${names[secret]} --project=${project}`,
    })),
    {
      key: 'repository',
      what: `the repository ${name} of Artifact Registry`,
      address: 'google_artifact_registry_repository.images',
      id: () => `projects/${project}/locations/${region()}/repositories/${name}`,
      exists: () =>
        argv`gcloud artifacts repositories describe ${name} --location=${region()} --project=${project}`,
    },
    {
      key: 'source',
      what: `the bucket ${names.sourceBucket}`,
      address: 'google_storage_bucket.source',
      id: () => names.sourceBucket.replace('gs://', ''),
      exists: () =>
        argv`gcloud storage buckets describe ${names.sourceBucket} --project=${project}`,
    },
    ...functionNames.map((fn) => ({
      key: fn,
      fn,
      what: `the function ${names.services[fn]}`,
      address: functionAddress(fn),
      id: () => `projects/${project}/locations/${region()}/functions/${names.services[fn]}`,
      exists: () => describeFunction(deployment, fn),
    })),
  ]
}

export function adoptionSteps(deployment: Deployment): Step[] {
  return [
    ...resources(deployment).map((resource) => adoptionStep(deployment, resource)),
    {
      name: 'Rules of an adopted database',
      why: 'Terraform manages them if they exist; a database without rules has none',
      when: () =>
        deployment.inState.includes('google_firestore_database.driveway') &&
        !deployment.inState.includes('google_firebaserules_release.firestore') &&
        [...deployment.records.adopted, ...deployment.records.kept].includes('database'),
      command: () =>
        importCommand(
          deployment,
          'google_firebaserules_release.firestore',
          `projects/${deployment.project}/releases/cloud.firestore/${deployment.names.name}`,
        ),
      allowFailure: true,
      isIndependent: true,
    },
    auditLogStep(deployment),
  ]
}

/** Imports adopted functions; before the secrets have versions, Terraform would destroy them. */
export function functionAdoptionSteps(deployment: Deployment): Step[] {
  return resources(deployment)
    .filter(({ fn, key }) => fn !== undefined && deployment.flags.adopt.includes(key))
    .map((resource) => ({
      name: `Import of ${resource.what}`,
      why: 'you adopt it',
      when: () => !deployment.inState.includes(resource.address),
      act: {
        reads: [resource.exists],
        changes: [importOf(deployment, resource), storeRecordsCommand(deployment)],
        async run(io) {
          if ((await capture(resource.exists())).code !== 0) return 'not required'
          return importResource(deployment, resource, io)
        },
      },
    }))
}

function adoptionStep(deployment: Deployment, resource: Resource): Step {
  const { key, what, address, exists, fn } = resource
  return {
    name: `Existing ${what.replace(/^the /, '')}`,
    why: 'setup takes over only what it has made, and what you adopt',
    when: () => !deployment.inState.includes(address),
    act: {
      reads: [exists],
      changes: fn ? [] : [importOf(deployment, resource), storeRecordsCommand(deployment)],
      async run(io) {
        if (fn) await recoverFunction(deployment, fn, io)
        if ((await capture(exists())).code !== 0) return 'not required'
        const { records, flags } = deployment
        if (!records.kept.includes(key) && !flags.adopt.includes(key)) {
          throw new CliError(
            `The project has ${what} already, which setup did not make. ` +
              `Use --adopt=${key} to let Terraform manage it, or --env=NAME for other names`,
          )
        }
        return fn ? 'already done' : importResource(deployment, resource, io)
      },
    },
  }
}

async function importResource(
  deployment: Deployment,
  resource: Resource,
  { planOnly, progress }: StepIo,
): Promise<ActResult> {
  if (planOnly) return 'planned'
  const { key, what, address } = resource
  const { records } = deployment
  const command = importOf(deployment, resource)()
  progress(formatCommand(command))
  const { code, stderr } = await capture(command)
  if (code !== 0) throw new CliError(`Cannot import ${what}: ${stderr.trim()}`)
  deployment.inState.push(address)
  if (!records.kept.includes(key)) {
    records.adopted = [...new Set([...records.adopted, key])]
    await storeRecords(deployment)
  }
  return 'changed'
}

const importOf = (deployment: Deployment, { address, id }: Resource): (() => Command) => {
  return () => importCommand(deployment, address, id())
}

function importCommand(deployment: Deployment, address: string, id: string): Command {
  return argv`${terraform} import -input=false ${variables(deployment)} ${address} ${id}`
}

/** The audit logs belong to the whole project: a project that configures them keeps its own. */
function auditLogStep(deployment: Deployment): Step {
  const { project } = deployment
  const run = argv`gcloud projects get-iam-policy ${project} --format=value(auditConfigs.service)`
  return {
    name: 'Audit logs of the project',
    why: 'they belong to the whole project: what is configured already stays, unless you adopt it',
    when: () => !deployment.inState.some((address) => address.includes('iam_audit_config')),
    act: {
      reads: [run],
      changes: [storeRecordsCommand(deployment)],
      async run({ planOnly }) {
        const { stdout } = await capture(run)
        const { records, flags } = deployment
        const isConfigured = /datastore\.googleapis|secretmanager\.googleapis|allServices/.test(
          stdout,
        )
        records.hasForeignAuditLogs = isConfigured && !flags.adopt.includes('audit-logs')
        if (isConfigured && !records.hasForeignAuditLogs) records.adopted.push('audit-logs')
        if (!planOnly) await storeRecords(deployment)
        return 'already done'
      },
    },
  }
}
