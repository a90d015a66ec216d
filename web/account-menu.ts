/** The account menu at the end of the page's header. */
import { isCrossOrigin } from './api/gateway-fetch.ts'
import { openDialog } from './dialog.ts'
import { element } from './dom.ts'
import { menuButton, openMenu } from './menu.ts'
import type { MenuItem } from './menu.ts'
import type { Route } from './route.ts'
import { folderRoute } from './route.ts'
import type { Problem } from './api/problem.ts'
import { strings } from './strings.ts'

export interface AccountMenuOptions {
  readonly email: string
  readonly navigate: (route: Route) => void
  readonly signOut: () => void
  /** Revokes the grant after the user confirms. */
  readonly disconnect: () => Promise<void>
  readonly onUnauthorized: (problem: Problem) => void
}

export function createAccountMenu(options: AccountMenuOptions): HTMLElement {
  const { email, navigate, signOut } = options
  const initial = element('span', { class: 'avatar', 'data-initial': email.slice(0, 1) })
  const name = element('span', { class: 'account-name' }, email)
  const label = strings.account(email)
  const button = menuButton(
    { class: 'account-button secondary', 'aria-label': label },
    initial,
    name,
  )
  button.addEventListener('click', () =>
    openMenu(button, label, [
      { text: element('strong', {}, email) },
      { label: strings.files, icon: 'folder', action: () => navigate(folderRoute([])) },
      {
        label: strings.tokens,
        icon: 'key',
        action: () => navigate({ view: 'tokens', crumbs: [] }),
      },
      {
        label: strings.approveDevice,
        icon: 'terminal',
        action: () => navigate({ view: 'device', code: '' }),
      },
      { label: strings.signOut, icon: 'sign-out', action: signOut },
      ...(isCrossOrigin ? [] : [disconnectItem(options)]),
    ]),
  )
  return button
}

function disconnectItem(options: AccountMenuOptions): MenuItem {
  return {
    label: strings.disconnect,
    icon: 'blocked',
    danger: true,
    action: () => openDisconnectDialog(options),
  }
}

function openDisconnectDialog({ email, disconnect, onUnauthorized }: AccountMenuOptions): void {
  const points = strings.disconnectEffects.map((point) => element('li', {}, point))
  openDialog({
    title: strings.disconnectTitle,
    content: [
      element('p', {}, strings.disconnectText(email)),
      element('ul', { class: 'bullet-list' }, ...points),
    ],
    action: strings.disconnectAction,
    danger: true,
    onSubmit: disconnect,
    onUnauthorized,
  })
}
