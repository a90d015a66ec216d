/** All uploads: their rows, what they come to together, and what can be done with all of them. */
import { button, element } from '../dom.ts'
import { formatBytes, formatRate } from '../format.ts'
import { visibleName } from '../display-name.ts'
import { isFinished, isUnderWay, sentOf } from './upload-item.ts'
import type { Item } from './upload-item.ts'
import { leftWords } from './time-remaining.ts'
import { createMeter } from './transfer-rate.ts'
import { createRow } from './row.ts'
import type { Row, RowActs } from './row.ts'
import { strings } from './strings.ts'

export interface PanelOptions extends RowActs {
  readonly remove: (item: Item) => void
  /** Says something to a screen reader. */
  readonly announce: (words: string) => void
  /** Called when the last row has gone or the first has come. */
  readonly filled: (isFull: boolean) => void
}

/** Milliseconds between two looks at what changed: quick for eyes, easy on the page. */
const beat = 100
/** Of so many files each is worth a word when it is done; of more, all of them together. */
const few = 3
/** Bytes worth a word when a quarter of them has gone. */
const large = 5_000_000

const isPaused = ({ state }: Item): boolean => state.is === 'paused'
const isOpen = (item: Item): boolean => !isFinished(item)

export type Panel = ReturnType<typeof createPanel>

export function createPanel(options: PanelOptions) {
  const { announce, pause, resume, cancel, remove } = options
  const rows = new Map<Item, Row>()
  const changed = new Set<Item>()
  let meter = createMeter()
  let beating: ReturnType<typeof setTimeout> | undefined
  let isHeld = false
  let wasBusy = false
  let wasCut = false
  let quarters = 0

  const heading = element('h2', { id: 'uploads', tabindex: -1 }, strings.uploads)
  const tally = element('p', { class: 'tally' })
  const total = element('progress', { part: 'progress', max: 1, 'aria-label': strings.total })
  const list = element('ul', { role: 'list' })
  /** What is to be known of no upload alone. */
  const note = element('p', { class: 'note', hidden: true })
  const each = (wanted: (item: Item) => boolean, act: (item: Item) => void) => () => {
    for (const item of [...rows.keys()].filter(wanted)) act(item)
    heading.focus()
    update()
  }
  const quiet = { class: 'quiet', part: 'button' }
  const pauseAll = button(strings.pauseAll, each(isUnderWay, pause), quiet)
  const resumeAll = button(strings.resumeAll, each(isPaused, resume), quiet)
  const cancelAll = button(strings.cancelAll, each(isOpen, cancel), quiet)
  const clear = button(
    strings.clear,
    () => {
      showNote('')
      each(isFinished, drop)()
    },
    quiet,
  )
  const panel = element(
    'section',
    { class: 'panel', part: 'panel', 'aria-labelledby': heading.id, hidden: true },
    element(
      'div',
      { class: 'panel-head' },
      element('div', { class: 'panel-words' }, heading, tally),
      element('div', { class: 'panel-actions' }, pauseAll, resumeAll, cancelAll, clear),
    ),
    note,
    total,
    list,
  )

  function showNote(words: string): void {
    note.textContent = words
    note.hidden = words === ''
  }

  function drop(item: Item): void {
    rows.get(item)?.element.remove()
    rows.delete(item)
    changed.delete(item)
    remove(item)
  }

  function soon(): void {
    beating ??= setTimeout(() => {
      beating = undefined
      update()
    }, beat)
  }

  function update(): void {
    for (const item of changed) rows.get(item)?.update(isHeld)
    changed.clear()
    const items = [...rows.keys()]
    showTotal(items)
    panel.hidden = items.length === 0 && note.hidden
    options.filled(!panel.hidden)
    const now = {
      isBusy: items.some(isUnderWay),
      isCut: items.some(({ state }) => state.is === 'cut'),
    }
    if (now.isCut !== wasCut) announce(now.isCut ? strings.announceCut : strings.announceBack)
    const stored = items.filter(({ state }) => state.is === 'stored')
    const isAll = wasBusy && !now.isBusy && stored.length > 1 && stored.length === items.length
    if (isAll) announce(strings.announceAll(stored.length))
    wasBusy = now.isBusy
    wasCut = now.isCut
  }

  function showTotal(items: readonly Item[]): void {
    const sum = (of: (item: Item) => number) => items.reduce((all, item) => all + of(item), 0)
    const counted = items.filter(({ state }) => !['failed', 'cancelled'].includes(state.is))
    const size = counted.reduce((all, item) => all + item.size, 0)
    const sent = counted.reduce((all, item) => all + sentOf(item), 0)
    const isMoving = items.some(({ state }) => state.is === 'sending')
    if (!isMoving) meter = createMeter()
    const rate = isMoving ? meter.rate(sum(sentOf)) : 0
    const isBusy = items.some(isUnderWay)
    const done = items.filter(({ state }) => state.is === 'stored').length
    tally.hidden = items.length === 0
    tally.textContent = strings.parts(
      strings.tally(done, items.length),
      isBusy ? strings.sentOf(formatBytes(sent), formatBytes(size)) : '',
      formatRate(rate),
      leftWords(size - sent, rate),
    )
    total.hidden = !isBusy && !items.some(isPaused)
    total.max = Math.max(1, size)
    total.value = sent
    pauseAll.hidden = !isBusy
    resumeAll.hidden = isBusy || !items.some(isPaused)
    cancelAll.hidden = !items.some(isOpen)
    clear.hidden = !items.some(isFinished) && note.hidden
    const quarter = size < large || !isBusy ? 0 : Math.floor((4 * sent) / size)
    if (quarter > quarters && quarter < 4) announce(strings.announceHalf(quarter * 25))
    quarters = quarter
  }

  return {
    element: panel,
    get items(): readonly Item[] {
      return [...rows.keys()]
    },
    add(items: readonly Item[]): void {
      for (const item of items) {
        const row = createRow(item, options)
        rows.set(item, row)
        row.update(isHeld)
        list.append(row.element)
      }
      update()
    },
    changed(item: Item): void {
      if (!rows.has(item)) return
      changed.add(item)
      soon()
      const name = visibleName(item.name)
      if (item.state.is === 'stored' && rows.size <= few) announce(strings.announceStored(name))
      if (item.state.is !== 'failed') return
      announce(strings.announceFailed(name, item.state.problem.words))
    },
    /** @param words '' for none any more */
    note(words: string): void {
      showNote(words)
      update()
    },
    hold(on: boolean): void {
      isHeld = on
      for (const item of rows.keys()) changed.add(item)
      update()
    },
    clear(): void {
      for (const item of rows.keys()) drop(item)
      showNote('')
      update()
    },
  }
}
