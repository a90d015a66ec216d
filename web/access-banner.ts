/** The permission banner: what Driveway may do in the open folder; expands to how the operator can change it. */
import { element } from './dom.ts'
import { icon } from './icons.ts'
import { strings } from './strings.ts'
import type { Profile } from './api/types.ts'

export interface AccessBanner {
  readonly element: HTMLElement
  /** @param writable whether files may be added to the open folder */
  show(isWritable: boolean): void
}

export function createAccessBanner(profile: Profile): AccessBanner {
  const text = element('span')
  const { [profile]: operator } = strings.accessOperator
  const content = [icon('eye'), text]
  const banner =
    operator === null
      ? element('p', { class: 'access-banner' }, ...content)
      : element(
          'details',
          { class: 'access-banner' },
          element('summary', {}, ...content, icon('down')),
          element('p', {}, operator),
        )
  return {
    element: banner,
    show(isWritable) {
      text.textContent = isWritable ? strings.access[profile] : strings.accessReadOnly
      banner.classList.toggle('access-read-only', !isWritable)
    },
  }
}
