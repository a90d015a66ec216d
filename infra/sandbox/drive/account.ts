/** about.get and drives.list: who the caller is, and which shared drives there are. */
import type { Exchange } from '../router.ts'
import { answerJson } from '../router.ts'
import { requireScope } from './auth-context.ts'
import type { Shape } from './fields.ts'
import { applyMask, readMask } from './fields.ts'
import { aboutUserShape, userJson } from './file-json.ts'
import { required, wholeNumber } from './params.ts'
import type { Place } from './service.ts'
import { maxUploadSize } from './upload-limits.ts'

const aboutShape: Shape = {
  kind: 'value',
  user: aboutUserShape,
  storageQuota: {
    limit: 'value',
    usage: 'value',
    usageInDrive: 'value',
    usageInDriveTrash: 'value',
  },
  maxUploadSize: 'value',
  appInstalled: 'value',
  canCreateDrives: 'value',
  importFormats: 'map',
  exportFormats: 'map',
  maxImportSizes: 'map',
  folderColorPalette: 'value',
  driveThemes: 'map',
}

const drivesShape: Shape = {
  kind: 'value',
  nextPageToken: 'value',
  drives: { kind: 'value', id: 'value', name: 'value', capabilities: 'map', createdTime: 'value' },
}

export function getAbout(place: Place, { req, res, url }: Exchange): void {
  const { tree, quota } = place
  const caller = place.authenticate(req)
  requireScope(caller, 'drive.about.get')
  // The one method that has no default fields.
  const mask = readMask(required(url, 'fields'), aboutShape)
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
  }
  answerJson(res, 200, applyMask(mask, about))
}

export function listDrives(place: Place, { req, res, url }: Exchange): void {
  const caller = place.authenticate(req)
  requireScope(caller, 'drive.drives.list')
  wholeNumber(url, 'pageSize', { least: 1, most: 100, otherwise: 10 })
  const fields = url.searchParams.get('fields')
  const drives = [...place.tree.drives.values()]
    .filter(({ members }) => members.has(caller.sub))
    .map(({ id, name }) => ({ kind: 'drive#drive', id, name }))
  const answer = { kind: 'drive#driveList', drives }
  answerJson(res, 200, fields ? applyMask(readMask(fields, drivesShape), answer) : answer)
}
