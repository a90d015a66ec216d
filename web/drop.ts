/** Files dropped anywhere on the page. */
import { element } from './element.ts'
import { icon } from './icons.ts'

export interface DropOptions {
  /** @returns the words to show over the page, or `null` when files are not wanted now */
  readonly invite: () => string | null
  readonly dropped: (files: readonly File[], folders: number) => void
}

export function acceptDrops({ invite, dropped }: DropOptions): void {
  const words = element('p')
  const veil = element('div', { class: 'veil', hidden: true }, icon('upload'), words)
  document.body.append(veil)
  let depth = 0 // of nested elements that the pointer has entered with files

  function lift(): void {
    depth = 0
    veil.hidden = true
  }

  document.addEventListener('dragenter', (event) => {
    if (!carriesFiles(event)) return
    event.preventDefault()
    depth += 1
    const invitation = invite()
    words.textContent = invitation
    veil.hidden = invitation === null
  })
  document.addEventListener('dragover', (event) => {
    if (!carriesFiles(event)) return
    event.preventDefault() // else the browser would leave the page to show the file
    if (event.dataTransfer) event.dataTransfer.dropEffect = invite() === null ? 'none' : 'copy'
  })
  document.addEventListener('dragleave', (event) => {
    if (!carriesFiles(event)) return
    depth -= 1
    if (depth <= 0) lift()
  })
  document.addEventListener('drop', (event) => {
    if (!carriesFiles(event)) return
    event.preventDefault()
    lift()
    if (invite() !== null && event.dataTransfer) dropped(...filesIn(event.dataTransfer))
  })
}

function carriesFiles({ dataTransfer }: DragEvent): boolean {
  return dataTransfer?.types.includes('Files') ?? false
}

/** A dropped folder arrives as a file that cannot be read: it is counted, not taken. */
function filesIn(transfer: DataTransfer): [files: File[], folders: number] {
  const items = [...transfer.items].filter(({ kind }) => kind === 'file')
  if (items.length === 0) return [[...transfer.files], 0]
  const plain = items.filter((item) => item.webkitGetAsEntry()?.isDirectory !== true)
  const files = plain.map((item) => item.getAsFile()).filter((file) => file !== null)
  return [files, items.length - plain.length]
}
