/** The list of sessions: where and when each browser or page has signed in, and a button to end it. */
import { announce } from './live-region.ts'
import { endSession, listSessions } from './api/client.ts'
import { openDialog } from './dialog.ts'
import { button, element } from './dom.ts'
import { formatDateTime, formatRelative } from './format.ts'
import { icon } from './icons.ts'
import { loadingSkeleton } from './file-table.ts'
import { nameElement, visibleName } from './display-name.ts'
import { toProblem } from './api/problem.ts'
import type { Problem } from './api/problem.ts'
import { strings } from './strings.ts'
import { errorView } from './error-view.ts'
import type { AccountSession } from './api/token-types.ts'

export function createSessionList(onUnauthorized: (problem: Problem) => void) {
  const list = element('ul', { role: 'list', class: 'tokens' })
  const heading = element('h2', { id: 'sessions-title', tabindex: -1 }, strings.yourSessions)
  const container = element('div')

  async function load(signal: AbortSignal): Promise<void> {
    container.replaceChildren(loadingSkeleton())
    try {
      list.replaceChildren(...(await listSessions(signal)).map(sessionRow))
      container.replaceChildren(list)
    } catch (error) {
      if (signal.aborted) return
      const problem = toProblem(error)
      if (problem.status === 401) return onUnauthorized(problem)
      container.replaceChildren(errorView(strings.sessionsFailed, problem, () => void load(signal)))
    }
  }

  function sessionRow(session: AccountSession): HTMLElement {
    const name = sessionName(session)
    const { address, created, lastUsed, current } = session
    const row = element(
      'li',
      { class: 'token' },
      element('span', { class: 'icon-tile' }, icon('key')),
      element(
        'div',
        { class: 'token-details' },
        element('h3', {}, nameElement(name)),
        element('p', { class: 'small' }, address === '' ? strings.unknownAddress : address),
        element(
          'p',
          { class: 'small', title: created === null ? null : formatDateTime(created) },
          [
            current ? strings.currentSession : '',
            created === null ? '' : strings.signedIn(formatRelative(created)),
            lastUsed === null || current ? '' : strings.lastUsed(formatRelative(lastUsed)),
          ]
            .filter((part) => part !== '')
            .join(' · '),
        ),
      ),
      // The account menu ends the current session, after it has ended its uploads.
      current
        ? null
        : button(strings.endSession, () => openEndDialog(session, row), {
            class: 'secondary danger',
            'aria-label': strings.endSessionNamed(visibleName(name)),
          }),
    )
    return row
  }

  function openEndDialog(session: AccountSession, row: HTMLElement): void {
    const name = visibleName(sessionName(session))
    openDialog({
      title: strings.endSessionTitle(name),
      content: [element('p', {}, strings.endSessionText)],
      action: strings.endSession,
      danger: true,
      async onSubmit() {
        await endSession(session.id)
        row.remove()
        announce(strings.sessionEnded(name))
        heading.focus()
      },
      onUnauthorized,
    })
  }

  return {
    element: element(
      'section',
      { class: 'card', 'aria-labelledby': heading.id },
      heading,
      container,
    ),
    load,
  }
}

function sessionName({ origin, userAgent }: AccountSession): string {
  return origin ?? (userAgent === '' ? strings.unknownBrowser : userAgent)
}
