/** Steps that remove what setup has created. Stored data is removed only on request. */
import { initState, stateBucket, terraform } from './prerequisites.ts'
import { argv } from './step.ts'
import type { SetupOptions, Step } from './step.ts'

/** The database with its TTL policies and rules, and the secret containers. */
const dataResources = [
  'google_firestore_database.driveway',
  'google_firestore_field.ttl',
  'google_firebaserules_release.firestore',
  'google_firebaserules_ruleset.firestore',
  'google_secret_manager_secret.secret',
]

export function teardownSteps({ project, region }: SetupOptions, withData: boolean): Step[] {
  const bucket = stateBucket(project)
  const [database = ''] = dataResources
  const variables = [`-var=project=${project}`, `-var=region=${region}`]
  if (withData) variables.push('-var=keep_data=false')
  const onlyIf = [{ run: argv`${terraform} state list ${database}`, matches: /\S/ }]
  return [
    {
      name: 'Terraform state bucket',
      why: 'lists what setup has created',
      unless: { run: argv`gcloud storage buckets describe ${bucket} --project=${project}` },
      manualAction: `There is no ${bucket}: setup has not created anything in ${project}, or teardown has removed it`,
    },
    initState(project),
    {
      name: 'Firebase Hosting',
      why: 'takes the page offline',
      unless: {
        run: argv`curl --fail --silent https://${project}.web.app/version.txt`,
        expectFailure: true,
      },
      command: argv`firebase hosting:disable --project=${project} --force`,
    },
    withData
      ? {
          name: 'Database delete protection',
          why: 'must be disabled before the database can be deleted',
          onlyIf,
          command: argv`${terraform} apply -input=false -auto-approve ${variables} -target=${database}`,
        }
      : {
          name: 'Database and secrets',
          why: 'are kept: Terraform forgets them, and setup imports them again',
          onlyIf,
          command: argv`${terraform} state rm ${dataResources}`,
        },
    {
      name: 'All other resources',
      why: 'functions, service accounts, IAM roles, images, alerts, the budget',
      unless: { run: argv`${terraform} state list`, matches: /^\s*$/ },
      command: argv`${terraform} destroy -input=false -auto-approve ${variables}`,
    },
    ...(withData
      ? [
          {
            name: 'Terraform state',
            why: 'is empty now',
            command: argv`gcloud storage rm --recursive ${bucket} --project=${project}`,
          },
        ]
      : []),
    {
      name: 'Not removed',
      why: 'lists what remains, and how to remove it',
      message: remaining(project, withData).join('\n'),
    },
  ]
}

function remaining(project: string, withData: boolean): string[] {
  return [
    ...(withData
      ? []
      : [
          'The database (sessions, tokens, encrypted grants), the secrets driveway-client and driveway-keyring, and the Terraform state:  npm run teardown -- --with-data',
        ]),
    'The OAuth client and its consent screen, which have no API: https://console.cloud.google.com/auth/clients',
    'The users’ grants at Google, until they revoke them: https://myaccount.google.com/connections',
    'Logs, for 30 days; enabled APIs; the empty site of Firebase Hosting',
    `The project:  gcloud projects delete ${project}`,
  ]
}
