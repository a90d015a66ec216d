/** The main view: a folder or search results, with the controls to add files. */
import { announce } from './live-region.ts'
import { createAccessBanner } from './access-banner.ts'
import { createFolder } from './api/client.ts'
import { createFileList } from './file-list.ts'
import { createFolderHeader } from './folder-header.ts'
import { folderRoute } from './route.ts'
import type { FilesRoute, Route } from './route.ts'
import { element } from './dom.ts'
import { icon } from './icons.ts'
import { routeLink } from './links.ts'
import type { Problem } from './api/problem.ts'
import { createSearchBox } from './search-box.ts'
import { saveSort, loadSort, sortName } from './sort.ts'
import type { Sort } from './sort.ts'
import { createSortMenu } from './sort-menu.ts'
import { strings } from './strings.ts'
import { currentFolder, currentFolderName, saveBreadcrumbs, pushCrumb } from './breadcrumbs.ts'
import type { Crumb, Breadcrumbs } from './breadcrumbs.ts'
import type { Uploads } from './uploads.ts'
import { resolveAncestors } from './resolve-ancestors.ts'
import type { DriveFile, Session } from './api/types.ts'

export interface FilesViewOptions {
  readonly session: Session
  readonly uploads: Uploads
  readonly navigate: (route: Route) => void
  /** Updates the route without moving the focus, because the user is typing. */
  readonly onSearch: (route: FilesRoute) => void
  readonly onUnauthorized: (problem: Problem) => void
}

export type FilesView = ReturnType<typeof createFilesView>

export function createFilesView({
  session,
  uploads,
  navigate,
  onSearch,
  onUnauthorized,
}: FilesViewOptions) {
  let route: FilesRoute = folderRoute([])
  let sort = loadSort()
  let navigation = new AbortController()
  /** Names of subfolders that uploads created since the folder was opened. */
  const insertedFolders = new Set<string>()
  const header = createFolderHeader({
    uploads,
    navigate,
    onUnauthorized,
    onFolderCreated: (file) => list.insert(file),
  })
  const search = createSearchBox((query) => onSearch({ ...route, search: query }))
  const sortMenu = createSortMenu(onSort)
  const banner = createAccessBanner(session.profile)
  const list = createFileList({
    profile: session.profile,
    onOpenFolder: (folder) => navigate(folderRoute(crumbsInto(folder))),
    onUnauthorized,
    onSort,
    onUpload: () => void uploads.showPicker('files'),
  })
  const tokensLink = routeLink(
    { view: 'tokens', crumbs: [] },
    () => navigate({ view: 'tokens', crumbs: route.crumbs }),
    'secondary-link',
    icon('terminal'),
    element('span', {}, strings.curl),
  )
  const view = element(
    'div',
    { class: 'view' },
    header.element,
    element('div', { class: 'toolbar' }, search.element, sortMenu.element, tokensLink),
    banner.element,
    uploads.element,
    list.element,
  )

  function onSort(newSort: Sort): void {
    sort = newSort
    saveSort(sort)
    sortMenu.show(sort)
    void showList()
    announce(strings.sorted(sortName(sort)))
  }

  function showList(): Promise<void> {
    return list.show(route, sort, isWritable(route.crumbs))
  }

  /** The ancestors of a search result are unknown. */
  function crumbsInto(folder: Crumb): Breadcrumbs {
    return route.search === null
      ? pushCrumb(route.crumbs, folder)
      : [{ ...folder, ancestorsUnknown: true }]
  }

  /** A folder whose capabilities are not loaded yet counts as writable. */
  function isWritable(crumbs: Breadcrumbs): boolean {
    const folder = currentFolder(crumbs)
    return folder === null || (folder.writable ?? true) || session.profile === 'full'
  }

  function updateHeader(): void {
    const name = currentFolderName(route.crumbs)
    document.title = route.crumbs.length === 0 ? 'Driveway' : strings.pageTitle(name)
    const writable = isWritable(route.crumbs)
    header.show(route, writable)
    search.show(route)
    banner.show(writable || route.search !== null)
  }

  async function loadAncestors(signal: AbortSignal): Promise<void> {
    const { crumbs } = route
    const resolved = await resolveAncestors(crumbs, signal).catch(() => crumbs)
    if (signal.aborted || resolved === crumbs) return
    saveBreadcrumbs(resolved)
    route = { ...route, crumbs: resolved }
    updateHeader()
    list.setWritable(isWritable(resolved))
  }

  function isOpen(folder: string | null): boolean {
    return route.search === null && (currentFolder(route.crumbs)?.id ?? null) === folder
  }

  /** Inserts the first folder of a path that an upload created in the open folder. */
  function folderCreated(folder: string | null, path: string): void {
    const [name = ''] = path.split('/')
    if (!isOpen(folder) || insertedFolders.has(name)) return
    insertedFolders.add(name)
    const { signal } = navigation
    // Creating an existing folder is idempotent and returns its metadata.
    createFolder(name, folder).then(
      (created) => signal.aborted || list.insert(created),
      () => insertedFolders.delete(name),
    )
  }

  return {
    element: view,
    get route() {
      return route
    },
    /** The folder for dropped files; `null` when it is not writable. */
    get target(): Breadcrumbs | null {
      return route.search === null && isWritable(route.crumbs) ? route.crumbs : null
    },
    show(nextRoute: FilesRoute): void {
      navigation.abort()
      navigation = new AbortController()
      insertedFolders.clear()
      route = nextRoute
      updateHeader()
      sortMenu.show(sort)
      void showList()
      void loadAncestors(navigation.signal)
    },
    focus: () => header.heading.focus(),
    /**
     * Inserts an uploaded file when its folder is open.
     *
     * @param path subfolders that contain the file; '' for none
     */
    fileStored(file: DriveFile, folder: string | null, path: string): void {
      if (path !== '') folderCreated(folder, path)
      else if (isOpen(folder)) list.insert(file)
    },
    folderCreated,
    close(): void {
      navigation.abort()
      list.close()
    },
  }
}
