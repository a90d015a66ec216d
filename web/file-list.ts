/** The list of a place, page by page: files, none, or what went wrong. */
import { announce } from './live-region.ts'
import { listFiles } from './api/client.ts'
import type { FilesQuery } from './api/client.ts'
import { button, element } from './dom.ts'
import { icon } from './icons.ts'
import { createListing, skeleton } from './file-table.ts'
import type { Listing } from './file-table.ts'
import { createPager } from './load-more.ts'
import type { FilesPlace } from './route.ts'
import { asProblem } from './api/problem.ts'
import type { Problem } from './api/problem.ts'
import { orderBy } from './sort.ts'
import type { Sort } from './sort.ts'
import { strings } from './strings.ts'
import { folderOf, isSameFolder, nameOf } from './breadcrumbs.ts'
import type { Step } from './breadcrumbs.ts'
import { trouble } from './error-view.ts'
import type { DriveFile, FilesPage, Profile } from './api/types.ts'

export interface FileListOptions {
  readonly profile: Profile
  readonly open: (folder: Step) => void
  /** Called with a 401, in place of showing it here. */
  readonly lost: (problem: Problem) => void
  readonly sortBy: (sort: Sort) => void
  readonly upload: () => void
}

interface Shown {
  readonly place: FilesPlace
  readonly listing: Listing
  readonly query: FilesQuery
  readonly signal: AbortSignal
  writable: boolean
}

export function queryFor({ trail, search }: FilesPlace, sort: Sort): FilesQuery {
  const everywhere = search !== null && !search.here
  return {
    folder: everywhere ? null : (folderOf(trail)?.id ?? null),
    words: search?.words ?? '',
    orderBy: orderBy(sort),
  }
}

export function createFileList({ profile, open, lost, sortBy, upload }: FileListOptions) {
  const files = element('section', { class: 'files' })
  let loading = new AbortController()
  let shown: Shown | null = null

  async function show(place: FilesPlace, sort: Sort, writable: boolean): Promise<void> {
    loading.abort()
    loading = new AbortController()
    const { trail, search } = place
    const label =
      search === null ? strings.filesIn(nameOf(trail)) : strings.resultsFor(search.words)
    files.setAttribute('aria-label', label)
    const listing = createListing({ label, profile, open, sort, sortBy, lost })
    const query = queryFor(place, sort)
    // Searched or sorted anew, the list stays until the other one is there.
    const stays = shown !== null && isSameFolder(shown.place.trail, trail) && shown.listing.size > 0
    if (!stays) files.replaceChildren(skeleton())
    const now: Shown = { place, listing, query, signal: loading.signal, writable }
    shown = now
    await showFirstPage(now, () => void show(place, sort, now.writable))
  }

  async function showFirstPage(now: Shown, retry: () => void): Promise<void> {
    const { listing, query, signal } = now
    files.setAttribute('aria-busy', 'true')
    try {
      const page = await listFiles(query, undefined, signal)
      listing.append(page.files)
      fill(now, page)
      announce(openedWords(now))
    } catch (thrown) {
      if (signal.aborted) return
      const problem = asProblem(thrown)
      if (problem.status === 401) return lost(problem)
      files.replaceChildren(trouble(strings.listFailed, problem, retry))
    } finally {
      if (!signal.aborted) files.removeAttribute('aria-busy')
    }
  }

  function fill(now: Shown, { nextPageToken: next }: FilesPage): void {
    const { listing, query, signal } = now
    if (next === undefined) {
      listing.complete()
      return files.replaceChildren(listing.size === 0 ? nothing(now) : listing.element)
    }
    const load = (token: string) => listFiles(query, token, signal)
    const empty = () => files.replaceChildren(nothing(now))
    const pager = createPager({ listing, next, load, signal, lost, empty })
    files.replaceChildren(listing.element, pager)
  }

  function nothing({ place: { search }, writable }: Shown): HTMLElement {
    if (search !== null) {
      return emptiness('search', strings.nothingFound(search.words), strings.nothingFoundHint)
    }
    if (!writable) return emptiness('empty', strings.emptyTitle, strings.emptyClosed)
    const press = button([icon('upload'), strings.chooseFiles], upload, { class: 'quiet' })
    return emptiness('empty', strings.emptyTitle, strings.emptyHint, press)
  }

  return {
    element: files,
    show,
    /** Shows a file that has just been made here. */
    insert(file: DriveFile): void {
      if (shown === null || shown.place.search !== null) return
      shown.listing.insert(file)
      const { firstChild } = files
      const isEmpty = firstChild instanceof HTMLElement && firstChild.matches('.empty')
      if (isEmpty) files.replaceChildren(shown.listing.element)
    },
    /** It has become known whether files may be added. */
    allow(writable: boolean): void {
      if (shown === null || shown.writable === writable) return
      shown.writable = writable
      files.querySelector('.empty')?.replaceWith(nothing(shown))
    },
    close(): void {
      loading.abort()
      shown = null
    },
  }
}

function openedWords({ place: { trail, search }, listing }: Shown): string {
  return search === null
    ? strings.opened(nameOf(trail), listing.size)
    : strings.found(search.words, listing.size)
}

function emptiness(
  drawing: 'empty' | 'search',
  title: string,
  hint: string,
  ...more: Node[]
): HTMLElement {
  return element(
    'div',
    { class: 'empty' },
    icon(drawing),
    element('p', { class: 'empty-title' }, title),
    element('p', {}, hint),
    ...more,
  )
}
