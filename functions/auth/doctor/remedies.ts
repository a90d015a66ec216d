/** From what was refused to why, and what mends it. Pure: none of these asks anybody. */
import { GatewayError } from '../../errors.ts'
import type { Failure } from './checks.ts'

interface UpstreamError {
  code?: unknown
  message?: unknown
  /** OAuth's name for it, and its words. */
  error?: unknown
  cause?: unknown
}

/** What a client library threw, below our own error. */
function causeOf(error: unknown): UpstreamError {
  const { cause } = error as { cause?: UpstreamError }
  return cause ?? {}
}

function isAnyOf(code: unknown, ...known: unknown[]): boolean {
  return known.includes(code)
}

/** @param version `projects/P/secrets/S/versions/V` */
export function explainSecretError(error: unknown, version: string): Failure {
  const [, project = '', , secret = '', , number = ''] = version.split('/')
  const { code, message } = causeOf(error)
  const said = String(message)
  const again = secret.includes('keyring')
    ? 'npm run setup'
    : 'npm run setup -- --client=client_id.json'
  if (/DISABLED state/.test(said)) {
    return {
      ok: false,
      cause: `Version ${number} of the secret ${secret} is disabled`,
      fix: 'Enable it, or name another one',
      command: `gcloud secrets versions enable ${number} --secret=${secret} --project=${project}`,
    }
  }
  if (/DESTROYED state/.test(said)) {
    return {
      ok: false,
      cause: `Version ${number} of the secret ${secret} is destroyed`,
      fix: 'Put the value in anew; setup names the new version',
      command: again,
    }
  }
  if (/SERVICE_DISABLED|has not been used/.test(said)) {
    return enableApi('secretmanager.googleapis.com', 'The Secret Manager API', project)
  }
  if (isAnyOf(code, 7, 403, 16, 401)) {
    return {
      ok: false,
      cause: `Driveway’s account may not read the secret ${secret}`,
      fix: 'Let it: it needs the role Secret Manager Secret Accessor on this secret',
      command: `gcloud secrets add-iam-policy-binding ${secret} --member=${serviceAccount(project)} --role=roles/secretmanager.secretAccessor --project=${project}`,
    }
  }
  if (isAnyOf(code, 5, 404)) {
    return {
      ok: false,
      cause: `There is no version ${number} of the secret ${secret}`,
      fix: 'Put the value in; setup names the version',
      command: again,
    }
  }
  return {
    ok: false,
    cause: `Secret Manager did not give ${secret}`,
    fix: 'Try again in a minute; where it stays so, look at its versions',
    command: `gcloud secrets versions list ${secret} --project=${project}`,
  }
}

export function explainClientError(error: unknown, project: string): Failure {
  const { error: name, cause } = causeOf(error)
  const { error_description: words } = (cause ?? {}) as { error_description?: unknown }
  const put = 'npm run setup -- --client=client_id.json'
  if (name === 'deleted_client' || /not found/i.test(String(words))) {
    return {
      ok: false,
      cause: 'Google knows no client of this id: it was deleted, or the id is another one’s',
      fix: `Make one at https://console.cloud.google.com/auth/clients?project=${project} and put its file in`,
      command: put,
    }
  }
  if (name === 'invalid_client' || name === 'unauthorized_client') {
    return {
      ok: false,
      cause: 'Google does not take the client’s secret: it was replaced or disabled',
      fix: `Add a secret at https://console.cloud.google.com/auth/clients?project=${project}, download the file and put it in`,
      command: put,
    }
  }
  if (error instanceof GatewayError && error.code === 'misconfigured') {
    return {
      ok: false,
      cause: 'The client cannot be shown to Google, since its secret cannot be read',
      fix: 'Mend "Client secret" or "Client file" above first',
      command: put,
    }
  }
  return {
    ok: false,
    cause: 'Google’s sign-in does not answer',
    fix: 'Try again in a minute; https://www.google.com/appsstatus says whether others see it too',
    command: 'curl -sS -o /dev/null -w "%{http_code}\\n" https://oauth2.googleapis.com/token',
  }
}

export function explainFirestoreError(error: unknown, project: string): Failure {
  const { code, message } = causeOf(error)
  if (/SERVICE_DISABLED|has not been used/.test(String(message))) {
    return enableApi('firestore.googleapis.com', 'The Firestore API', project)
  }
  if (isAnyOf(code, 7, 403, 16, 401)) {
    return {
      ok: false,
      cause: 'Driveway’s account may not read and write documents',
      fix: 'Let it: it needs the role Cloud Datastore User',
      command: `gcloud projects add-iam-policy-binding ${project} --member=${serviceAccount(project)} --role=roles/datastore.user`,
    }
  }
  if (isAnyOf(code, 5, 404)) {
    return {
      ok: false,
      cause: 'The project has no database (default) of Firestore in native mode',
      fix: 'Make it; setup does',
      command: 'npm run setup',
    }
  }
  return {
    ok: false,
    cause: 'Firestore does not answer',
    fix: 'Try again in a minute; where it stays so, look at the database',
    command: `gcloud firestore databases describe --project=${project}`,
  }
}

export function explainDriveError(error: unknown, project: string): Failure {
  const { code, message, detail } = error as GatewayError
  if (code === 'misconfigured') {
    return enableApi('drive.googleapis.com', 'The Google Drive API', project)
  }
  if (code === 'reauth_required') {
    return failure(
      detail ?? 'Google no longer takes what you granted',
      'Sign in again: open /auth?reconnect=1',
      'npm run doctor',
    )
  }
  if (code === 'auth_misconfigured') {
    return failure(
      'No permission can be renewed, since Google refuses the client',
      'Mend "Client at Google" above first',
      'npm run setup -- --client=client_id.json',
    )
  }
  if (code === 'drive_forbidden') {
    return failure(
      detail ?? 'Drive does not allow it',
      'Ask the administrator of your Workspace to allow the app, by its client id',
      `gcloud services list --enabled --project=${project}`,
    )
  }
  const seen = typeof code === 'string' ? ` (${code}: ${message})` : ''
  return failure(
    `Drive did not answer as it should${seen}`,
    'Try again in a minute; https://www.google.com/appsstatus says whether others see it too',
    'npm run doctor',
  )
}

function failure(cause: string, fix: string, command: string): Failure {
  return { ok: false, cause, fix, command }
}

function enableApi(service: string, name: string, project: string): Failure {
  return {
    ok: false,
    cause: `${name} is not enabled in the project ${project}`,
    fix: 'Enable it, and wait a minute',
    command: `gcloud services enable ${service} --project=${project}`,
  }
}

function serviceAccount(project: string): string {
  return `serviceAccount:driveway-auth@${project}.iam.gserviceaccount.com`
}
