/** Drag and drop, and paste, of files on a document or an element. */
import { readDataTransfer } from './read-entries.ts'
import type { DroppedFiles } from './read-entries.ts'

export interface DropOptions {
  /** Whether files are accepted at present. */
  readonly isEnabled: () => boolean
  /** Called when files are dragged over the target, and when they leave it. */
  readonly onDragOver: (isOver: boolean) => void
  readonly onDrop: (dropped: DroppedFiles) => void
  /** Called when the dropped files cannot be read. */
  readonly onError: () => void
}

/** @returns removes the listeners */
export function acceptFiles(target: Document | HTMLElement, options: DropOptions): () => void {
  const { isEnabled, onDragOver, onDrop, onError } = options
  const controller = new AbortController()
  const { signal } = controller
  let depth = 0 // nested elements that the drag has entered

  function on(name: string, handler: (event: DragEvent) => void): void {
    const listener = (event: Event): void => {
      if (event instanceof DragEvent && hasFiles(event.dataTransfer)) handler(event)
    }
    target.addEventListener(name, listener, { signal })
  }

  function read(transfer: DataTransfer): void {
    readDataTransfer(transfer).then(onDrop, onError)
  }

  function leave(): void {
    depth = 0
    onDragOver(false)
  }

  on('dragenter', (event) => {
    event.preventDefault()
    depth += 1
    if (isEnabled()) onDragOver(true)
  })
  on('dragover', (event) => {
    event.preventDefault() // otherwise the browser navigates to the file
    if (event.dataTransfer) event.dataTransfer.dropEffect = isEnabled() ? 'copy' : 'none'
  })
  on('dragleave', () => {
    depth -= 1
    if (depth <= 0) leave()
  })
  on('drop', (event) => {
    event.preventDefault()
    leave()
    if (isEnabled() && event.dataTransfer) read(event.dataTransfer)
  })
  function onPaste(event: Event): void {
    const { clipboardData } = event as ClipboardEvent
    if (isEnabled() && clipboardData && hasFiles(clipboardData)) read(clipboardData)
  }
  target.addEventListener('paste', onPaste, { signal })

  return () => controller.abort()
}

function hasFiles(transfer: DataTransfer | null): boolean {
  return transfer?.types.includes('Files') ?? false
}
