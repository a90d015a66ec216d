/**
 * What the gateway makes of the reason in an error response of Drive.
 *
 * @see Google Drive API, "Resolve errors"
 */
import type { ProblemCode } from '../../errors.ts'

export interface ReasonDecision {
  code: ProblemCode
  /** A sentence for the client: what happened, and what to do next. */
  detail?: string
  /** Sent as `Retry-After` where Drive sends none, although waiting helps. */
  retryAfterSeconds?: number
}

const forbidden = (detail: string): ReasonDecision => ({ code: 'drive_forbidden', detail })

const tooManyItems = forbidden('The folder contains the maximum number of items that Drive allows.')
const tooDeep = forbidden(
  'Drive allows at most 100 levels of folders. Choose a folder that is nearer to the top.',
)
const noDownload = forbidden('The owner of this file does not allow downloads.')
const flagged: ReasonDecision = {
  code: 'abusive_file',
  detail: 'If you own the file, add acknowledgeAbuse=true to download it nevertheless.',
}
const missingScope: ReasonDecision = {
  code: 'reauth_required',
  detail: 'Google’s permission does not cover this. Sign in again and leave every box ticked.',
}
const rateLimited: ReasonDecision = { code: 'drive_rate_limited' }
const misconfigured: ReasonDecision = { code: 'misconfigured' }

/** In practice, such quotas recover within hours. */
const retryAfterSeconds = 60 * 60

export const reasonDecisions: Record<string, ReasonDecision> = {
  // Waiting a moment helps: retried
  rateLimitExceeded: rateLimited,
  userRateLimitExceeded: rateLimited,

  // Waiting for hours helps: not retried
  dailyLimitExceeded: {
    code: 'drive_quota_exceeded',
    detail: 'This Driveway has used up its daily quota of Drive requests. Try again tomorrow.',
    retryAfterSeconds,
  },
  downloadQuotaExceeded: { code: 'download_quota_exceeded', retryAfterSeconds },
  sharingRateLimitExceeded: {
    code: 'drive_quota_exceeded',
    detail: 'The account has reached Google’s limit on sharing. Try again tomorrow.',
    retryAfterSeconds,
  },

  // Limits of Drive
  activeItemCreationLimitExceeded: forbidden(
    'The account contains the maximum number of items that Drive allows. Delete some permanently.',
  ),
  exportSizeLimitExceeded: { code: 'export_too_large' },
  myDriveHierarchyDepthLimitExceeded: tooDeep,
  numChildrenInNonRootLimitExceeded: tooManyItems,
  quotaExceeded: tooManyItems,
  storageQuotaExceeded: { code: 'drive_full' },
  teamDriveFileLimitExceeded: forbidden(
    'The shared drive contains the maximum number of items that Drive allows.',
  ),
  teamDriveHierarchyTooDeep: tooDeep,
  uploadTooLarge: { code: 'too_large', detail: 'Drive does not accept a file of this size.' },

  // Permissions
  ACCESS_TOKEN_SCOPE_INSUFFICIENT: missingScope,
  appNotAuthorizedToFile: forbidden(
    'Driveway may write to My Drive itself and to items that it created, not to this one. Its operator can allow more.',
  ),
  cannotAddParent: forbidden(
    'Drive does not allow this item in the folder. Choose another folder.',
  ),
  domainPolicy: forbidden('Your organisation’s administrator has disabled Drive apps.'),
  fileOwnerNotMemberOfTeamDrive: forbidden(
    'The owner of the file is not a member of the shared drive. Ask its manager to add them.',
  ),
  fileWriterTeamDriveMoveInDisabled: forbidden(
    'Your organisation’s administrator does not allow this in the shared drive.',
  ),
  forbidden: forbidden('You do not have permission for this action on this file or folder.'),
  insufficientFilePermissions: forbidden('You do not have permission to write to this folder.'),
  insufficientParentPermissions: forbidden(
    'You, or Driveway with the access that it has, may not add files to this folder. Choose another one, or ask its owner for permission to edit.',
  ),
  insufficientPermissions: missingScope,
  parentNotAFolder: {
    code: 'not_a_folder',
    detail: 'The id names a file. Choose a folder.',
  },
  teamDriveMembershipRequired: forbidden(
    'You are not a member of the shared drive. Ask its manager to add you.',
  ),

  // Downloads
  abuse: flagged,
  cannotDownloadAbusiveFile: flagged,
  cannotDownloadFile: noDownload,
  cannotExportFile: forbidden('The owner of this document does not allow exports.'),
  fileNotDownloadable: noDownload,
  fileNotExportable: forbidden('Drive cannot export this file.'),
  invalidAbuseAcknowledgment: {
    code: 'file_changed_during_download',
    detail: 'Google no longer classifies this file as malware or spam.',
  },

  // The project of the operator
  accessNotConfigured: misconfigured,
  BILLING_DISABLED: misconfigured,
  CONSUMER_INVALID: misconfigured,
  CONSUMER_SUSPENDED: misconfigured,
  SERVICE_DISABLED: misconfigured,
}

/** Google writes the same reason as `rateLimitExceeded` and as `RATE_LIMIT_EXCEEDED`. */
const keyOf = (reason: string): string => reason.replaceAll('_', '').toLowerCase()

const byKey = new Map(
  Object.entries(reasonDecisions).map(([reason, decision]) => [keyOf(reason), decision]),
)

/** @param reasons of one response. A specific one counts before `forbidden`, which may accompany it */
export function decideReason(reasons: readonly string[]): ReasonDecision | undefined {
  const known = reasons.flatMap((reason) => byKey.get(keyOf(reason)) ?? [])
  return known.find((decision) => decision !== reasonDecisions['forbidden']) ?? known[0]
}
