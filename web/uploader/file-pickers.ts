/** The browser's file pickers: files, a folder, the camera. */
import { element } from '../dom.ts'
import { readFileList } from './read-entries.ts'
import type { DroppedFiles } from './read-entries.ts'

export type PickerKind = 'files' | 'folder' | 'camera'

export interface FilePickers {
  readonly element: HTMLElement
  /** Call it in the handler of a click or key event: browsers require a user gesture. */
  show(kind: PickerKind): void
}

const attributes: Record<PickerKind, Readonly<Record<string, string | boolean>>> = {
  files: { multiple: true },
  folder: { webkitdirectory: true },
  camera: { accept: 'image/*', capture: 'environment' },
}

export function createFilePickers(onPick: (files: DroppedFiles) => void): FilePickers {
  const inputs = new Map<PickerKind, HTMLInputElement>()
  const container = element('div', { hidden: true })
  for (const kind of ['files', 'folder', 'camera'] as const) {
    const input = element('input', { type: 'file', 'data-picker': kind, ...attributes[kind] })
    input.addEventListener('change', () => {
      onPick(readFileList(input.files ?? []))
      input.value = '' // so that choosing the same file again fires a change event
    })
    inputs.set(kind, input)
    container.append(input)
  }
  return { element: container, show: (kind) => inputs.get(kind)?.click() }
}
