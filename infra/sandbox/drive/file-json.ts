/** The file resource. Each field is computed only on request. */
import type { Caller } from './auth-context.ts'
import { isAppFile, canReadContent, roleOf, canWriteFile, mayWrite } from './auth-context.ts'
import { checksum } from './content-writer.ts'
import type { Mask } from './fields.ts'
import { applyMask, maskOf, includesField, innerMask } from './fields.ts'
import { exportTypes, isGoogleType } from './google-types.ts'
import { shapeOf } from './schema/index.ts'
import type { Item, Tree } from './tree.ts'
import { folderType } from './tree.ts'

interface FileContext {
  tree: Tree
  caller: Caller
  item: Item
}

/** The fields of a response without `fields`. */
export const defaultFields = maskOf('kind', 'id', 'name', 'mimeType')

const fieldReaders: Record<string, (context: FileContext) => unknown> = {
  kind: () => 'drive#file',
  id: ({ item }) => item.id,
  name: ({ item }) => item.name,
  mimeType: ({ item }) => item.mimeType,
  starred: ({ item }) => item.starred,
  trashed: ({ tree, item }) => tree.isTrashed(item),
  explicitlyTrashed: ({ item }) => item.trashed,
  parents: ({ tree, caller, item }) => {
    const parent = tree.parentOf(item)
    // A parent that the user may not read is omitted.
    return parent && roleOf(tree, caller.sub, parent) !== null ? [parent.id] : undefined
  },
  properties: ({ item }) => undefinedIfEmpty(item.properties),
  appProperties: ({ caller, item }) =>
    undefinedIfEmpty(item.appProperties.get(caller.clientId) ?? {}),
  spaces: () => ['drive'],
  version: ({ item }) => String(item.version),
  webContentLink: ({ item }) =>
    item.content && `https://drive.google.com/uc?id=${item.id}&export=download`,
  webViewLink: ({ item }) => webViewLink(item),
  resourceKey: ({ item }) => item.resourceKey,
  iconLink: ({ item }) => `https://drive-thirdparty.googleusercontent.com/16/type/${item.mimeType}`,
  hasThumbnail: () => false,
  thumbnailVersion: () => '0',
  viewedByMe: ({ caller, item }) => item.owner === caller.sub,
  createdTime: ({ item }) => new Date(item.createdTime).toISOString(),
  modifiedTime: ({ item }) => new Date(item.modifiedTime).toISOString(),
  modifiedByMe: ({ caller, item }) => item.owner === caller.sub,
  modifiedByMeTime: ({ caller, item }) =>
    item.owner === caller.sub ? new Date(item.modifiedTime).toISOString() : undefined,
  sharedWithMeTime: ({ caller, item }) =>
    item.sharedWithMeTime !== undefined && item.readers.has(caller.sub)
      ? new Date(item.sharedWithMeTime).toISOString()
      : undefined,
  owners: ({ tree, caller, item }) =>
    item.owner === undefined ? undefined : [userJson(tree, caller, item.owner)],
  lastModifyingUser: ({ tree, caller, item }) =>
    item.owner === undefined ? undefined : userJson(tree, caller, item.owner),
  ownedByMe: ({ caller, item }) => (item.driveId ? undefined : item.owner === caller.sub),
  shared: ({ item }) =>
    item.driveId !== undefined || item.readers.size > 0 || item.linkRole !== undefined,
  capabilities: (context) => capabilities(context),
  originalFilename: ({ item }) => item.content && (item.fields['originalFilename'] ?? item.name),
  fullFileExtension: ({ item }) => item.content && extension(item),
  fileExtension: ({ item }) => item.content && extension(item),
  size: ({ item }) => (item.content ? String(item.content.size) : documentSize(item)),
  quotaBytesUsed: ({ item }) => String(item.content?.size ?? 0),
  headRevisionId: ({ item }) => item.headRevisionId,
  sha256Checksum: ({ item }) => checkedContent(item)?.sha256,
  md5Checksum: ({ item }) => checksumOf(item, 'md5'),
  sha1Checksum: ({ item }) => checksumOf(item, 'sha1'),
  isAppAuthorized: ({ caller, item }) => isAppFile(caller, item),
  driveId: ({ item }) => item.driveId,
  teamDriveId: ({ item }) => item.driveId,
  shortcutDetails: ({ tree, item }) =>
    item.shortcutTo && {
      targetId: item.shortcutTo,
      targetMimeType: tree.get(item.shortcutTo)?.mimeType,
    },
  exportLinks: ({ item }) => {
    const types = exportTypes(item.mimeType)
    return types.length > 0
      ? Object.fromEntries(
          types.map((type) => [
            type,
            `https://docs.google.com/export?id=${item.id}&mimeType=${encodeURIComponent(type)}`,
          ]),
        )
      : undefined
  },
  permissionIds: ({ item }) => [...(item.owner ? [item.owner] : []), ...item.readers.keys()],
  trashingUser: () => undefined,
  trashedTime: () => undefined,
}

