/** The error panel shown in place of content: message, request id and a retry button. */
import { button, element } from './dom.ts'
import { icon } from './icons.ts'
import type { Problem } from './api/problem.ts'
import { strings } from './strings.ts'

export function errorView(title: string, problem: Problem, retry: () => void): HTMLElement {
  const { requestId, userMessage } = problem
  return element(
    'div',
    { class: 'error-panel', role: 'alert' },
    icon('alert'),
    element(
      'div',
      {},
      element('p', { class: 'error-title' }, title),
      userMessage === title ? null : element('p', {}, userMessage),
      requestId === '' ? null : element('p', { class: 'small' }, strings.requestId(requestId)),
    ),
    button(strings.retry, retry, { class: 'secondary' }),
  )
}
