/** Labels and icons of file types by MIME type. */
import type { IconName } from './icons.ts'
import { strings } from './strings.ts'
import type { DriveFile, FileKind } from './api/types.ts'

type AppearanceKeys = readonly [label: keyof typeof strings.kinds, icon: IconName]

const googleTypePrefix = 'application/vnd.google-apps.'

// The first matching pattern wins.
const rules: readonly (readonly [RegExp, ...AppearanceKeys])[] = [
  [/^application\/vnd\.google-apps\.folder$/, 'folder', 'folder'],
  [/^application\/vnd\.google-apps\.document$/, 'doc', 'doc'],
  [/^application\/vnd\.google-apps\.spreadsheet$/, 'sheet', 'sheet'],
  [/^application\/vnd\.google-apps\.presentation$/, 'slides', 'slides'],
  [/^application\/vnd\.google-apps\.form$/, 'form', 'page'],
  [/^application\/pdf$/, 'pdf', 'pdf'],
  [/^image\//, 'image', 'image'],
  [/^video\//, 'video', 'video'],
  [/^audio\//, 'audio', 'audio'],
  [/spreadsheet|ms-excel|^text\/csv$/, 'spreadsheet', 'sheet'],
  [/presentation|ms-powerpoint/, 'presentation', 'slides'],
  [/wordprocessing|msword|opendocument\.text/, 'document', 'doc'],
  [/zip|x-(tar|gtar|7z|rar|bzip2?|xz)|zstd/, 'archive', 'archive'],
  [/^text\/|^application\/(json|xml|javascript)$/, 'text', 'page'],
]

export interface Appearance {
  readonly label: string
  readonly icon: IconName
}

export function fileAppearance(file: DriveFile): Appearance {
  if (file.shortcut === null) return appearanceFor(file.mimeType, file.kind)
  const target = appearanceFor(file.shortcut.mimeType, file.shortcut.kind)
  return { ...target, label: strings.shortcutTo(target.label) }
}

function appearanceFor(mimeType: string, kind: FileKind): Appearance {
  if (kind === 'folder') return { label: strings.kinds.folder, icon: 'folder' }
  const match = rules.find(([pattern]) => pattern.test(mimeType))
  if (match) return { label: strings.kinds[match[1]], icon: match[2] }
  if (kind === 'document' || mimeType.startsWith(googleTypePrefix)) {
    return { label: strings.kinds.google, icon: 'page' }
  }
  return { label: strings.kinds.file, icon: 'file' }
}

/** @returns the id of the folder, or of a shortcut's target folder; `null` for other files */
export function folderTargetId(file: DriveFile): string | null {
  if (file.shortcut !== null) return file.shortcut.kind === 'folder' ? file.shortcut.targetId : null
  return file.kind === 'folder' ? file.id : null
}
