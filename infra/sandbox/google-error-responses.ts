/** Error responses for faults, as Google sends them: Drive's errors by reason, and the front end's HTML pages. */
import { STATUS_CODES } from 'node:http'
import { googleError } from './drive/errors.ts'

/** Drive's messages by reason. @see Google Drive API, "Resolve errors" */
const messages: Record<string, string> = {
  abuse: 'This file has been identified as malware or spam and cannot be downloaded',
  activeItemCreationLimitExceeded:
    'This account has exceeded the creation limit of 500 million items. To create more items, permanently delete some items.',
  cannotAddParent: 'Increasing the number of parents is not allowed',
  cannotDownloadAbusiveFile:
    'This file has been identified as malware or spam and cannot be downloaded.',
  fileOwnerNotMemberOfTeamDrive:
    'Cannot move a file into a shared drive as a writer when the owner of the file is not a member of that shared drive.',
  insufficientParentPermissions: 'Insufficient permissions for the specified parent.',
  invalidAbuseAcknowledgment: 'This file has not been flagged for abuse.',
  myDriveHierarchyDepthLimitExceeded:
    'Your My Drive can’t contain more than 100 levels of folders.',
  numChildrenInNonRootLimitExceeded:
    'The limit for this folder’s number of children (files and folders) has been exceeded.',
  parentNotAFolder: 'The specified parent is not a folder.',
  rateLimitExceeded: 'Rate Limit Exceeded',
  sharingRateLimitExceeded: 'Rate Limit Exceeded',
  teamDriveFileLimitExceeded: 'The file limit for this shared drive has been exceeded.',
  teamDriveHierarchyTooDeep: 'The shared drive hierarchy depth will exceed the limit.',
  teamDriveMembershipRequired: 'The attempted action requires shared drive membership.',
  uploadTooLarge: 'Request Too Large',
  userRateLimitExceeded: 'User Rate Limit Exceeded',
}

export interface GoogleErrorFault {
  /** Responds with this status instead of handling the request, after discarding its body. */
  status?: number
  headers?: Record<string, string>
  body?: string
  /** Responds with Drive's error of this reason; default `status` 403. */
  reason?: string
  /** Where the reason is: in `errors` (default), or in `details` alone. */
  reasonIn?: 'errors' | 'details'
  /** With `status`: the body is the HTML page of Google's front end. */
  htmlPage?: boolean
}

/** Adds the response of a fault that has a `reason` or an `htmlPage`. */
export function withErrorResponse<F extends GoogleErrorFault>(fault: F): F {
  const { status, reason, reasonIn, htmlPage, headers } = fault
  if (reason !== undefined) {
    const body = reasonBody(reason, status ?? 403, reasonIn)
    const type = { 'content-type': 'application/json; charset=UTF-8' }
    return { ...fault, status: status ?? 403, headers: { ...type, ...headers }, body }
  }
  if (!htmlPage || status === undefined) return fault
  const type = { 'content-type': 'text/html; charset=UTF-8' }
  return { ...fault, headers: { ...type, ...headers }, body: pageBody(status) }
}

function reasonBody(reason: string, status: number, where: GoogleErrorFault['reasonIn']): string {
  const message = messages[reason] ?? 'The request was refused.'
  return JSON.stringify(
    where === 'details'
      ? { error: { code: status, message, details: [errorInfo(reason)] } }
      : googleError(status, reason, message),
  )
}

/** @see google.rpc.ErrorInfo */
function errorInfo(reason: string): object {
  const domain = 'googleapis.com'
  const metadata = { service: 'drive.googleapis.com' }
  return { '@type': 'type.googleapis.com/google.rpc.ErrorInfo', reason, domain, metadata }
}

function pageBody(status: number): string {
  const title = `Error ${status} (${STATUS_CODES[status] ?? 'Error'})!!1`
  return `<!DOCTYPE html>\n<html lang=en>\n  <meta charset=utf-8>\n  <title>${title}</title>\n  <p><b>${status}.</b> <ins>That’s an error.</ins>\n`
}
