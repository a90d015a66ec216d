/** Files dropped on a page or a part of it, and files pasted there. */
import { filesIn } from './read-entries.ts'
import type { Found } from './read-entries.ts'

export interface DropOptions {
  /** Whether files are wanted now. */
  readonly isOpen: () => boolean
  /** Called when files come over the place, and when they leave. */
  readonly hover: (on: boolean) => void
  readonly dropped: (found: Found) => void
  /** Called when what was dropped cannot be read. */
  readonly failed: () => void
}

/** @returns ends it */
export function acceptFiles(place: Document | HTMLElement, options: DropOptions): () => void {
  const { isOpen, hover, dropped, failed } = options
  const end = new AbortController()
  let depth = 0 // of nested elements that the pointer has entered with files

  function on(name: string, act: (event: DragEvent) => void): void {
    const heard = (event: Event): void => {
      if (event instanceof DragEvent && carriesFiles(event.dataTransfer)) act(event)
    }
    place.addEventListener(name, heard, { signal: end.signal })
  }

  function take(transfer: DataTransfer): void {
    filesIn(transfer).then(dropped, failed)
  }

  on('dragenter', (event) => {
    event.preventDefault()
    depth += 1
    if (isOpen()) hover(true)
  })
  on('dragover', (event) => {
    event.preventDefault() // else the browser would leave the page to show the file
    if (event.dataTransfer) event.dataTransfer.dropEffect = isOpen() ? 'copy' : 'none'
  })
  on('dragleave', () => {
    depth -= 1
    if (depth <= 0) leave()
  })
  on('drop', (event) => {
    event.preventDefault()
    leave()
    if (isOpen() && event.dataTransfer) take(event.dataTransfer)
  })
  function paste(event: Event): void {
    const { clipboardData } = event as ClipboardEvent
    if (isOpen() && clipboardData && carriesFiles(clipboardData)) take(clipboardData)
  }
  place.addEventListener('paste', paste, { signal: end.signal })

  function leave(): void {
    depth = 0
    hover(false)
  }

  return () => end.abort()
}

function carriesFiles(transfer: DataTransfer | null): boolean {
  return transfer?.types.includes('Files') ?? false
}
