/** The folder header: breadcrumbs, the folder's name, and the buttons to add files and folders. */
import { button, element } from './dom.ts'
import { icon } from './icons.ts'
import { routeLink } from './links.ts'
import { menuButton, openMenu } from './menu.ts'
import { openNewFolderDialog } from './new-folder-dialog.ts'
import { folderRoute } from './route.ts'
import type { FilesRoute, Route } from './route.ts'
import type { Problem } from './api/problem.ts'
import { strings } from './strings.ts'
import { currentFolderName } from './breadcrumbs.ts'
import type { Breadcrumbs } from './breadcrumbs.ts'
import type { Uploads } from './uploads.ts'
import type { DriveFile } from './api/types.ts'

export interface FolderHeaderOptions {
  readonly uploads: Uploads
  readonly navigate: (route: Route) => void
  readonly onUnauthorized: (problem: Problem) => void
  readonly onFolderCreated: (folder: DriveFile) => void
}

export function createFolderHeader({
  uploads,
  navigate,
  onUnauthorized,
  onFolderCreated,
}: FolderHeaderOptions) {
  let crumbs: Breadcrumbs = []
  const nav = element('nav', { class: 'breadcrumbs', 'aria-label': strings.breadcrumb })
  const heading = element('h1', { tabindex: -1 })
  const newFolderButton = button(
    [icon('new-folder'), element('span', {}, strings.newFolder)],
    () => openNewFolderDialog(crumbs, onFolderCreated, onUnauthorized),
    { class: 'secondary' },
  )
  const uploadButton = button(
    [icon('upload'), strings.upload],
    () => void uploads.showPicker('files'),
    {
      class: 'upload-button',
    },
  )
  const moreButton = menuButton(
    { 'aria-label': strings.moreUploads, class: 'upload-more' },
    icon('down'),
  )
  moreButton.addEventListener('click', () =>
    openMenu(moreButton, strings.moreUploads, [
      {
        label: strings.uploadFiles,
        icon: 'upload',
        action: () => void uploads.showPicker('files'),
      },
      {
        label: strings.uploadFolder,
        icon: 'folder',
        action: () => void uploads.showPicker('folder'),
      },
      {
        label: strings.uploadPhoto,
        icon: 'camera',
        action: () => void uploads.showPicker('camera'),
      },
    ]),
  )
  const splitButton = element('div', { class: 'split-button' }, uploadButton, moreButton)
  const actions = element('div', { class: 'view-actions' }, newFolderButton, splitButton)

  return {
    heading,
    element: element(
      'div',
      { class: 'view-header' },
      element('div', { class: 'view-title' }, nav, heading),
      actions,
    ),
    show(route: FilesRoute, writable: boolean): void {
      const { search } = route
      crumbs = route.crumbs
      heading.replaceChildren(
        search === null
          ? element('bdi', {}, currentFolderName(crumbs))
          : document.createTextNode(strings.resultsFor(search.text)),
      )
      nav.hidden = crumbs.length === 0 && search === null
      nav.replaceChildren(breadcrumbList(route, navigate))
      actions.hidden = search !== null || !writable
    },
  }
}

function breadcrumbList(
  { crumbs, search }: FilesRoute,
  navigate: (route: Route) => void,
): HTMLElement {
  const list = element('ol', { role: 'list' })
  list.append(element('li', {}, routeLink(folderRoute([]), navigate, 'crumb', strings.root)))
  crumbs.forEach(({ name }, index) => {
    const isCurrent = index === crumbs.length - 1 && search === null
    const label = element('bdi', {}, name)
    const crumb = isCurrent
      ? element('span', { class: 'crumb', 'aria-current': 'page' }, label)
      : routeLink(folderRoute(crumbs.slice(0, index + 1)), navigate, 'crumb', label)
    list.append(element('li', {}, crumb))
  })
  if (search !== null) {
    const current = element('span', { class: 'crumb', 'aria-current': 'page' }, strings.searchCrumb)
    list.append(element('li', {}, current))
  }
  return list
}
