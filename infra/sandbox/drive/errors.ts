/** Drive's errors, in the format of Google's older APIs. */
export interface DriveErrorOptions {
  domain?: 'global' | 'usageLimits'
  /** The name of the parameter or header that caused the error. */
  location?: string
  locationType?: 'parameter' | 'header'
  /** The canonical status of some errors, such as `UNAUTHENTICATED`. */
  status?: string
  details?: Record<string, unknown>[]
}

export class DriveError extends Error {
  override name = 'DriveError'
  readonly status: number
  readonly body: object
  constructor(status: number, reason: string, message: string, options: DriveErrorOptions = {}) {
    super(message)
    this.status = status
    this.body = googleError(status, reason, message, options)
  }
}

/** The body of an error response; tests use it for faults. */
export function googleError(
  status: number,
  reason: string,
  message: string,
  options: DriveErrorOptions = {},
): object {
  const { domain = 'global', location, locationType = 'parameter', ...rest } = options
  const position = location === undefined ? {} : { locationType, location }
  return {
    error: { code: status, message, errors: [{ message, domain, reason, ...position }], ...rest },
  }
}

/** A parameter with an invalid value. */
export function invalidParameter(name: string, message = 'Invalid Value', reason = 'invalid') {
  return new DriveError(400, reason, message, { location: name })
}

export function badRequest(message: string): DriveError {
  return new DriveError(400, 'badRequest', message)
}

/** The file is absent or inaccessible; Drive does not distinguish the two. */
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

/** The token is valid, but its scopes do not allow the method. */
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
