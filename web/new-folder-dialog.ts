/** The dialog that creates a folder. */
import { createFolder } from './api/client.ts'
import { openDialog } from './dialog.ts'
import { element } from './dom.ts'
import type { Problem } from './api/problem.ts'
import { strings } from './strings.ts'
import { currentFolder, currentFolderName } from './breadcrumbs.ts'
import type { Breadcrumbs } from './breadcrumbs.ts'
import type { DriveFile } from './api/types.ts'

export function openNewFolderDialog(
  crumbs: Breadcrumbs,
  onCreated: (folder: DriveFile) => void,
  onUnauthorized: (problem: Problem) => void,
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
    title: strings.newFolderIn(currentFolderName(crumbs)),
    content: [element('div', { class: 'field' }, label, field)],
    action: strings.createFolder,
    async onSubmit() {
      onCreated(await createFolder(field.value, currentFolder(crumbs)?.id ?? null))
    },
    onUnauthorized,
  })
}
