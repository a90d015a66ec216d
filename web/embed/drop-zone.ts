/** The drop zone of `<driveway-upload>`: sign-in, file pickers and drop target. */
import { button, element } from '../dom.ts'
import type { Problem } from '../api/problem.ts'
import { icon } from '../uploader/icons.ts'
import type { PickerKind } from '../uploader/index.ts'
import { strings } from '../uploader/strings.ts'

export interface DropZoneActions {
  readonly showPicker: (kind: PickerKind) => void
  readonly signIn: () => void
  readonly signOut: () => void
  readonly retry: () => void
}

const paragraph = (text: string, className = '') => element('p', { class: className }, text)
const primaryButton = (label: string, onClick: () => void) =>
  button(label, onClick, { part: 'button' })
const secondaryButton = (label: string, onClick: () => void, className = '') =>
  button(label, onClick, { part: 'button', class: `secondary ${className}`.trim() })

export type DropZone = ReturnType<typeof createDropZone>

export function createDropZone(actions: DropZoneActions) {
  const dropZone = element('div', { class: 'drop-zone', part: 'drop-zone' })

  function show(state: string, ...children: (Node | null)[]): void {
    const root = dropZone.getRootNode() as Document | ShadowRoot
    const hadFocus = dropZone.contains(root.activeElement)
    dropZone.dataset['state'] = state
    dropZone.replaceChildren(...children.filter((child) => child !== null))
    if (hadFocus) dropZone.querySelector<HTMLElement>('button')?.focus()
  }

  return {
    element: dropZone,
    showLoading: () => show('loading', icon('upload'), paragraph(strings.dropZoneLoading)),
    /** @param reason why sign-in is required again; '' for none */
    showSignIn: (reason: string) =>
      show(
        'signed-out',
        icon('upload'),
        paragraph(strings.dropZoneTitle, 'drop-zone-title'),
        paragraph(reason || strings.dropZoneSignIn),
        primaryButton(strings.signIn, actions.signIn),
      ),
    /** @param email '' hides the account @param path folders below My Drive; '' for none */
    showReady: (email: string, path: string) =>
      show(
        'ready',
        icon('upload'),
        paragraph(strings.dropZonePrompt, 'drop-zone-title for-mouse'),
        paragraph(strings.dropZoneTitle, 'drop-zone-title for-touch'),
        paragraph(strings.dropZoneTarget(path)),
        element(
          'div',
          { class: 'drop-zone-actions' },
          primaryButton(strings.chooseFiles, () => actions.showPicker('files')),
          secondaryButton(strings.chooseFolder, () => actions.showPicker('folder')),
          secondaryButton(strings.takePhoto, () => actions.showPicker('camera'), 'for-touch'),
        ),
        email === ''
          ? null
          : element(
              'p',
              { class: 'drop-zone-account' },
              element('span', {}, strings.signedInAs(email)),
              button(strings.signOut, actions.signOut, { class: 'link' }),
            ),
      ),
    showError: ({ title, userMessage }: Pick<Problem, 'title' | 'userMessage'>) =>
      show(
        'error',
        element('p', { class: 'drop-zone-title', role: 'alert' }, title),
        userMessage === title ? null : paragraph(userMessage),
        secondaryButton(strings.retryRequest, actions.retry),
      ),
  }
}
