/** What Driveway may do where the person is, in one line; and who can change it, on asking. */
import { element } from './dom.ts'
import { icon } from './icons.ts'
import { strings } from './strings.ts'
import type { Profile } from './api/types.ts'

export interface AccessNote {
  readonly element: HTMLElement
  /** @param writable whether files may be added to the open folder */
  show(writable: boolean): void
}

export function createAccessNote(profile: Profile): AccessNote {
  const words = element('span')
  const { [profile]: operator } = strings.accessOperator
  const line = [icon('eye'), words]
  const note =
    operator === null
      ? element('p', { class: 'access' }, ...line)
      : element(
          'details',
          { class: 'access' },
          element('summary', {}, ...line, icon('down')),
          element('p', {}, operator),
        )
  return {
    element: note,
    show(writable) {
      words.textContent = writable ? strings.access[profile] : strings.accessClosed
      note.classList.toggle('access-closed', !writable)
    },
  }
}
