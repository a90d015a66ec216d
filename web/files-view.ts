/** What a signed-in person sees first: a folder or what a search found, and the way to add to it. */
import { announce } from './live-region.ts'
import { createAccessNote } from './access-banner.ts'
import { makeFolder } from './api/client.ts'
import { createFileList } from './file-list.ts'
import { createFolderHead } from './folder-header.ts'
import { inFolder } from './route.ts'
import type { FilesPlace, Place } from './route.ts'
import { element } from './dom.ts'
import { icon } from './icons.ts'
import { placeLink } from './links.ts'
import type { Problem } from './api/problem.ts'
import { createSearchBox } from './search-box.ts'
import { keepSort, readSort, sortName } from './sort.ts'
import type { Sort } from './sort.ts'
import { createSortChoice } from './sort-menu.ts'
import { strings } from './strings.ts'
import { folderOf, nameOf, rememberTrail, stepInto } from './breadcrumbs.ts'
import type { Step, Trail } from './breadcrumbs.ts'
import type { Uploads } from './uploads.ts'
import { findWay } from './resolve-ancestors.ts'
import type { DriveFile, SignedIn } from './api/types.ts'

export interface FilesViewOptions {
  readonly session: SignedIn
  readonly uploads: Uploads
  readonly go: (place: Place) => void
  /** Goes on to a place without taking the focus: somebody is typing. */
  readonly refine: (place: FilesPlace) => void
  readonly lost: (problem: Problem) => void
}

export type FilesView = ReturnType<typeof createFilesView>

export function createFilesView({ session, uploads, go, refine, lost }: FilesViewOptions) {
  let place: FilesPlace = inFolder([])
  let sort = readSort()
  let showing = new AbortController()
  /** Folders of the open one that uploads have made since it was opened. */
  const shownFolders = new Set<string>()
  const head = createFolderHead({ uploads, go, lost, made: (file) => list.insert(file) })
  const search = createSearchBox((wanted) => refine({ ...place, search: wanted }))
  const sorting = createSortChoice(sortBy)
  const access = createAccessNote(session.profile)
  const list = createFileList({
    profile: session.profile,
    open: (folder) => go(inFolder(wayInto(folder))),
    lost,
    sortBy,
    upload: () => void uploads.choose('files'),
  })
  const terminal = placeLink(
    { view: 'tokens', trail: [] },
    () => go({ view: 'tokens', trail: place.trail }),
    'quiet-link',
    icon('terminal'),
    element('span', {}, strings.curl),
  )
  const view = element(
    'div',
    { class: 'browse' },
    head.element,
    element('div', { class: 'toolbar' }, search.element, sorting.element, terminal),
    access.element,
    uploads.element,
    list.element,
  )

  function sortBy(wanted: Sort): void {
    sort = wanted
    keepSort(sort)
    sorting.show(sort)
    void showList()
    announce(strings.sorted(sortName(sort)))
  }

  function showList(): Promise<void> {
    return list.show(place, sort, isWritable(place.trail))
  }

  /** From what a search found, the way is not known. */
  function wayInto(folder: Step): Trail {
    return place.search === null ? stepInto(place.trail, folder) : [{ ...folder, unplaced: true }]
  }

  /** Of a folder that nothing is known of yet, the best is hoped. */
  function isWritable(trail: Trail): boolean {
    const folder = folderOf(trail)
    return folder === null || (folder.writable ?? true) || session.profile === 'full'
  }

  function describe(): void {
    const name = nameOf(place.trail)
    document.title = place.trail.length === 0 ? 'Driveway' : strings.titleOf(name)
    const writable = isWritable(place.trail)
    head.show(place, writable)
    search.show(place)
    access.show(writable || place.search !== null)
  }

  async function learn(signal: AbortSignal): Promise<void> {
    const { trail } = place
    const way = await findWay(trail, signal).catch(() => trail)
    if (signal.aborted || way === trail) return
    rememberTrail(way)
    place = { ...place, trail: way }
    describe()
    list.allow(isWritable(way))
  }

  function isOpen(folder: string | null): boolean {
    return place.search === null && (folderOf(place.trail)?.id ?? null) === folder
  }

  /** Shows the first folder of a path that an upload has made in the open one. */
  function grown(folder: string | null, path: string): void {
    const [name = ''] = path.split('/')
    if (!isOpen(folder) || shownFolders.has(name)) return
    shownFolders.add(name)
    const { signal } = showing
    // The folder is there, and making it again tells which one it is.
    makeFolder(name, folder).then(
      (made) => signal.aborted || list.insert(made),
      () => shownFolders.delete(name),
    )
  }

  return {
    element: view,
    get place() {
      return place
    },
    /** Where dropped files go; `null` where none may. */
    get target(): Trail | null {
      return place.search === null && isWritable(place.trail) ? place.trail : null
    },
    show(wanted: FilesPlace): void {
      showing.abort()
      showing = new AbortController()
      shownFolders.clear()
      place = wanted
      describe()
      sorting.show(sort)
      void showList()
      void learn(showing.signal)
    },
    focus: () => head.heading.focus(),
    /**
     * Shows an uploaded file, if its folder is the open one.
     *
     * @param path folders below it in which the file is; '' for none
     */
    added(file: DriveFile, folder: string | null, path: string): void {
      if (path !== '') grown(folder, path)
      else if (isOpen(folder)) list.insert(file)
    },
    grown,
    close(): void {
      showing.abort()
      list.close()
    },
  }
}
