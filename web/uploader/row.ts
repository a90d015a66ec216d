/** One upload as a row that follows its state. Only what changed is written, so focus and reading stay. */
import { button, element } from '../dom.ts'
import { formatBytes, formatRate } from '../format.ts'
import { httpsLink } from '../links.ts'
import { nameElement, visibleName } from '../display-name.ts'
import { icon } from './icons.ts'
import type { IconName } from './icons.ts'
import { sentOf } from './upload-item.ts'
import type { Item } from './upload-item.ts'
import { strings } from './strings.ts'

export interface RowActs {
  readonly pause: (item: Item) => void
  /** Goes on, or tries once more. */
  readonly resume: (item: Item) => void
  readonly cancel: (item: Item) => void
  readonly chooseAgain: (item: Item) => void
}

export interface Row {
  readonly element: HTMLElement
  /** @param held whether nothing is sent because nobody is signed in */
  update(held: boolean): void
}

type Act = 'pause' | 'resume' | 'retry' | 'again' | 'cancel' | 'open'

export function createRow(item: Item, acts: RowActs): Row {
  const name = visibleName(item.name)
  const words = element('p', { class: 'upload-words' })
  const progress = element('progress', {
    part: 'progress',
    max: Math.max(1, item.size),
    'aria-label': strings.progressOf(name),
  })
  const actions = element('span', { class: 'upload-actions' })
  const title = element('p', { class: 'upload-name', title: name }, nameElement(item.name))
  const row = element('li', { class: 'upload', part: 'upload' }, title, words, progress, actions)
  let shown = ''

  function press(label: string, drawing: IconName, act: (item: Item) => void): HTMLElement {
    const attributes = { class: 'small-button', 'aria-label': label, title: label }
    return button(icon(drawing), () => act(item), attributes)
  }

  function make(act: Act): HTMLElement | null {
    if (act === 'pause') return press(strings.pause(name), 'pause', acts.pause)
    if (act === 'resume') return press(strings.resume(name), 'resume', acts.resume)
    if (act === 'retry') return press(strings.retry(name), 'retry', acts.resume)
    if (act === 'cancel') return press(strings.cancel(name), 'cancel', acts.cancel)
    if (act === 'again') {
      const attributes = { class: 'quiet', 'aria-label': strings.chooseAgain(name) }
      return button(strings.again, () => acts.chooseAgain(item), attributes)
    }
    return linkToDrive(item, name)
  }

  return {
    element: row,
    update(held) {
      const { state } = item
      row.dataset['state'] = state.is
      const said = wordsFor(item, held)
      if (words.textContent !== said) words.textContent = said
      progress.hidden = !['sending', 'cut', 'paused', 'checking'].includes(state.is)
      if (state.is === 'checking') progress.removeAttribute('value')
      else progress.value = sentOf(item)
      const wanted = actsFor(item)
      if (wanted.join() === shown) return
      shown = wanted.join()
      const root = actions.getRootNode() as Document | ShadowRoot
      const isFocused = actions.contains(root.activeElement)
      actions.replaceChildren(...wanted.map(make).filter((made) => made !== null))
      if (isFocused) actions.querySelector<HTMLElement>('a, button')?.focus()
    },
  }
}

function actsFor({ state }: Item): Act[] {
  switch (state.is) {
    case 'stored':
      return ['open']
    case 'failed':
      return state.final ? [] : ['retry']
    case 'cancelled':
      return ['retry']
    case 'paused':
      return ['resume', 'cancel']
    case 'missing':
      return ['again', 'cancel']
    case 'checking':
      return ['cancel']
    default:
      return ['pause', 'cancel']
  }
}

function linkToDrive({ state }: Item, name: string): HTMLElement | null {
  const href = state.is === 'stored' ? httpsLink(state.file.webViewLink) : null
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

/** Without the folders into which everything goes. */
function pathBelow({ path, target: { name } }: Item): string {
  if (path === name) return ''
  return path.startsWith(`${name}/`) ? path.slice(name.length + 1) : path
}

function wordsFor(item: Item, held: boolean): string {
  const { state, size } = item
  const path = pathBelow(item)
  const { parts, sentOf: ofAll } = strings
  const sent = ofAll(formatBytes(sentOf(item)), formatBytes(size))
  switch (state.is) {
    case 'waiting':
      return parts(path, held ? strings.held : strings.waiting)
    case 'sending':
      return parts(path, sent, formatRate(state.rate))
    case 'cut':
      return parts(path, sent, strings.cut)
    case 'paused':
      return parts(path, sent, strings.paused)
    case 'stored':
      return parts(path, strings.stored(formatBytes(size)))
    case 'failed':
      return state.problem.words
    default:
      return parts(path, strings[state.is])
  }
}
