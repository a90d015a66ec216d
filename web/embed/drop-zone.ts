/** The place on somebody's page where files are dropped or chosen, and who does it. */
import { button, element } from '../dom.ts'
import type { Problem } from '../api/problem.ts'
import { icon } from '../uploader/icons.ts'
import type { Choice } from '../uploader/index.ts'
import { strings } from '../uploader/strings.ts'

export interface ZoneActs {
  readonly choose: (what: Choice) => void
  readonly signIn: () => void
  readonly signOut: () => void
  readonly retry: () => void
}

const words = (text: string, className = '') => element('p', { class: className }, text)
const press = (label: string, act: () => void, quiet = false) =>
  button(label, act, { part: 'button', class: quiet ? 'quiet' : 'main' })

export type Zone = ReturnType<typeof createZone>

export function createZone(acts: ZoneActs) {
  const zone = element('div', { class: 'zone', part: 'zone' })

  function show(state: string, ...children: (Node | null)[]): void {
    const root = zone.getRootNode() as Document | ShadowRoot
    const hadFocus = zone.contains(root.activeElement)
    zone.dataset['state'] = state
    zone.replaceChildren(...children.filter((child) => child !== null))
    if (hadFocus) zone.querySelector<HTMLElement>('button')?.focus()
  }

  return {
    element: zone,
    wait: () => show('waiting', icon('upload'), words(strings.zoneWaiting)),
    /** @param reason why the person has to sign in again, '' for none */
    askToSignIn: (reason: string) =>
      show(
        'signed-out',
        icon('upload'),
        words(strings.zoneTitle, 'zone-title'),
        words(reason || strings.zoneSignIn),
        press(strings.signIn, acts.signIn),
      ),
    offer: (email: string, into: string) =>
      show(
        'ready',
        icon('upload'),
        words(strings.zoneDrop, 'zone-title for-mouse'),
        words(strings.zoneTitle, 'zone-title for-touch'),
        words(into === '' ? strings.zoneIntoDrive : strings.zoneInto(into)),
        element(
          'div',
          { class: 'zone-actions' },
          press(strings.chooseFiles, () => acts.choose('files')),
          press(strings.chooseFolder, () => acts.choose('folder'), true),
          button(strings.takePhoto, () => acts.choose('camera'), {
            part: 'button',
            class: 'quiet for-touch',
          }),
        ),
        email === ''
          ? null
          : element(
              'p',
              { class: 'zone-who' },
              element('span', {}, strings.signedInAs(email)),
              button(strings.signOut, acts.signOut, { class: 'link' }),
            ),
      ),
    refuse: ({ title, words: said }: Pick<Problem, 'title' | 'words'>) =>
      show(
        'refused',
        element('p', { class: 'zone-title', role: 'alert' }, title),
        said === title ? null : words(said),
        press(strings.retryPlain, acts.retry, true),
      ),
  }
}
