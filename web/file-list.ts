/** The paginated file list of a folder or search: the table, the empty state or an error. */
import { announce } from './live-region.ts'
import { listFiles } from './api/client.ts'
import type { FilesQuery } from './api/client.ts'
import { button, element } from './dom.ts'
import { icon } from './icons.ts'
import { createFileTable, loadingSkeleton } from './file-table.ts'
import type { FileTable } from './file-table.ts'
import { createLoadMore } from './load-more.ts'
import type { FilesRoute } from './route.ts'
import { toProblem } from './api/problem.ts'
import type { Problem } from './api/problem.ts'
import { orderBy } from './sort.ts'
import type { Sort } from './sort.ts'
import { strings } from './strings.ts'
import { currentFolder, isSameFolder, currentFolderName } from './breadcrumbs.ts'
import type { Crumb } from './breadcrumbs.ts'
import { errorView } from './error-view.ts'
import type { DriveFile, FilesPage, Profile } from './api/types.ts'

export interface FileListOptions {
  readonly profile: Profile
  readonly onOpenFolder: (folder: Crumb) => void
  /** Called with a 401 instead of showing it. */
  readonly onUnauthorized: (problem: Problem) => void
  readonly onSort: (sort: Sort) => void
  readonly onUpload: () => void
}

interface ShownList {
  readonly route: FilesRoute
  readonly table: FileTable
  readonly query: FilesQuery
  readonly signal: AbortSignal
  writable: boolean
}

export function queryFor({ crumbs, search }: FilesRoute, sort: Sort): FilesQuery {
  const isGlobal = search !== null && !search.currentFolderOnly
  return {
    folder: isGlobal ? null : (currentFolder(crumbs)?.id ?? null),
    text: search?.text ?? '',
    orderBy: orderBy(sort),
  }
}

export function createFileList({
  profile,
  onOpenFolder,
  onUnauthorized,
  onSort,
  onUpload,
}: FileListOptions) {
  const section = element('section', { class: 'files' })
  let loading = new AbortController()
  let shown: ShownList | null = null

  async function show(route: FilesRoute, sort: Sort, writable: boolean): Promise<void> {
    loading.abort()
    loading = new AbortController()
    const { crumbs, search } = route
    const label =
      search === null ? strings.filesIn(currentFolderName(crumbs)) : strings.resultsFor(search.text)
    section.setAttribute('aria-label', label)
    const table = createFileTable({ label, profile, onOpenFolder, sort, onSort, onUnauthorized })
    const query = queryFor(route, sort)
    // A new search or sort order of the same folder keeps the old list until the new one is loaded.
    const keepsPrevious =
      shown !== null && isSameFolder(shown.route.crumbs, crumbs) && shown.table.size > 0
    if (!keepsPrevious) section.replaceChildren(loadingSkeleton())
    const current: ShownList = { route, table, query, signal: loading.signal, writable }
    shown = current
    await showFirstPage(current, () => void show(route, sort, current.writable))
  }

  async function showFirstPage(current: ShownList, retry: () => void): Promise<void> {
    const { table, query, signal } = current
    section.setAttribute('aria-busy', 'true')
    try {
      const page = await listFiles(query, undefined, signal)
      table.append(page.files)
      fill(current, page)
      announce(loadedMessage(current))
    } catch (error) {
      if (signal.aborted) return
      const problem = toProblem(error)
      if (problem.status === 401) return onUnauthorized(problem)
      section.replaceChildren(errorView(strings.listFailed, problem, retry))
    } finally {
      if (!signal.aborted) section.removeAttribute('aria-busy')
    }
  }

  function fill(current: ShownList, { nextPageToken: next }: FilesPage): void {
    const { table, query, signal } = current
    if (next === undefined) {
      table.complete()
      return section.replaceChildren(table.size === 0 ? emptyView(current) : table.element)
    }
    const load = (token: string) => listFiles(query, token, signal)
    const onEmpty = () => section.replaceChildren(emptyView(current))
    const loadMore = createLoadMore({
      table,
      initialToken: next,
      load,
      signal,
      onUnauthorized,
      onEmpty,
    })
    section.replaceChildren(table.element, loadMore)
  }

  function emptyView({ route: { search }, writable }: ShownList): HTMLElement {
    if (search !== null) {
      return emptyState('search', strings.noResults(search.text), strings.noResultsHint)
    }
    if (!writable) return emptyState('empty', strings.emptyTitle, strings.emptyReadOnly)
    const chooseButton = button([icon('upload'), strings.chooseFiles], onUpload, {
      class: 'secondary',
    })
    return emptyState('empty', strings.emptyTitle, strings.emptyHint, chooseButton)
  }

  return {
    element: section,
    show,
    /** Inserts a file that was just created in the folder. */
    insert(file: DriveFile): void {
      if (shown === null || shown.route.search !== null) return
      shown.table.insert(file)
      const { firstChild } = section
      const isEmpty = firstChild instanceof HTMLElement && firstChild.matches('.empty-state')
      if (isEmpty) section.replaceChildren(shown.table.element)
    },
    /** Updates the empty state once the folder's capabilities are loaded. */
    setWritable(writable: boolean): void {
      if (shown === null || shown.writable === writable) return
      shown.writable = writable
      section.querySelector('.empty-state')?.replaceWith(emptyView(shown))
    },
    close(): void {
      loading.abort()
      shown = null
    },
  }
}

function loadedMessage({ route: { crumbs, search }, table }: ShownList): string {
  return search === null
    ? strings.folderLoaded(currentFolderName(crumbs), table.size)
    : strings.searchResults(search.text, table.size)
}

function emptyState(
  iconName: 'empty' | 'search',
  title: string,
  hint: string,
  ...children: Node[]
): HTMLElement {
  return element(
    'div',
    { class: 'empty-state' },
    icon(iconName),
    element('p', { class: 'empty-state-title' }, title),
    element('p', {}, hint),
    ...children,
  )
}
