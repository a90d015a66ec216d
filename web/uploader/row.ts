/** The row of one upload. It writes only what changed, so focus and screen readers are undisturbed. */
import { button, element } from '../dom.ts'
import { formatBytes, formatRate } from '../format.ts'
import { httpsLink } from '../links.ts'
import { nameElement, visibleName } from '../display-name.ts'
import { icon } from './icons.ts'
import type { IconName } from './icons.ts'
import { sentBytes } from './upload-item.ts'
import type { UploadItem } from './upload-item.ts'
import { strings } from './strings.ts'

export interface RowActions {
  readonly pause: (item: UploadItem) => void
  /** Resumes or retries. */
  readonly resume: (item: UploadItem) => void
  readonly cancel: (item: UploadItem) => void
  readonly chooseAgain: (item: UploadItem) => void
}

export interface Row {
  readonly element: HTMLElement
  /** @param isOnHold whether all uploads wait for sign-in */
  update(isOnHold: boolean): void
}

type RowAction = 'pause' | 'resume' | 'retry' | 'choose-again' | 'cancel' | 'open'

export function createRow(item: UploadItem, actions: RowActions): Row {
  const name = visibleName(item.name)
  const status = element('p', { class: 'upload-status' })
  const progress = element('progress', {
    part: 'progress',
    max: Math.max(1, item.size),
    'aria-label': strings.progressOf(name),
  })
  const controls = element('span', { class: 'upload-actions' })
  const title = element('p', { class: 'upload-name', title: name }, nameElement(item.name))
  const row = element('li', { class: 'upload', part: 'upload' }, title, status, progress, controls)
  let shownActions = ''

  function iconButton(label: string, iconName: IconName, action: (item: UploadItem) => void) {
    const attributes = { class: 'icon-button', 'aria-label': label, title: label }
    return button(icon(iconName), () => action(item), attributes)
  }

  function createControl(action: RowAction): HTMLElement | null {
    if (action === 'pause') return iconButton(strings.pause(name), 'pause', actions.pause)
    if (action === 'resume') return iconButton(strings.resume(name), 'resume', actions.resume)
    if (action === 'retry') return iconButton(strings.retry(name), 'retry', actions.resume)
    if (action === 'cancel') return iconButton(strings.cancel(name), 'cancel', actions.cancel)
    if (action === 'choose-again') {
      const attributes = { class: 'secondary', 'aria-label': strings.chooseAgainNamed(name) }
      return button(strings.chooseAgain, () => actions.chooseAgain(item), attributes)
    }
    return driveLink(item, name)
  }

  return {
    element: row,
    update(isOnHold) {
      const { state } = item
      row.dataset['state'] = state.status
      const text = statusText(item, isOnHold)
      if (status.textContent !== text) status.textContent = text
      progress.hidden = !['uploading', 'reconnecting', 'paused', 'verifying'].includes(state.status)
      if (state.status === 'verifying') progress.removeAttribute('value')
      else progress.value = sentBytes(item)
      const available = actionsFor(item)
      if (available.join() === shownActions) return
      shownActions = available.join()
      const root = controls.getRootNode() as Document | ShadowRoot
      const hadFocus = controls.contains(root.activeElement)
      controls.replaceChildren(...available.map(createControl).filter((node) => node !== null))
      if (hadFocus) controls.querySelector<HTMLElement>('a, button')?.focus()
    },
  }
}

function actionsFor({ state }: UploadItem): RowAction[] {
  switch (state.status) {
    case 'stored':
      return ['open']
    case 'failed':
      return state.isFinal ? [] : ['retry']
    case 'cancelled':
      return ['retry']
    case 'paused':
      return ['resume', 'cancel']
    case 'missing':
      return ['choose-again', 'cancel']
    case 'verifying':
      return ['cancel']
    default:
      return ['pause', 'cancel']
  }
}

function driveLink({ state }: UploadItem, name: string): HTMLElement | null {
  const href = state.status === 'stored' ? httpsLink(state.file.webViewLink) : null
  if (href === null) return null
  const attributes = {
    href,
    target: '_blank',
    rel: 'noopener noreferrer',
    title: strings.opensInDrive,
    'aria-label': strings.openNamed(name),
  }
  return element('a', attributes, strings.open)
}

/** The file's path without the target's own path. */
function pathBelow({ path, target: { name } }: UploadItem): string {
  if (path === name) return ''
  return path.startsWith(`${name}/`) ? path.slice(name.length + 1) : path
}

function statusText(item: UploadItem, isOnHold: boolean): string {
  const { state, size } = item
  const path = pathBelow(item)
  const { join } = strings
  const sent = strings.sentOf(formatBytes(sentBytes(item)), formatBytes(size))
  switch (state.status) {
    case 'waiting':
      return join(path, isOnHold ? strings.onHold : strings.waiting)
    case 'uploading':
      return join(path, sent, formatRate(state.rate))
    case 'reconnecting':
      return join(path, sent, strings.reconnecting)
    case 'paused':
      return join(path, sent, strings.paused)
    case 'stored':
      return join(path, strings.stored(formatBytes(size)))
    case 'failed':
      return state.problem.userMessage
    default:
      return join(path, strings[state.status])
  }
}
