/** A problem where the content would have been: its words, its request, and the way to try again. */
import { button, element } from './dom.ts'
import { icon } from './icons.ts'
import type { Problem } from './api/problem.ts'
import { strings } from './strings.ts'

export function trouble(title: string, problem: Problem, retry: () => void): HTMLElement {
  const { requestId, words } = problem
  return element(
    'div',
    { class: 'trouble', role: 'alert' },
    icon('alert'),
    element(
      'div',
      {},
      element('p', { class: 'trouble-title' }, title),
      words === title ? null : element('p', {}, words),
      requestId === '' ? null : element('p', { class: 'small' }, strings.requestId(requestId)),
    ),
    button(strings.retry, retry, { class: 'quiet' }),
  )
}

const place = element('div', { class: 'notices' })

/** Where notices show up, wherever the page stands. */
export const notices: Node = place

/**
 * A word about something that just failed, until the person dismisses it.
 *
 * @returns takes it away again
 */
export function notify(words: string): () => void {
  const notice = element('div', { class: 'notice', role: 'alert' }, element('p', {}, words))
  notice.append(button(strings.dismiss, () => notice.remove(), { class: 'quiet' }))
  place.replaceChildren(notice)
  return () => notice.remove()
}

export function dismissNotices(): void {
  place.replaceChildren()
}
