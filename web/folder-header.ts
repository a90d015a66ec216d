/** Above the list: the way here, its name, and what can be added. */
import { button, element } from './dom.ts'
import { icon } from './icons.ts'
import { placeLink } from './links.ts'
import { menuButton, openMenu } from './menu.ts'
import { askForFolder } from './new-folder-dialog.ts'
import { inFolder } from './route.ts'
import type { FilesPlace, Place } from './route.ts'
import type { Problem } from './api/problem.ts'
import { strings } from './strings.ts'
import { nameOf } from './breadcrumbs.ts'
import type { Trail } from './breadcrumbs.ts'
import type { Uploads } from './uploads.ts'
import type { DriveFile } from './api/types.ts'

export interface FolderHeadOptions {
  readonly uploads: Uploads
  readonly go: (place: Place) => void
  readonly lost: (problem: Problem) => void
  readonly made: (folder: DriveFile) => void
}

export function createFolderHead({ uploads, go, lost, made }: FolderHeadOptions) {
  let trail: Trail = []
  const crumbs = element('nav', { class: 'crumbs', 'aria-label': strings.breadcrumb })
  const heading = element('h1', { tabindex: -1 })
  const folder = button(
    [icon('new-folder'), element('span', {}, strings.newFolder)],
    () => askForFolder(trail, made, lost),
    { class: 'quiet' },
  )
  const upload = button([icon('upload'), strings.upload], () => void uploads.choose('files'), {
    class: 'upload-button',
  })
  const more = menuButton({ 'aria-label': strings.moreUploads, class: 'upload-more' }, icon('down'))
  more.addEventListener('click', () =>
    openMenu(more, strings.moreUploads, [
      {
        label: strings.uploadFiles,
        icon: 'upload',
        does: () => void uploads.choose('files'),
      },
      {
        label: strings.uploadFolder,
        icon: 'folder',
        does: () => void uploads.choose('folder'),
      },
      {
        label: strings.uploadPhoto,
        icon: 'camera',
        does: () => void uploads.choose('camera'),
      },
    ]),
  )
  const split = element('div', { class: 'split' }, upload, more)
  const actions = element('div', { class: 'head-actions' }, folder, split)

  return {
    heading,
    element: element(
      'div',
      { class: 'head' },
      element('div', { class: 'head-words' }, crumbs, heading),
      actions,
    ),
    show(place: FilesPlace, writable: boolean): void {
      const { search } = place
      trail = place.trail
      heading.replaceChildren(
        search === null
          ? element('bdi', {}, nameOf(trail))
          : document.createTextNode(strings.resultsFor(search.words)),
      )
      crumbs.hidden = trail.length === 0 && search === null
      crumbs.replaceChildren(crumbList(place, go))
      actions.hidden = search !== null || !writable
    },
  }
}

function crumbList({ trail, search }: FilesPlace, go: (place: Place) => void): HTMLElement {
  const list = element('ol', { role: 'list' })
  list.append(element('li', {}, placeLink(inFolder([]), go, 'crumb', strings.root)))
  trail.forEach(({ name }, index) => {
    const here = index === trail.length - 1 && search === null
    const label = element('bdi', {}, name)
    const crumb = here
      ? element('span', { class: 'crumb', 'aria-current': 'page' }, label)
      : placeLink(inFolder(trail.slice(0, index + 1)), go, 'crumb', label)
    list.append(element('li', {}, crumb))
  })
  if (search !== null) {
    const here = element('span', { class: 'crumb', 'aria-current': 'page' }, strings.searchCrumb)
    list.append(element('li', {}, here))
  }
  return list
}
