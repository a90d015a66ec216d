/** Firestore's errors: a gRPC status, told in REST's shape. */

const statuses = {
  INVALID_ARGUMENT: [3, 400],
  NOT_FOUND: [5, 404],
  ALREADY_EXISTS: [6, 409],
  FAILED_PRECONDITION: [9, 400],
  ABORTED: [10, 409],
  UNIMPLEMENTED: [12, 501],
} as const

export type Status = keyof typeof statuses

export class FirestoreError extends Error {
  override name = 'FirestoreError'
  readonly status: Status
  constructor(status: Status, message: string) {
    super(message)
    this.status = status
  }
  /** The number that gRPC gives the status. */
  get code(): number {
    return statuses[this.status][0]
  }
  get httpStatus(): number {
    return statuses[this.status][1]
  }
}

/** The request itself is wrong, whatever the database holds. */
export function invalid(message: string): FirestoreError {
  return new FirestoreError('INVALID_ARGUMENT', message)
}

/** Google may know this; the embedded Firestore does not and says so. */
export function unimplemented(what: string): FirestoreError {
  return new FirestoreError('UNIMPLEMENTED', `The embedded Firestore does not know ${what}`)
}
