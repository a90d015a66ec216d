/** What a signed-in person sees: a folder, the way to upload into it, and the uploads. */
import { button, element } from './element.ts'
import { createCurlPanel } from './curl-panel.ts'
import { createFolderView } from './folder-view.ts'
import type { FolderOptions } from './folder-view.ts'
import { icon } from './icons.ts'
import { strings } from './strings.ts'
import type { Trail } from './trail.ts'
import type { UploadsView } from './uploads-view.ts'
import type { DriveFile, SignedIn } from './wire.ts'

export interface BrowseView {
  readonly element: HTMLElement
  readonly trail: Trail
  show(trail: Trail): void
  focus(): void
  add(file: DriveFile, trail: Trail): void
  close(): void
}

export function createBrowseView(
  { profile }: SignedIn,
  uploads: UploadsView,
  options: FolderOptions,
): BrowseView {
  let here: Trail = []
  const folder = createFolderView(options)
  const curl = createCurlPanel(options.lost)
  const chooser = element('input', {
    type: 'file',
    multiple: true,
    hidden: true,
    'aria-label': strings.upload,
  })
  chooser.addEventListener('change', () => {
    uploads.add([...(chooser.files ?? [])], here)
    chooser.value = '' // so that choosing the same file again is a change
  })
  const upload = button([icon('upload'), strings.upload], () => chooser.click(), {
    class: 'main-action',
  })
  const view = element(
    'div',
    { class: 'browse' },
    element(
      'div',
      { class: 'head' },
      element('div', { class: 'head-words' }, folder.crumbs, folder.heading),
      element('div', { class: 'head-actions' }, curl.toggle, upload, chooser),
    ),
    element('p', { class: 'access' }, icon('eye'), strings.access[profile]),
    curl.element,
    uploads.element,
    folder.files,
  )
  return {
    element: view,
    get trail() {
      return here
    },
    show(trail) {
      here = trail
      curl.show(trail)
      folder.show(trail)
    },
    focus: () => folder.heading.focus(),
    add: folder.add,
    close: folder.close,
  }
}
