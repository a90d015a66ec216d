/** Asks for a name, and makes a folder of it. */
import { makeFolder } from './api/client.ts'
import { openDialog } from './dialog.ts'
import { element } from './dom.ts'
import type { Problem } from './api/problem.ts'
import { strings } from './strings.ts'
import { folderOf, nameOf } from './breadcrumbs.ts'
import type { Trail } from './breadcrumbs.ts'
import type { DriveFile } from './api/types.ts'

export function askForFolder(
  trail: Trail,
  made: (folder: DriveFile) => void,
  lost: (problem: Problem) => void,
): void {
  const field = element('input', {
    id: 'folder-name',
    required: true,
    maxlength: 255,
    autocomplete: 'off',
    autofocus: true,
  })
  const label = element('label', { for: field.id }, strings.folderName)
  openDialog({
    title: strings.newFolderIn(nameOf(trail)),
    content: [element('div', { class: 'field' }, label, field)],
    action: strings.makeFolder,
    async act() {
      made(await makeFolder(field.value, folderOf(trail)?.id ?? null))
    },
    lost,
  })
}