/** Writable fields that are stored unchanged and have no effect in the sandbox. */
export const plainFields = [
  'description',
  'folderColorRgb',
  'contentHints',
  'writersCanShare',
  'copyRequiresWriterPermission',
  'viewersCanCopyContent',
  'viewedByMeTime',
  'contentRestrictions',
  'downloadRestrictions',
] as const

export const fileShape = shapeOf('File')

/** @param mask the requested fields */
export async function fileJson(context: FileContext, mask: Mask): Promise<Record<string, unknown>> {
  const json: Record<string, unknown> = {}
  const put = (name: string, value: unknown): void => {
    if (value !== undefined) json[name] = applyMask(innerMask(mask, name), value)
  }
  for (const [name, readField] of Object.entries(fieldReaders)) {
    if (!includesField(mask, name)) continue
    const value = readField(context)
    put(name, value instanceof Promise ? await value : value)
  }
  for (const name of plainFields)
    if (includesField(mask, name)) put(name, context.item.fields[name])
  return json
}

export function userJson(tree: Tree, caller: Caller, sub: string): Record<string, unknown> {
  const emailAddress = emailOf(tree, sub)
  return {
    kind: 'drive#user',
    displayName: emailAddress.split('@')[0],
    me: sub === caller.sub,
    permissionId: sub,
    emailAddress,
  }
}

/** The e-mail address of a user, given by `sub` or by the address itself. */
export function emailOf(tree: Tree, user: string): string {
  return tree.emails.get(user) ?? (user.includes('@') ? user : `${user}@example.com`)
}

function capabilities({ tree, caller, item }: FileContext): Record<string, boolean> {
  const role = roleOf(tree, caller.sub, item)
  const isFolder = item.mimeType === folderType
  const isWritable = mayWrite(role) && (canWriteFile(caller, item) || item.parent === undefined)
  return {
    canAddChildren: isFolder && isWritable,
    canCopy: !isFolder,
    canDelete: role === 'owner' && isWritable && item.parent !== undefined,
    canDownload: !isFolder && canReadContent(caller, item),
    canEdit: isWritable,
    canListChildren: isFolder,
    canRename: isWritable && item.parent !== undefined,
    canTrash: role === 'owner' && isWritable && item.parent !== undefined,
  }
}

/** The content of which Drive has checksums. */
function checkedContent({ content, conditions }: Item): Item['content'] {
  return conditions.has('noChecksums') ? undefined : content
}

function checksumOf(item: Item, algorithm: 'md5' | 'sha1'): Promise<string> | undefined {
  const content = checkedContent(item)
  return content && checksum(content, algorithm)
}

function webViewLink(item: Item): string {
  const url = new URL(viewUrl(item))
  if (item.resourceKey !== undefined) url.searchParams.set('resourcekey', item.resourceKey)
  return url.href
}

function viewUrl(item: Item): string {
  if (item.mimeType === folderType) return `https://drive.google.com/drive/folders/${item.id}`
  const editor = /^application\/vnd\.google-apps\.(document|spreadsheet|presentation)$/.exec(
    item.mimeType,
  )?.[1]
  if (!editor) return `https://drive.google.com/file/d/${item.id}/view?usp=drivesdk`
  const kind = editor === 'spreadsheet' ? 'spreadsheets' : editor
  return `https://docs.google.com/${kind}/d/${item.id}/edit?usp=drivesdk`
}

/** Google documents have a size; folders and shortcuts do not. */
function documentSize(item: Item): string | undefined {
  const isDocument = isGoogleType(item.mimeType) && exportTypes(item.mimeType).length > 0
  return isDocument ? String(Buffer.byteLength(item.text)) : undefined
}

function extension(item: Item): string {
  return /\.([^.]+)$/.exec(item.name)?.[1] ?? ''
}

function undefinedIfEmpty(map: Record<string, string>): Record<string, string> | undefined {
  return Object.keys(map).length > 0 ? map : undefined
}
