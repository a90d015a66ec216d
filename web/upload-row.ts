/** One upload as a row that follows its state. Only what changed is written, so focus and reading stay. */
import { button, element } from './element.ts'
import { formatBytes, formatRate } from './format.ts'
import { driveLink, httpsLink } from './links.ts'
import { nameElement, visibleName } from './names.ts'
import type { Queue, State, Upload } from './queue.ts'
import { strings } from './strings.ts'

export interface UploadRow {
  readonly element: HTMLElement
  update(): void
}

export function createUploadRow(upload: Upload, queue: Queue): UploadRow {
  const name = visibleName(upload.file.name)
  const words = element('p', { class: 'upload-words' })
  const progress = element('progress', {
    max: Math.max(1, upload.file.size),
    'aria-label': strings.progressOf(name),
  })
  const action = element('span', { class: 'upload-action' })
  const title = element('p', { class: 'upload-name' }, nameElement(upload.file.name))
  const row = element('li', { class: 'upload' }, title, words, progress, action)
  let shown = ''

  function update(): void {
    const { state } = upload
    row.dataset['state'] = state.is
    words.textContent = wordsFor(upload, queue.paused)
    progress.hidden = state.is !== 'sending' && state.is !== 'checking'
    if (state.is === 'sending') progress.value = state.sent
    else progress.removeAttribute('value')
    const wanted = actionFor(state)
    if (wanted === shown) return
    shown = wanted
    replaceAction(wanted)
  }

  function replaceAction(wanted: string): void {
    const focused = action.contains(document.activeElement)
    if (wanted === 'cancel') {
      const label = strings.cancelNamed(name)
      const cancel = () => queue.cancel(upload)
      action.replaceChildren(
        button(strings.cancel, cancel, { class: 'quiet', 'aria-label': label }),
      )
    } else if (wanted === 'retry') {
      const label = strings.retryNamed(name)
      const retry = () => queue.add(upload)
      action.replaceChildren(button(strings.retry, retry, { class: 'quiet', 'aria-label': label }))
    } else {
      action.replaceChildren(...storedLink(upload.state, name))
    }
    if (focused) action.querySelector<HTMLElement>('a, button')?.focus()
  }

  update()
  return { element: row, update }
}

function actionFor(state: State): 'cancel' | 'retry' | 'open' | 'none' {
  if (state.is === 'stored') return 'open'
  if (state.is === 'cancelled') return 'retry'
  if (state.is === 'failed') return state.final ? 'none' : 'retry'
  return 'cancel'
}

function storedLink(state: State, name: string): HTMLElement[] {
  const href = state.is === 'stored' ? httpsLink(state.stored.webViewLink) : null
  if (href === null) return []
  const link = driveLink(href, strings.openInDrive)
  link.setAttribute('aria-label', strings.openInDriveNamed(name))
  return [link]
}

function wordsFor({ state, file }: Upload, paused: boolean): string {
  switch (state.is) {
    case 'waiting':
      return paused ? strings.paused : strings.waiting
    case 'sending':
      return strings.sending(
        formatBytes(state.sent),
        formatBytes(file.size),
        formatRate(state.rate),
      )
    case 'checking':
      return strings.checking
    case 'stored':
      return strings.stored(formatBytes(state.stored.size ?? file.size))
    case 'failed':
      return state.problem.words
    default:
      return state.late ? strings.cancelledLate : strings.cancelled
  }
}
