/** Drive's refusals, in the shape that Google's older APIs share. */
export interface Refusal {
  domain?: 'global' | 'usageLimits'
  /** What the refusal is about: a parameter or a header. */
  location?: string
  locationType?: 'parameter' | 'header'
  /** The canonical name that some answers carry, such as `UNAUTHENTICATED`. */
  status?: string
  details?: Record<string, unknown>[]
}

export class DriveError extends Error {
  override name = 'DriveError'
  readonly status: number
  readonly body: object
  constructor(status: number, reason: string, message: string, more: Refusal = {}) {
    super(message)
    this.status = status
    this.body = googleError(status, reason, message, more)
  }
}

/** The body of a refusal; tests use it for the faults that they ask for. */
export function googleError(
  status: number,
  reason: string,
  message: string,
  more: Refusal = {},
): object {
  const { domain = 'global', location, locationType = 'parameter', ...rest } = more
  const where = location === undefined ? {} : { locationType, location }
  return {
    error: { code: status, message, errors: [{ message, domain, reason, ...where }], ...rest },
  }
}

/** A parameter whose value makes no sense. */
export function invalidParameter(name: string, message = 'Invalid Value', reason = 'invalid') {
  return new DriveError(400, reason, message, { location: name })
}

export function badRequest(message: string): DriveError {
  return new DriveError(400, 'badRequest', message)
}

/** Absent, or not for this caller to see: Drive does not say which. */
export function fileNotFound(id: string): DriveError {
  return new DriveError(404, 'notFound', `File not found: ${id}.`, { location: 'fileId' })
}

export function invalidCredentials(): DriveError {
  const message =
    'Request had invalid authentication credentials. Expected OAuth 2 access token, ' +
    'login cookie or other valid authentication credential.'
  return new DriveError(401, 'authError', message, {
    location: 'Authorization',
    locationType: 'header',
    status: 'UNAUTHENTICATED',
  })
}

export function loginRequired(): DriveError {
  return new DriveError(401, 'required', 'Login Required.', {
    location: 'Authorization',
    locationType: 'header',
    status: 'UNAUTHENTICATED',
  })
}

/** The token is good, but was granted for less than this. */
export function insufficientScopes(method: string): DriveError {
  return new DriveError(
    403,
    'insufficientPermissions',
    'Request had insufficient authentication scopes.',
    {
      status: 'PERMISSION_DENIED',
      details: [
        {
          '@type': 'type.googleapis.com/google.rpc.ErrorInfo',
          reason: 'ACCESS_TOKEN_SCOPE_INSUFFICIENT',
          domain: 'googleapis.com',
          metadata: { service: 'drive.googleapis.com', method },
        },
      ],
    },
  )
}

export function appNotAuthorized(id: string): DriveError {
  const message = `The user has not granted the app access to the file ${id}.`
  return new DriveError(403, 'appNotAuthorizedToFile', message)
}

export function storageQuotaExceeded(): DriveError {
  const message = "The user's Drive storage quota has been exceeded."
  return new DriveError(403, 'storageQuotaExceeded', message)
}

export function idInUse(): DriveError {
  return new DriveError(409, 'fileIdInUse', 'A file already exists with the provided ID.')
}
