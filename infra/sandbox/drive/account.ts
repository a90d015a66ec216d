/** about.get and drives.list: the caller's account and shared drives. */
import type { Exchange } from '../router.ts'
import { sendJson } from '../router.ts'
import { requireScope } from './auth-context.ts'
import { applyMask, readMask } from './fields.ts'
import { userJson } from './file-json.ts'
import { exportFormats, importFormats } from './google-types.ts'
import { requireParameter, readInteger } from './params.ts'
import { shapeOf } from './schema/index.ts'
import type { DriveContext } from './service.ts'
import { maxUploadSize } from './upload-limits.ts'

const aboutShape = shapeOf('About')
const drivesShape = shapeOf('DriveList')

export function getAbout(context: DriveContext, { req, res, url }: Exchange): void {
  const { tree, quota } = context
  const caller = context.authenticate(req)
  requireScope(caller, 'drive.about.get')
  // The only method without default fields.
  const mask = readMask(requireParameter(url, 'fields'), aboutShape)
  const usage = String(tree.usage(caller.sub))
  let trash = 0
  for (const item of tree.all()) {
    if (item.owner === caller.sub && tree.isTrashed(item)) trash += item.content?.size ?? 0
  }
  const about = {
    kind: 'drive#about',
    user: userJson(tree, caller, caller.sub),
    storageQuota: {
      ...(Number.isFinite(quota.bytes) ? { limit: String(quota.bytes) } : {}),
      usage,
      usageInDrive: usage,
      usageInDriveTrash: String(trash),
    },
    maxUploadSize: String(maxUploadSize),
    appInstalled: true,
    canCreateDrives: false,
    canCreateTeamDrives: false,
    importFormats,
    exportFormats,
  }
  sendJson(res, 200, applyMask(mask, about))
}

export function listDrives(context: DriveContext, { req, res, url }: Exchange): void {
  const caller = context.authenticate(req)
  requireScope(caller, 'drive.drives.list')
  readInteger(url, 'pageSize', { min: 1, max: 100, default: 10 })
  const fields = url.searchParams.get('fields')
  const drives = [...context.tree.drives.values()]
    .filter(({ members }) => members.has(caller.sub))
    .map(({ id, name }) => ({ kind: 'drive#drive', id, name }))
  const response = { kind: 'drive#driveList', drives }
  sendJson(res, 200, fields ? applyMask(readMask(fields, drivesShape), response) : response)
}
