/** The browser's own ways to choose: files, a folder, a picture just taken. */
import { element } from '../dom.ts'
import { filesOf } from './read-entries.ts'
import type { Found } from './read-entries.ts'

export type Choice = 'files' | 'folder' | 'camera'

export interface Choosers {
  readonly element: HTMLElement
  /** Call it in the handler of a click or a key: a browser opens nothing otherwise. */
  choose(what: Choice): void
}

const kinds: Record<Choice, Readonly<Record<string, string | boolean>>> = {
  files: { multiple: true },
  folder: { webkitdirectory: true },
  camera: { accept: 'image/*', capture: 'environment' },
}

export function createChoosers(chosen: (found: Found) => void): Choosers {
  const inputs = new Map<Choice, HTMLInputElement>()
  const place = element('div', { hidden: true })
  for (const what of ['files', 'folder', 'camera'] as const) {
    const input = element('input', { type: 'file', 'data-choice': what, ...kinds[what] })
    input.addEventListener('change', () => {
      chosen(filesOf(input.files ?? []))
      input.value = '' // so that choosing the same file again is a change
    })
    inputs.set(what, input)
    place.append(input)
  }
  return { element: place, choose: (what) => inputs.get(what)?.click() }
}
