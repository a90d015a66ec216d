/** What setup made, removed; what people's grants hang on stays unless it is asked for as well. */
import { initState, stateBucket, terraform } from './prerequisites.ts'
import { argv } from './step.ts'
import type { SetupOptions, Step } from './step.ts'

/** The database, how it clears up and is closed, and the boxes of the secrets. */
const data = [
  'google_firestore_database.driveway',
  'google_firestore_field.expires',
  'google_firebaserules_release.firestore',
  'google_firebaserules_ruleset.firestore',
  'google_secret_manager_secret.secret',
]

export function teardownSteps({ project, region }: SetupOptions, withData: boolean): Step[] {
  const bucket = stateBucket(project)
  const [database = ''] = data
  const variables = [`-var=project=${project}`, `-var=region=${region}`]
  if (withData) variables.push('-var=keep_data=false')
  const needed = [{ run: argv`${terraform} state list ${database}`, says: /\S/ }]
  return [
    {
      name: 'A bucket for Terraform’s state',
      why: 'it says what setup has made',
      unless: { run: argv`gcloud storage buckets describe ${bucket} --project=${project}` },
      manualAction: `There is no ${bucket}: setup has made nothing in ${project}, or it has been removed`,
    },
    initState(project),
    {
      name: 'The page',
      why: 'nobody comes in any more',
      unless: {
        run: argv`curl --fail --silent https://${project}.web.app/version.txt`,
        expectFailure: true,
      },
      command: argv`firebase hosting:disable --project=${project} --force`,
    },
    withData
      ? {
          name: 'The database’s protection',
          why: 'it keeps anybody from what you have asked for',
          onlyIf: needed,
          command: argv`${terraform} apply -input=false -auto-approve ${variables} -target=${database}`,
        }
      : {
          name: 'The database and the secrets stay',
          why: 'Terraform forgets them; setup takes them over again',
          onlyIf: needed,
          command: argv`${terraform} state rm ${data}`,
        },
    {
      name: 'Everything else',
      why: 'functions, accounts, rights, images, alerts, the budget',
      unless: { run: argv`${terraform} state list`, matches: /^\s*$/ },
      command: argv`${terraform} destroy -input=false -auto-approve ${variables}`,
    },
    ...(withData
      ? [
          {
            name: 'Terraform’s state itself',
            why: 'nothing is left that it could know of',
            command: argv`gcloud storage rm --recursive ${bucket} --project=${project}`,
          },
        ]
      : []),
    {
      name: 'What is left',
      why: 'and who can remove it',
      message: left(project, withData).join('\n'),
    },
  ]
}

function left(project: string, withData: boolean): string[] {
  return [
    ...(withData
      ? []
      : [
          'The database (sessions, tokens, sealed grants), the secrets driveway-client and driveway-keyring, and Terraform’s state:  npm run teardown -- --with-data',
        ]),
    'The OAuth client and its consent screen, which no program can remove: https://console.cloud.google.com/auth/clients',
    'What people have allowed, until they take it back: https://myaccount.google.com/connections',
    'Logs, until they are 30 days old; services that are switched on; the empty site of Firebase Hosting',
    `The project itself:  gcloud projects delete ${project}`,
  ]
}
