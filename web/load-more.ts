/** The button under a list that has more; it presses itself shortly before it scrolls into view. */
import { announce } from './live-region.ts'
import { button, element } from './dom.ts'
import type { Listing } from './file-table.ts'
import { asProblem } from './api/problem.ts'
import type { Problem } from './api/problem.ts'
import { strings } from './strings.ts'
import { trouble } from './error-view.ts'
import type { FilesPage } from './api/types.ts'

export interface PagerOptions {
  readonly listing: Listing
  /** The token of the next page. */
  readonly next: string
  readonly load: (pageToken: string) => Promise<FilesPage>
  /** Ends the pager: another list was asked for. */
  readonly signal: AbortSignal
  readonly lost: (problem: Problem) => void
  /** Called when there is no more, and never was anything: Drive has empty pages. */
  readonly empty: () => void
}

/** How far below the window the end of the list may come before more is asked for. */
const ahead = '1600px'

export function createPager({ listing, signal, load, lost, empty, next }: PagerOptions) {
  let token = next
  let busy = false
  const words = element('p', { class: 'small' })
  const more = button(strings.showMore, () => void loadMore(true), { class: 'quiet' })
  const pager = element('div', { class: 'pager' })
  const seen = new IntersectionObserver(
    (entries) => {
      if (entries.some(({ isIntersecting }) => isIntersecting)) void loadMore(false)
    },
    { rootMargin: ahead },
  )
  signal.addEventListener('abort', () => seen.disconnect())
  rest()

  function rest(): void {
    words.textContent = strings.shown(listing.size)
    more.textContent = strings.showMore
    if (!more.isConnected) pager.replaceChildren(more, words)
    seen.observe(more) // tells at once whether the button is in view
  }

  async function loadMore(pressed: boolean): Promise<void> {
    if (busy) return
    busy = true
    seen.unobserve(more)
    more.textContent = strings.loading
    try {
      const page = await load(token)
      const rows = listing.append(page.files)
      announce(strings.moreShown(rows.length, listing.size))
      if (pressed) focusFirstLink(rows)
      if (page.nextPageToken === undefined) return end()
      token = page.nextPageToken
      rest()
    } catch (thrown) {
      if (signal.aborted) return
      const problem = asProblem(thrown)
      if (problem.status === 401) return lost(problem)
      pager.replaceChildren(trouble(strings.listFailed, problem, retry))
    } finally {
      busy = false
    }
  }

  function retry(): void {
    pager.replaceChildren(more, words)
    more.focus()
    void loadMore(true)
  }

  function end(): void {
    seen.disconnect()
    listing.complete()
    if (listing.size === 0) return empty()
    words.textContent = strings.shown(listing.size)
    pager.replaceChildren(words)
  }

  return pager
}

function focusFirstLink(rows: readonly HTMLElement[]): void {
  const links = rows.map((row) => row.querySelector('a'))
  links.find((link) => link !== null)?.focus()
}
