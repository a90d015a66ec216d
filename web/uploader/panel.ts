/** The upload panel: rows, overall progress, and actions on all uploads. */
import { button, element } from '../dom.ts'
import { formatBytes, formatRate } from '../format.ts'
import { visibleName } from '../display-name.ts'
import { isActive, isFinished, sentBytes } from './upload-item.ts'
import type { UploadItem } from './upload-item.ts'
import { formatTimeRemaining } from './time-remaining.ts'
import { createTransferRate } from './transfer-rate.ts'
import { createRow } from './row.ts'
import type { Row, RowActions } from './row.ts'
import { strings } from './strings.ts'

export interface PanelOptions extends RowActions {
  readonly remove: (item: UploadItem) => void
  /** Announces a message to screen readers. */
  readonly announce: (message: string) => void
  /** Called when the panel becomes empty or non-empty. */
  readonly onVisibilityChange: (isVisible: boolean) => void
}

const updateIntervalMs = 100
/** Up to this number of uploads, each is announced when stored; above it, only all of them. */
const maxSingleAnnouncements = 3
/** Total size from which each quarter of the progress is announced. */
const minAnnouncedBytes = 5_000_000

const isPaused = ({ state }: UploadItem): boolean => state.status === 'paused'
const sum = (items: readonly UploadItem[], bytes: (item: UploadItem) => number): number =>
  items.reduce((total, item) => total + bytes(item), 0)
const isOpen = (item: UploadItem): boolean => !isFinished(item)

export type Panel = ReturnType<typeof createPanel>

export function createPanel(options: PanelOptions) {
  const { announce, pause, resume, cancel, remove } = options
  const rows = new Map<UploadItem, Row>()
  const changedItems = new Set<UploadItem>()
  let transferRate = createTransferRate()
  let updateTimer: ReturnType<typeof setTimeout> | undefined
  let isOnHold = false
  let wasBusy = false
  let wasReconnecting = false
  let announcedQuarter = 0

  const heading = element('h2', { id: 'uploads', tabindex: -1 }, strings.uploads)
  const summary = element('p', { class: 'panel-summary' })
  const total = element('progress', { part: 'progress', max: 1, 'aria-label': strings.total })
  const list = element('ul', { role: 'list' })
  /** A message about no single upload. */
  const message = element('p', { class: 'panel-message', hidden: true })
  const forEach = (matches: (item: UploadItem) => boolean, action: (item: UploadItem) => void) => {
    return () => {
      for (const item of [...rows.keys()].filter(matches)) action(item)
      heading.focus()
      update()
    }
  }
  const secondary = { class: 'secondary', part: 'button' }
  const pauseAll = button(strings.pauseAll, forEach(isActive, pause), secondary)
  const resumeAll = button(strings.resumeAll, forEach(isPaused, resume), secondary)
  const cancelAll = button(strings.cancelAll, forEach(isOpen, cancel), secondary)
  const clear = button(
    strings.clear,
    () => {
      setMessage('')
      forEach(isFinished, removeRow)()
    },
    secondary,
  )
  const panel = element(
    'section',
    { class: 'panel', part: 'panel', 'aria-labelledby': heading.id, hidden: true },
    element(
      'div',
      { class: 'panel-header' },
      element('div', { class: 'panel-title' }, heading, summary),
      element('div', { class: 'panel-actions' }, pauseAll, resumeAll, cancelAll, clear),
    ),
    message,
    total,
    list,
  )

  function setMessage(text: string): void {
    message.textContent = text
    message.hidden = text === ''
  }

  function removeRow(item: UploadItem): void {
    rows.get(item)?.element.remove()
    rows.delete(item)
    changedItems.delete(item)
    remove(item)
  }

  function scheduleUpdate(): void {
    updateTimer ??= setTimeout(() => {
      updateTimer = undefined
      update()
    }, updateIntervalMs)
  }

  function update(): void {
    for (const item of changedItems) rows.get(item)?.update(isOnHold)
    changedItems.clear()
    const items = [...rows.keys()]
    updateTotal(items)
    panel.hidden = items.length === 0 && message.hidden
    options.onVisibilityChange(!panel.hidden)
    const isBusy = items.some(isActive)
    const isReconnecting = items.some(({ state }) => state.status === 'reconnecting')
    if (isReconnecting !== wasReconnecting) {
      announce(isReconnecting ? strings.announceDisconnected : strings.announceReconnected)
    }
    const stored = items.filter(({ state }) => state.status === 'stored')
    if (wasBusy && !isBusy && stored.length > 1 && stored.length === items.length) {
      announce(strings.announceAllStored(stored.length))
    }
    wasBusy = isBusy
    wasReconnecting = isReconnecting
  }

  function updateTotal(items: readonly UploadItem[]): void {
    const counted = items.filter(({ state }) => !['failed', 'cancelled'].includes(state.status))
    const size = sum(counted, (item) => item.size)
    const sent = sum(counted, sentBytes)
    const isUploading = items.some(({ state }) => state.status === 'uploading')
    if (!isUploading) transferRate = createTransferRate()
    const rate = isUploading ? transferRate.update(sum(items, sentBytes)) : 0
    const isBusy = items.some(isActive)
    const stored = items.filter(({ state }) => state.status === 'stored').length
    summary.hidden = items.length === 0
    summary.textContent = strings.join(
      strings.storedCount(stored, items.length),
      isBusy ? strings.sentOf(formatBytes(sent), formatBytes(size)) : '',
      formatRate(rate),
      formatTimeRemaining(size - sent, rate),
    )
    total.hidden = !isBusy && !items.some(isPaused)
    total.max = Math.max(1, size)
    total.value = sent
    pauseAll.hidden = !isBusy
    resumeAll.hidden = isBusy || !items.some(isPaused)
    cancelAll.hidden = !items.some(isOpen)
    clear.hidden = !items.some(isFinished) && message.hidden
    const quarter = size < minAnnouncedBytes || !isBusy ? 0 : Math.floor((4 * sent) / size)
    if (quarter > announcedQuarter && quarter < 4) announce(strings.announceProgress(quarter * 25))
    announcedQuarter = quarter
  }

  return {
    element: panel,
    get items(): readonly UploadItem[] {
      return [...rows.keys()]
    },
    add(items: readonly UploadItem[]): void {
      for (const item of items) {
        const row = createRow(item, options)
        rows.set(item, row)
        row.update(isOnHold)
        list.append(row.element)
      }
      update()
    },
    onChange(item: UploadItem): void {
      if (!rows.has(item)) return
      changedItems.add(item)
      scheduleUpdate()
      const name = visibleName(item.name)
      const { state } = item
      if (state.status === 'stored' && rows.size <= maxSingleAnnouncements) {
        announce(strings.announceStored(name))
      }
      if (state.status !== 'failed') return
      announce(strings.announceFailed(name, state.problem.userMessage))
    },
    /** @param text '' removes the message */
    showMessage(text: string): void {
      setMessage(text)
      update()
    },
    setOnHold(value: boolean): void {
      isOnHold = value
      for (const item of rows.keys()) changedItems.add(item)
      update()
    },
    clear(): void {
      for (const item of rows.keys()) removeRow(item)
      setMessage('')
      update()
    },
  }
}
