/**
 * The uploader: from picked files to verified files in Drive. The page loads it on demand
 * (`/uploader.js`); `<driveway-upload>` bundles it.
 *
 * It renders into a shadow root with its own style sheet: page styles do not apply inside, and it needs
 * no `unsafe-inline`. Colours are custom properties (docs/embed.md).
 */
import { element } from '../dom.ts'
import { toProblem } from '../api/problem.ts'
import type { Problem } from '../api/problem.ts'
import type { DriveFile } from '../api/types.ts'
import { createFilePickers } from './file-pickers.ts'
import type { PickerKind } from './file-pickers.ts'
import { acceptFiles } from './drop.ts'
import { createEngine } from './engine.ts'
import type { Engine } from './engine.ts'
import { createFolders } from './create-folders.ts'
import { createShadowHost } from './shadow-host.ts'
import type { UploadItem, UploadTarget } from './upload-item.ts'
import { isActive } from './upload-item.ts'
import { createPanel } from './panel.ts'
import { strings } from './strings.ts'
import { maxFiles, readFileList } from './read-entries.ts'
import type { DroppedFiles } from './read-entries.ts'
import { createDropOverlay } from './drop-overlay.ts'

export type { PickerKind, UploadItem, UploadTarget }

export interface UploaderOptions {
  /** The gateway's origin; '' for the page's own. */
  readonly gateway: string
  /** The origin that serves `/digest.js`; default: the page's own. */
  readonly scriptOrigin?: string
  /** The account of these uploads: uploads of an earlier page are restored for this account only. */
  readonly account: string
  /** The `Authorization` header where no cookie authenticates the user. */
  readonly headers?: () => Readonly<Record<string, string>>
  /** The target of files added now; `null` while files are not accepted. */
  readonly target: () => UploadTarget | null
  /** Bytes; `null` for no limit. */
  readonly limits: {
    readonly maxRequestBytes: number | null
    readonly maxFileBytes: number | null
  }
  /** The element that accepts dropped files; default: the whole page. */
  readonly dropTarget?: HTMLElement
  /** Called for each file once it is stored and verified. */
  readonly onStored: (file: DriveFile, item: UploadItem) => void
  /** Called for each empty folder created, with its path below the target. */
  readonly onFolderCreated?: (path: string, target: UploadTarget) => void
  /** Called with a 401; uploads stay on hold until `setOnHold(false)`. */
  readonly onUnauthorized: (problem: Problem) => void
  /** Called when the state of an upload changes. */
  readonly onChange?: (item: UploadItem) => void
}

export interface Uploader {
  /** The upload panel; hidden while it is empty. */
  readonly element: HTMLElement
  /** Call it in the handler of a click or key event: browsers require a user gesture. */
  showPicker(kind: PickerKind): void
  add(files: readonly File[]): void
  /** While on hold nothing is sent: the user is signed out, or the grant is revoked. */
  setOnHold(value: boolean): void
  /** Whether uploads are in progress or waiting. */
  readonly isBusy: boolean
  /** Whether leaving the page now would require the user to choose a file again. */
  readonly hasUnpersistedFiles: boolean
  /** Whether the panel is empty. */
  readonly isEmpty: boolean
  /**
   * Cancels and removes all uploads on sign-out or a change of account. Call it before signing out,
   * because deleting unfinished uploads requires the session.
   */
  clear(): Promise<void>
  /** Resolves when the state is persisted and the page may be left. */
  persisted(): Promise<void>
  /** Removes the listeners. */
  close(): void
}

export function mountUploader(options: UploaderOptions): Uploader {
  const { target } = options
  const liveRegion = element('div', { role: 'status', class: 'visually-hidden' })
  const panel = createPanel({
    pause: (item) => withEngine((engine) => engine.pause(item)),
    resume: (item) => withEngine((engine) => engine.resume(item)),
    cancel: (item) => withEngine((engine) => engine.cancel(item)),
    remove: (item) => withEngine((engine) => engine.remove(item)),
    chooseAgain: () => pickers.show('files'),
    announce,
    onVisibilityChange: (isVisible) => (host.hidden = !isVisible),
  })
  const pickers = createFilePickers(addFiles)
  const host = createShadowHost(panel.element, pickers.element, liveRegion)
  host.hidden = true
  let loadedEngine: Engine | undefined
  const gateway = options.gateway || location.origin
  const headers = options.headers ?? (() => ({}))
  const engine = createEngine({
    gateway,
    scriptOrigin: options.scriptOrigin ?? location.origin,
    account: options.account,
    headers,
    ...options.limits,
    onAdded: panel.add,
    onChange(item) {
      panel.onChange(item)
      options.onChange?.(item)
    },
    onStored: options.onStored,
    onUnauthorized(problem) {
      panel.setOnHold(true)
      options.onUnauthorized(problem)
    },
  })
  function withEngine(callback: (engine: Engine) => void): void {
    void engine.then((loaded) => callback((loadedEngine = loaded)))
  }

  function announce(text: string): void {
    const message = element('p', {}, text)
    liveRegion.append(message)
    setTimeout(() => message.remove(), 20_000)
  }

  /** Shows a message and announces it. */
  function showMessage(text: string): void {
    panel.showMessage(text)
    announce(text)
  }

  function addFiles({ picked, emptyFolders, exceedsLimit }: DroppedFiles): void {
    const folder = target()
    if (folder === null) return
    panel.showMessage('')
    if (exceedsLimit) return showMessage(strings.tooManyFiles(maxFiles))
    if (emptyFolders.length > 0) void createEmptyFolders(emptyFolders, folder)
    if (picked.length === 0) {
      return emptyFolders.length > 0 ? undefined : announce(strings.announceNoFiles)
    }
    withEngine((loaded) => {
      const added = loaded.add(picked, folder)
      announce(added === 0 ? strings.announceDuplicates : strings.announceAdded(added, folder.name))
    })
  }

  async function createEmptyFolders(paths: readonly string[], folder: UploadTarget): Promise<void> {
    try {
      await createFolders({ gateway, headers }, folder, paths, (path) =>
        options.onFolderCreated?.(path, folder),
      )
      announce(strings.announceFolders(paths.length))
    } catch (error) {
      showMessage(strings.foldersFailed(toProblem(error).userMessage))
    }
  }

  const overlay = options.dropTarget ? undefined : createDropOverlay()
  const stopAccepting = acceptFiles(options.dropTarget ?? document, {
    isEnabled: () => target() !== null,
    onDragOver(isOver) {
      overlay?.show(isOver ? strings.dropHere(target()?.name ?? '') : null)
      options.dropTarget?.toggleAttribute('data-drag-over', isOver)
    },
    onDrop: addFiles,
    onError: () => showMessage(strings.unreadableFile),
  })

  return {
    element: host,
    showPicker: pickers.show,
    add: (files) => addFiles(readFileList(files)),
    setOnHold(value) {
      panel.setOnHold(value)
      withEngine((loaded) => loaded.setOnHold(value))
    },
    get isBusy() {
      return panel.items.some(isActive)
    },
    get hasUnpersistedFiles() {
      return loadedEngine?.hasUnpersistedFiles ?? false
    },
    get isEmpty() {
      return panel.items.length === 0
    },
    async clear() {
      const loaded = await engine
      for (const item of panel.items) loaded.cancel(item)
      panel.clear()
      await Promise.all([loaded.deletionsSettled(), loaded.persisted()])
    },
    async persisted() {
      if (panel.items.length > 0) await (await engine).persisted()
    },
    close() {
      stopAccepting()
      overlay?.close()
    },
  }
}
