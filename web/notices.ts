/** Dismissible notices below the page's header. */
import { button, element } from './dom.ts'
import { strings } from './strings.ts'

const container = element('div', { class: 'notices' })

export const noticesElement: Node = container

/**
 * Shows a notice, which replaces the previous one.
 *
 * @returns removes the notice
 */
export function showNotice(message: string): () => void {
  const notice = element('div', { class: 'notice', role: 'alert' }, element('p', {}, message))
  notice.append(button(strings.dismiss, () => notice.remove(), { class: 'secondary' }))
  container.replaceChildren(notice)
  return () => notice.remove()
}

export function dismissNotices(): void {
  container.replaceChildren()
}
