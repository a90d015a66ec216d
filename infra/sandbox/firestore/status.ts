/** Firestore errors: a gRPC status in the JSON form of the REST API. */

const statuses = {
  INVALID_ARGUMENT: 400,
  NOT_FOUND: 404,
  ALREADY_EXISTS: 409,
  FAILED_PRECONDITION: 400,
  UNIMPLEMENTED: 501,
} as const

export type Status = keyof typeof statuses

export class FirestoreError extends Error {
  override name = 'FirestoreError'
  readonly status: Status
  constructor(status: Status, message: string) {
    super(message)
    this.status = status
  }
  get httpStatus(): number {
    return statuses[this.status]
  }
}

/** The request is invalid, independent of the stored documents. */
export function invalid(message: string): FirestoreError {
  return new FirestoreError('INVALID_ARGUMENT', message)
}

/** Google's Firestore may support the feature; the embedded one does not. */
export function unimplemented(feature: string): FirestoreError {
  return new FirestoreError(
    'UNIMPLEMENTED',
    `The embedded Firestore does not implement ${feature}. Use Google's emulator, or add it.`,
  )
}
