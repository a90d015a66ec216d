/** Who is here, and what that person can do about it: at the end of the page's header. */
import { openDialog } from './dialog.ts'
import { element } from './dom.ts'
import { menuButton, openMenu } from './menu.ts'
import type { Place } from './route.ts'
import { inFolder } from './route.ts'
import type { Problem } from './api/problem.ts'
import { strings } from './strings.ts'

export interface AccountOptions {
  readonly email: string
  readonly go: (place: Place) => void
  readonly signOut: () => void
  /** Ends the grant, once the person has confirmed it. */
  readonly disconnect: () => Promise<void>
  readonly lost: (problem: Problem) => void
}

export function accountButton(options: AccountOptions): HTMLElement {
  const { email, go, signOut } = options
  const initial = element('span', { class: 'avatar', 'data-initial': email.slice(0, 1) })
  const name = element('span', { class: 'account-name' }, email)
  const label = strings.account(email)
  const made = menuButton({ class: 'account-button quiet', 'aria-label': label }, initial, name)
  made.addEventListener('click', () =>
    openMenu(made, label, [
      { words: element('strong', {}, email) },
      { label: strings.files, icon: 'folder', does: () => go(inFolder([])) },
      { label: strings.tokens, icon: 'key', does: () => go({ view: 'tokens', trail: [] }) },
      {
        label: strings.approveDevice,
        icon: 'terminal',
        does: () => go({ view: 'device', code: '' }),
      },
      { label: strings.signOut, icon: 'leave', does: signOut },
      {
        label: strings.disconnect,
        icon: 'closed',
        danger: true,
        does: () => askToDisconnect(options),
      },
    ]),
  )
  return made
}

function askToDisconnect({ email, disconnect, lost }: AccountOptions): void {
  const points = strings.disconnectPoints.map((point) => element('li', {}, point))
  openDialog({
    title: strings.disconnectTitle,
    content: [
      element('p', {}, strings.disconnectWords(email)),
      element('ul', { class: 'points' }, ...points),
    ],
    action: strings.disconnectAction,
    danger: true,
    act: disconnect,
    lost,
  })
}
