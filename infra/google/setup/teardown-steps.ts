/** Steps that remove what setup has made. Stored data is removed only on request; what was adopted, never. */
import type { Deployment } from './deployment.ts'
import { argv } from './step.ts'
import type { Step } from './step.ts'
import { resources } from './steps/adoption.ts'
import { readStoredSteps, answersStep, storeRecords, storeRecordsCommand } from './steps/stored.ts'
import { terraform, variables } from './steps/terraform-commands.ts'
import { initStep, stateListStep, variablesStep } from './steps/terraform.ts'
import { secretVersionSteps } from './steps/secrets.ts'

const database = 'google_firestore_database.driveway'

/** The database with its TTL policies and rules, and the secret containers. */
const dataAddresses: Record<string, RegExp> = {
  database:
    /^google_(?:firestore_database|firestore_field|firebaserules_release|firebaserules_ruleset)\./,
  client: /^google_secret_manager_secret\.secret\["client"\]$/,
  keyring: /^google_secret_manager_secret\.secret\["keyring"\]$/,
}

export function teardownSteps(deployment: Deployment): Step[] {
  const { project, names, flags } = deployment
  const { withData } = flags
  const keptAddresses = (): string[] =>
    deployment.inState.filter((address) => keptKeys(deployment, address).length > 0)
  return [
    {
      name: 'State bucket',
      why: 'lists what setup has made',
      unless: {
        run: argv`gcloud storage buckets describe ${names.stateBucket} --project=${project}`,
      },
      manualAction: `There is no ${names.stateBucket}: setup has not made anything in ${project}, or teardown has removed it`,
    },
    ...readStoredSteps(deployment),
    answersStep(deployment, { asks: false }),
    initStep(deployment),
    stateListStep(deployment),
    ...secretVersionSteps(deployment),
    variablesStep(deployment, { keepData: !withData }),
    {
      name: 'Firebase Hosting',
      why: 'takes the page offline',
      when: () => deployment.records.site !== undefined,
      onlyIf: () => [
        { run: argv`curl --fail --silent https://${siteOf(deployment)}.web.app/version.txt` },
      ],
      command: () =>
        argv`firebase hosting:disable --site=${siteOf(deployment)} --project=${project} --force`,
    },
    {
      name: 'Hosting site',
      why: 'setup made it; Firebase keeps a default site, and one that was adopted stays',
      when: () => deployment.records.site?.isOwn === true && siteOf(deployment) !== project,
      command: () =>
        argv`firebase hosting:sites:delete ${siteOf(deployment)} --project=${project} --config=firebase.json --force`,
      allowFailure: true,
    },
    {
      name: 'Kept resources',
      why: 'Terraform forgets them: the data, unless --with-data, and what was adopted',
      when: () => keptAddresses().length > 0,
      command: () => argv`${terraform} state rm ${keptAddresses()}`,
    },
    {
      name: 'Records',
      why: 'the next setup takes over what is kept',
      act: {
        reads: [],
        changes: [storeRecordsCommand(deployment)],
        async run() {
          const { records } = deployment
          const kept = new Set(records.kept)
          for (const address of keptAddresses()) {
            for (const key of keptKeys(deployment, address)) {
              if (!records.adopted.includes(key)) kept.add(key)
            }
          }
          records.kept = withData ? [] : [...kept]
          await storeRecords(deployment)
          return 'already done'
        },
      },
    },
    {
      name: 'Database delete protection',
      why: 'must be disabled before the database can be deleted',
      when: () => withData && isOwnDatabase(deployment),
      command: argv`${terraform} apply -input=false -auto-approve ${variables(deployment)} -target=${database}`,
    },
    {
      name: 'All other resources',
      why: 'functions, service accounts, IAM roles, images, alerts, the budget',
      unless: { run: argv`${terraform} state list`, matches: /^\s*$/ },
      command: argv`${terraform} destroy -input=false -auto-approve ${variables(deployment)}`,
    },
    ...(withData
      ? [
          {
            name: 'Stored answers and state',
            why: 'of this environment',
            command: argv`gcloud storage rm --recursive --all-versions ${names.stateFolder}/ --project=${project}`,
          },
          {
            name: 'State bucket',
            why: 'unless another environment uses it',
            unless: {
              run: argv`gcloud storage ls ${names.stateBucket}/ --project=${project}`,
              matches: /gs:/,
            },
            command: argv`gcloud storage rm --recursive ${names.stateBucket} --project=${project}`,
          },
        ]
      : []),
    {
      name: 'Not removed',
      why: 'lists what remains, and how to remove it',
      message: () => remaining(deployment).join('\n'),
    },
  ]
}

const siteOf = ({ records, project }: Deployment): string => records.site?.id ?? project

function isOwnDatabase({ inState, records }: Deployment): boolean {
  return inState.includes(database) && !records.adopted.includes('database')
}

/** @returns why an address is kept: the names of data, or of what was adopted */
function keptKeys(deployment: Deployment, address: string): string[] {
  const { flags, records } = deployment
  const data = Object.keys(dataAddresses).filter((key) => dataAddresses[key]?.test(address))
  const adopted = resources(deployment).filter((resource) => resource.address === address)
  const audit = address.startsWith('google_project_iam_audit_config.') ? ['audit-logs'] : []
  return [...new Set([...data, ...adopted.map(({ key }) => key), ...audit])].filter(
    (key) => records.adopted.includes(key) || (!flags.withData && data.includes(key)),
  )
}

function remaining({ project, names, flags, records, answers }: Deployment): string[] {
  return [
    ...(flags.withData
      ? []
      : [
          `The database ${names.name} (sessions, tokens, encrypted grants), the secrets ${names.client} and ${names.keyring}, and ${names.stateFolder} (state, answers):  npm run teardown -- --with-data`,
        ]),
    ...(records.adopted.length > 0 ? [`What was adopted: ${records.adopted.join(', ')}`] : []),
    'The OAuth client and its consent screen, which have no API: https://console.cloud.google.com/auth/clients',
    'The users’ grants at Google, until they revoke them: https://myaccount.google.com/connections',
    'Logs, for 30 days; enabled APIs; the default site of Firebase Hosting',
    `The copies of the functions’ source that Cloud Functions made: gs://gcf-v2-sources-PROJECT_NUMBER-${answers.region}`,
    `The project:  gcloud projects delete ${project}`,
  ]
}
