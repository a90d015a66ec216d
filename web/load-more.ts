/** Infinite scroll: a "Show more" button that loads the next page shortly before it scrolls into view. */
import { announce } from './live-region.ts'
import { button as createButton, element } from './dom.ts'
import type { FileTable } from './file-table.ts'
import { toProblem } from './api/problem.ts'
import type { Problem } from './api/problem.ts'
import { strings } from './strings.ts'
import { errorView } from './error-view.ts'
import type { FilesPage } from './api/types.ts'

export interface LoadMoreOptions {
  readonly table: FileTable
  /** The token of the next page. */
  readonly initialToken: string
  readonly load: (pageToken: string) => Promise<FilesPage>
  /** Aborted when another list replaces this one. */
  readonly signal: AbortSignal
  readonly onUnauthorized: (problem: Problem) => void
  /** Called when the last page is loaded and the list is empty: Drive may return empty pages. */
  readonly onEmpty: () => void
}

/** Distance between the viewport and the end of the list at which the next page is requested. */
const prefetchMargin = '1600px'

export function createLoadMore({
  table,
  signal,
  load,
  onUnauthorized,
  onEmpty,
  initialToken,
}: LoadMoreOptions) {
  let token = initialToken
  let isBusy = false
  const status = element('p', { class: 'small' })
  const button = createButton(strings.showMore, () => void loadMore(true), { class: 'secondary' })
  const container = element('div', { class: 'load-more' })
  const observer = new IntersectionObserver(
    (entries) => {
      if (entries.some(({ isIntersecting }) => isIntersecting)) void loadMore(false)
    },
    { rootMargin: prefetchMargin },
  )
  signal.addEventListener('abort', () => observer.disconnect())
  showIdle()

  function showIdle(): void {
    status.textContent = strings.shown(table.size)
    button.textContent = strings.showMore
    if (!button.isConnected) container.replaceChildren(button, status)
    observer.observe(button) // reports immediately whether the button is in view
  }

  async function loadMore(isPressed: boolean): Promise<void> {
    if (isBusy) return
    isBusy = true
    observer.unobserve(button)
    button.textContent = strings.loading
    try {
      const page = await load(token)
      const rows = table.append(page.files)
      announce(strings.moreLoaded(rows.length, table.size))
      if (isPressed) focusFirstLink(rows)
      if (page.nextPageToken === undefined) return showEnd()
      token = page.nextPageToken
      showIdle()
    } catch (error) {
      if (signal.aborted) return
      const problem = toProblem(error)
      if (problem.status === 401) return onUnauthorized(problem)
      container.replaceChildren(errorView(strings.listFailed, problem, retry))
    } finally {
      isBusy = false
    }
  }

  function retry(): void {
    container.replaceChildren(button, status)
    button.focus()
    void loadMore(true)
  }

  function showEnd(): void {
    observer.disconnect()
    table.complete()
    if (table.size === 0) return onEmpty()
    status.textContent = strings.shown(table.size)
    container.replaceChildren(status)
  }

  return container
}

function focusFirstLink(rows: readonly HTMLElement[]): void {
  const links = rows.map((row) => row.querySelector('a'))
  links.find((link) => link !== null)?.focus()
}
