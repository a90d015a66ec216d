/** Maps errors of Google's services to a cause, a fix and a command. Pure functions: they send no request. */
import { GatewayError } from '../../errors.ts'

/** A failed check: its cause, what to do, and the command that does it. */
export interface Failure {
  ok: false
  cause: string
  fix: string
  command: string
}

/** An error of a Google client library or of the token endpoint. */
interface UpstreamError {
  /** gRPC status code or HTTP status. */
  code?: unknown
  message?: unknown
  /** OAuth error code (RFC 6749 §5.2). */
  error?: unknown
  cause?: unknown
}

const statusPage = 'https://www.google.com/appsstatus'

/** @param version `projects/P/secrets/S/versions/V` */
export function explainSecretError(error: unknown, version: string): Failure {
  const [, project = '', , secret = '', , number = ''] = version.split('/')
  const { code, message } = upstreamError(error)
  const text = String(message)
  const setup = secret.includes('keyring')
    ? 'npm run setup'
    : 'npm run setup -- --client=client_id.json'
  if (/DISABLED state/.test(text)) {
    return failure(
      `Version ${number} of the secret ${secret} is disabled`,
      'Enable it, or configure another version',
      `gcloud secrets versions enable ${number} --secret=${secret} --project=${project}`,
    )
  }
  if (/DESTROYED state/.test(text)) {
    return failure(
      `Version ${number} of the secret ${secret} is destroyed`,
      'Add a new version; setup adds and configures it',
      setup,
    )
  }
  if (isApiDisabled(text)) {
    return enableApi('secretmanager.googleapis.com', 'The Secret Manager API', project)
  }
  if (isPermissionDenied(code)) {
    return failure(
      `Driveway’s service account may not read the secret ${secret}`,
      'Grant it the role Secret Manager Secret Accessor on this secret',
      `gcloud secrets add-iam-policy-binding ${secret} --member=${serviceAccount(project)} --role=roles/secretmanager.secretAccessor --project=${project}`,
    )
  }
  if (isNotFound(code)) {
    return failure(
      `Version ${number} of the secret ${secret} does not exist`,
      'Add a version; setup adds and configures it',
      setup,
    )
  }
  return failure(
    `Secret Manager did not return the secret ${secret}`,
    'Try again in a minute. If the error persists, check the versions of the secret',
    `gcloud secrets versions list ${secret} --project=${project}`,
  )
}

export function explainClientError(error: unknown, project: string): Failure {
  const { error: oauthError, cause } = upstreamError(error)
  const { error_description: description } = (cause ?? {}) as { error_description?: unknown }
  const clientsPage = `https://console.cloud.google.com/auth/clients?project=${project}`
  const setup = 'npm run setup -- --client=client_id.json'
  if (oauthError === 'deleted_client' || /not found/i.test(String(description))) {
    return failure(
      'Google has no client with this id: it was deleted, or the id is wrong',
      `Create a client at ${clientsPage} and configure its JSON file`,
      setup,
    )
  }
  if (oauthError === 'invalid_client' || oauthError === 'unauthorized_client') {
    return failure(
      'Google does not accept the client secret: it was replaced or disabled',
      `Add a secret at ${clientsPage}, download the JSON file and configure it`,
      setup,
    )
  }
  if (error instanceof GatewayError && error.code === 'misconfigured') {
    return failure(
      'The client cannot be verified, because its secret cannot be read',
      'Fix "Client secret" or "Client file" above first',
      setup,
    )
  }
  return failure(
    'Google’s token endpoint does not respond',
    `Try again in a minute. ${statusPage} shows known outages`,
    'curl -sS -o /dev/null -w "%{http_code}\\n" https://oauth2.googleapis.com/token',
  )
}

export function explainFirestoreError(error: unknown, project: string, database: string): Failure {
  const { code, message } = upstreamError(error)
  if (isApiDisabled(String(message))) {
    return enableApi('firestore.googleapis.com', 'The Firestore API', project)
  }
  if (isPermissionDenied(code)) {
    return failure(
      'Driveway’s service account may not read and write documents',
      'Grant it the role Cloud Datastore User',
      `gcloud projects add-iam-policy-binding ${project} --member=${serviceAccount(project)} --role=roles/datastore.user --condition=None`,
    )
  }
  if (isNotFound(code)) {
    return failure(
      `The project has no database ${database} of Firestore in Native mode`,
      'Create the database; setup does it',
      'npm run setup',
    )
  }
  return failure(
    'Firestore does not respond',
    'Try again in a minute. If the error persists, check the database',
    `gcloud firestore databases describe --database='${database}' --project=${project}`,
  )
}

export function explainDriveError(error: unknown, project: string): Failure {
  const { code, message, detail } = error as GatewayError
  if (code === 'misconfigured') {
    return enableApi('drive.googleapis.com', 'The Google Drive API', project)
  }
  if (code === 'reauth_required') {
    return failure(
      detail ?? 'Google no longer accepts the grant of this account',
      'Sign in again: open /auth?reconnect=1',
      'npm run doctor',
    )
  }
  if (code === 'auth_misconfigured') {
    return failure(
      'The access token cannot be refreshed, because Google rejects the client',
      'Fix "OAuth client" above first',
      'npm run setup -- --client=client_id.json',
    )
  }
  if (code === 'drive_forbidden') {
    return failure(
      detail ?? 'Drive denies the request',
      'Ask the administrator of your Workspace to allow the app by its client id',
      `gcloud services list --enabled --project=${project}`,
    )
  }
  const summary = typeof code === 'string' ? ` (${code}: ${message})` : ''
  return failure(
    `Drive returned an unexpected response${summary}`,
    `Try again in a minute. ${statusPage} shows known outages`,
    'npm run doctor',
  )
}

export function failure(cause: string, fix: string, command: string): Failure {
  return { ok: false, cause, fix, command }
}

function enableApi(service: string, name: string, project: string): Failure {
  return failure(
    `${name} is not enabled in the project ${project}`,
    'Enable it and wait a minute',
    `gcloud services enable ${service} --project=${project}`,
  )
}

/** Returns the error of the client library or endpoint, which is the `cause` of our own error. */
function upstreamError(error: unknown): UpstreamError {
  return (error as { cause?: UpstreamError }).cause ?? {}
}

function isApiDisabled(message: string): boolean {
  return /SERVICE_DISABLED|has not been used/.test(message)
}

/** PERMISSION_DENIED or UNAUTHENTICATED, over gRPC or HTTP. */
function isPermissionDenied(code: unknown): boolean {
  return [7, 403, 16, 401].includes(code as number)
}

/** NOT_FOUND, over gRPC or HTTP. */
function isNotFound(code: unknown): boolean {
  return code === 5 || code === 404
}

function serviceAccount(project: string): string {
  return `serviceAccount:driveway-auth@${project}.iam.gserviceaccount.com`
}
