/** What a file is called and drawn as, from its MIME type. */
import type { IconName } from './icons.ts'
import { strings } from './strings.ts'
import type { DriveFile, Kind } from './api/types.ts'

type Look = readonly [label: keyof typeof strings.kinds, icon: IconName]

const google = 'application/vnd.google-apps.'

// In order: the first pattern that matches counts.
const looks: readonly (readonly [RegExp, ...Look])[] = [
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

export function appearanceOf(file: DriveFile): Appearance {
  if (file.shortcut === null) return look(file.mimeType, file.kind)
  const target = look(file.shortcut.mimeType, file.shortcut.kind)
  return { ...target, label: strings.shortcutTo(target.label) }
}

function look(mimeType: string, kind: Kind): Appearance {
  if (kind === 'folder') return { label: strings.kinds.folder, icon: 'folder' }
  const found = looks.find(([pattern]) => pattern.test(mimeType))
  if (found) return { label: strings.kinds[found[1]], icon: found[2] }
  if (kind === 'document' || mimeType.startsWith(google)) {
    return { label: strings.kinds.google, icon: 'page' }
  }
  return { label: strings.kinds.file, icon: 'file' }
}

/** The folder that opens when this is followed, if it is one. A shortcut leads to its target. */
export function folderBehind(file: DriveFile): string | null {
  if (file.shortcut !== null) return file.shortcut.kind === 'folder' ? file.shortcut.targetId : null
  return file.kind === 'folder' ? file.id : null
}
