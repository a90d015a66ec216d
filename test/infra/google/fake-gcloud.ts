/** gcloud, for the fake cloud. */
import { dispatch, fail, flagOf } from './fake-cloud.ts'
import type { ProgramRun } from './fake-cloud.ts'

const exists = (isThere: boolean): string => (isThere ? 'exists\n' : fail(1, 'NOT_FOUND'))
const lines = (values: readonly string[]): string => values.map((value) => `${value}\n`).join('')

export function runGcloud(run: ProgramRun): string | void {
  const { cloud, args, stdin } = run
  const [, , , third = '', fourth = ''] = args
  const versions = (name: string): string[] => cloud.secrets[name] ?? fail(1, 'NOT_FOUND')
  const region = (): string => flagOf(run, 'region')
  return dispatch(run, [
    [/^gcloud version$/, () => 'Google Cloud SDK 1\n'],
    [/^gcloud auth list/, () => lines([cloud.accounts.gcloud].filter((account) => account !== ''))],
    [/^gcloud auth print-access-token/, () => 'ya29.a-token-of-gcloud\n'],
    [
      /^gcloud auth application-default print-access-token/,
      () =>
        cloud.accounts.terraform === '' ? fail(1, 'no credentials') : 'ya29.a-token-of-mine\n',
    ],
    [/^gcloud projects describe/, () => 'ACTIVE\n'],
    [/^gcloud projects get-iam-policy/, () => lines(cloud.auditConfigs)],
    [/^gcloud billing projects describe/, () => `${cloud.billing}\n`],
    [/^gcloud billing projects link/, () => void (cloud.billing = true)],
    [/^gcloud services list/, () => lines(cloud.services)],
    [/^gcloud services enable/, () => void cloud.services.push(...args.slice(2, -1))],
    [/^gcloud functions regions list/, () => lines(locations(cloud.regions.functions))],
    [/^gcloud firestore locations list/, () => lines(locations(cloud.regions.firestore))],
    [/^gcloud artifacts locations list/, () => lines(locations(cloud.regions.artifacts))],
    ...storage(run),
    [/^gcloud secrets describe/, () => exists((args[2] ?? '') in cloud.secrets)],
    [/^gcloud secrets versions list/, () => `${versions(third).length || ''}\n`],
    [
      /^gcloud secrets versions access latest/,
      () => cloud.secrets[flagOf(run, 'secret')]?.at(-1) ?? fail(1, 'NOT_FOUND'),
    ],
    [/^gcloud secrets versions add/, () => void versions(third).push(stdin)],
    [
      /^gcloud firestore databases describe/,
      () => exists(cloud.databases.includes(flagOf(run, 'database'))),
    ],
    [/^gcloud artifacts repositories describe/, () => exists(cloud.repositories.includes(third))],
    [/^gcloud artifacts docker images describe/, () => exists(cloud.images.includes(fourth))],
    [
      /^gcloud builds submit/,
      () => void cloud.images.push(/_IMAGE=(\S+)/.exec(run.line)?.[1] ?? fail(1, 'no image')),
    ],
    [
      /^gcloud functions describe/,
      () => {
        if (region() === '') fail(1, 'region is required')
        return `${cloud.functions[args[2] ?? ''] ?? fail(1, 'NOT_FOUND')}\n`
      },
    ],
    [
      /^gcloud functions delete \S+ .*--quiet/,
      () => {
        const name = args[2] ?? ''
        delete cloud.functions[name]
        delete cloud.runServices[name]
      },
    ],
    ...runServices(run),
  ])
}

const locations = (regions: readonly string[]): string[] =>
  regions.map((region) => `projects/my-driveway/locations/${region}`)

function storage({ cloud, args, stdin }: ProgramRun): [RegExp, () => string | void][] {
  const [, , second = '', third = ''] = args
  const below = (prefix: string): string[] =>
    Object.keys(cloud.objects).filter((url) => url.startsWith(prefix))
  return [
    [/^gcloud storage buckets describe .*versioning/, () => `${cloud.versioned}\n`],
    [/^gcloud storage buckets describe/, () => exists(cloud.buckets.includes(third))],
    [
      /^gcloud storage buckets create/,
      () => (cloud.buckets.includes(third) ? fail(1, '409') : void cloud.buckets.push(third)),
    ],
    [/^gcloud storage buckets update .*--versioning/, () => void (cloud.versioned = true)],
    [
      /^gcloud storage ls/,
      () => {
        const bucket = second.split('/').slice(0, 3).join('/')
        if (!cloud.buckets.includes(bucket)) {
          fail(1, `ERROR: (gcloud.storage.ls) ${bucket} not found: 404.`)
        }
        const found = below(second)
        if (found.length > 0) return lines(found)
        return fail(1, 'ERROR: (gcloud.storage.ls) One or more URLs matched no objects.')
      },
    ],
    [
      /^gcloud storage cat/,
      () => cloud.objects[second] ?? fail(1, 'ERROR: (gcloud.storage.cat) not found'),
    ],
    [
      /^gcloud storage cp - /,
      () => {
        const bucket = third.split('/').slice(0, 3).join('/')
        if (!cloud.buckets.includes(bucket)) fail(1, `ERROR: ${bucket} not found: 404.`)
        cloud.objects[third] = stdin
      },
    ],
    [
      /^gcloud storage rm --recursive/,
      () => {
        const url = args.find((arg) => arg.startsWith('gs://')) ?? ''
        for (const object of below(url)) delete cloud.objects[object]
        cloud.buckets = cloud.buckets.filter((bucket) => bucket !== url)
      },
    ],
  ]
}

function runServices(run: ProgramRun): [RegExp, () => string | void][] {
  const { cloud, args } = run
  const name = args[3] ?? ''
  const service = (): { isManaged: boolean; isPublic: boolean; isBoosted: boolean } =>
    cloud.runServices[name] ?? fail(1, `Cannot find service [${name}]`)
  return [
    [
      /^gcloud run services describe .*metadata\.labels/,
      () =>
        service().isManaged
          ? 'cloud.googleapis.com/location=europe-west1;goog-managed-by=cloudfunctions\n'
          : 'cloud.googleapis.com/location=europe-west1\n',
    ],
    [
      /^gcloud run services describe .*metadata\.annotations/,
      () => {
        const { isPublic, isBoosted } = service()
        return [
          'metadata:',
          '  annotations:',
          ...(isPublic ? ["    run.googleapis.com/invoker-iam-disabled: 'True'"] : []),
          'spec:',
          '  template:',
          '    metadata:',
          '      annotations:',
          ...(isBoosted ? ["        run.googleapis.com/startup-cpu-boost: 'true'"] : []),
          '',
        ].join('\n')
      },
    ],
    [
      /^gcloud run services update .*--no-invoker-iam-check --cpu-boost/,
      () => {
        if (cloud.policies.requireInvokerIam) {
          fail(
            1,
            'ERROR: FAILED_PRECONDITION: constraints/run.managed.requireInvokerIam is enforced',
          )
        }
        Object.assign(service(), { isPublic: true, isBoosted: true })
      },
    ],
    [/^gcloud run services delete .*--quiet/, () => void delete cloud.runServices[name]],
  ]
}
