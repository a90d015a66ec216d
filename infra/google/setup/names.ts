/** The names of everything that setup makes, for a project and an environment. */

/** The environment whose names have no suffix. */
export const production = 'production'

export const functionNames = ['auth', 'callback', 'files', 'upload'] as const
export type FunctionName = (typeof functionNames)[number]

export interface Names {
  /** The name of the database and of the repository, and the prefix of all other names. */
  name: string
  /** The bucket with Terraform's state, the answers and the records. */
  stateBucket: string
  /** The folder of this environment in that bucket, as a URL. */
  stateFolder: string
  sourceBucket: string
  client: string
  keyring: string
  /** Of the Cloud Run services of the functions. */
  services: Record<FunctionName, string>
  /** Terraform's variables and plan on this machine, from the root of the repository. */
  variablesFile: string
  planFile: string
  /** The URLs of the deployment, for the doctor. */
  urlsFile: string
}

export function createNames(project: string, environment: string): Names {
  const name = environment === production ? 'driveway' : `driveway-${environment}`
  const stateBucket = `gs://${project}-driveway-state`
  return {
    name,
    stateBucket,
    stateFolder: `${stateBucket}/${name}`,
    sourceBucket: `gs://${project}-${name}-source`,
    client: `${name}-client`,
    keyring: `${name}-keyring`,
    services: {
      auth: `${name}-auth`,
      callback: `${name}-callback`,
      files: `${name}-files`,
      upload: `${name}-upload`,
    },
    variablesFile: `.driveway/${environment}.tfvars.json`,
    planFile: `.driveway/${environment}.tfplan`,
    urlsFile: `.driveway/${environment}.json`,
  }
}
