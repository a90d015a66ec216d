/** One folder after another: breadcrumbs, its name, and its files page by page. */
import { listFiles } from './api.ts'
import { announce } from './announce.ts'
import { button, element } from './element.ts'
import { icon } from './icons.ts'
import { folderLink } from './links.ts'
import { createListing, skeleton } from './listing.ts'
import type { Listing } from './listing.ts'
import { Problem, asProblem } from './problem.ts'
import { strings } from './strings.ts'
import { nameOf } from './trail.ts'
import type { Trail } from './trail.ts'
import { trouble } from './trouble.ts'
import type { DriveFile } from './wire.ts'

export interface FolderView {
  readonly crumbs: HTMLElement
  readonly heading: HTMLElement
  readonly files: HTMLElement
  readonly show: (trail: Trail) => void
  /** Shows an uploaded file, if its folder is the open one. */
  readonly add: (file: DriveFile, trail: Trail) => void
  readonly close: () => void
}

export interface FolderOptions {
  readonly open: (trail: Trail) => void
  /** Called with a 401, in place of showing it here. */
  readonly lost: (problem: Problem) => void
}

export function createFolderView({ open, lost }: FolderOptions): FolderView {
  const crumbs = element('nav', { class: 'crumbs', 'aria-label': strings.breadcrumb })
  const heading = element('h1', { tabindex: -1 })
  const files = element('section', { class: 'files' })
  let loading = new AbortController()
  let current: { readonly trail: Trail; readonly listing: Listing } | null = null

  function show(trail: Trail): void {
    loading.abort()
    loading = new AbortController()
    const name = nameOf(trail)
    heading.replaceChildren(element('bdi', {}, name))
    document.title = trail.length === 0 ? 'Driveway' : `${name} – Driveway`
    crumbs.hidden = trail.length === 0
    crumbs.replaceChildren(crumbList(trail, open))
    files.setAttribute('aria-label', strings.filesIn(name))
    current = { trail, listing: createListing(trail, strings.filesIn(name), open) }
    void showFirstPage(trail, current.listing, loading.signal)
  }

  async function showFirstPage(trail: Trail, listing: Listing, signal: AbortSignal): Promise<void> {
    const retry = () => {
      show(trail)
      heading.focus()
    }
    files.setAttribute('aria-busy', 'true')
    files.replaceChildren(skeleton())
    try {
      const page = await listFiles(trail.at(-1)?.id ?? null, null, signal)
      listing.append(page.files)
      fill(trail, listing, page.nextPageToken, signal)
      announce(strings.opened(nameOf(trail), listing.size))
    } catch (thrown) {
      if (signal.aborted) return
      const problem = asProblem(thrown)
      if (problem.status === 401) return lost(problem)
      files.replaceChildren(trouble(strings.listFailed, problem, retry))
    } finally {
      if (!signal.aborted) files.removeAttribute('aria-busy')
    }
  }

  function fill(
    trail: Trail,
    listing: Listing,
    next: string | undefined,
    signal: AbortSignal,
  ): void {
    if (listing.size === 0 && next === undefined) return files.replaceChildren(emptyFolder())
    files.replaceChildren(listing.element)
    if (next !== undefined) files.append(createPager(trail, listing, next, signal, lost))
  }

  return {
    crumbs,
    heading,
    files,
    show,
    add(file, trail) {
      if (current === null || current.trail.at(-1)?.id !== trail.at(-1)?.id) return
      current.listing.insert(file)
      if (files.firstChild instanceof HTMLElement && files.firstChild.matches('.empty')) {
        files.replaceChildren(current.listing.element)
      }
    },
    close() {
      loading.abort()
      current = null
    },
  }
}

/** The button under a list that has more; it presses itself when it scrolls into view. */
function createPager(
  trail: Trail,
  listing: Listing,
  first: string,
  signal: AbortSignal,
  lost: (problem: Problem) => void,
): HTMLElement {
  let next = first
  let busy = false
  const words = element('p', { class: 'small' })
  const more = button(strings.showMore, () => void load(true), { class: 'quiet' })
  const pager = element('div', { class: 'pager' })
  const seen = new IntersectionObserver(
    ([entry]) => {
      if (entry?.isIntersecting === true) void load(false)
    },
    { rootMargin: '300px' },
  )
  signal.addEventListener('abort', () => seen.disconnect())
  rest()

  function rest(): void {
    words.textContent = strings.shown(listing.size)
    more.textContent = strings.showMore
    if (!more.isConnected) pager.replaceChildren(more, words)
    seen.observe(more) // tells at once whether the button is in view
  }

  async function load(pressed: boolean): Promise<void> {
    if (busy) return
    busy = true
    seen.unobserve(more)
    more.textContent = strings.loading
    try {
      const page = await listFiles(trail.at(-1)?.id ?? null, next, signal)
      const rows = listing.append(page.files)
      announce(strings.moreShown(rows.length, listing.size))
      if (pressed) focusFirstLink(rows)
      if (page.nextPageToken === undefined) return end()
      next = page.nextPageToken
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
    void load(true)
  }

  function end(): void {
    seen.disconnect()
    if (listing.size === 0) return listing.element.replaceWith(emptyFolder()) // Drive has empty pages
    words.textContent = strings.shown(listing.size)
    pager.replaceChildren(words)
  }

  return pager
}

function focusFirstLink(rows: readonly HTMLElement[]): void {
  const links = rows.map((row) => row.querySelector('a'))
  links.find((link) => link !== null)?.focus()
}

function crumbList(trail: Trail, open: (trail: Trail) => void): HTMLElement {
  const list = element('ol', { role: 'list' })
  list.append(element('li', {}, folderLink([], open, 'crumb', strings.root)))
  trail.forEach(({ name }, index) => {
    const here = index === trail.length - 1
    const label = element('bdi', {}, name)
    const crumb = here
      ? element('span', { class: 'crumb', 'aria-current': 'page' }, label)
      : folderLink(trail.slice(0, index + 1), open, 'crumb', label)
    list.append(element('li', {}, crumb))
  })
  return list
}

function emptyFolder(): HTMLElement {
  return element(
    'div',
    { class: 'empty' },
    icon('empty'),
    element('p', { class: 'empty-title' }, strings.emptyTitle),
    element('p', {}, strings.emptyHint),
  )
}
