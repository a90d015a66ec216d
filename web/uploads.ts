/** Lazy loading of the uploader, and the page's state for it until it is loaded. */
import { element } from './dom.ts'
import { authorizationHeaders, gateway, isCrossOrigin } from './api/gateway-fetch.ts'
import type { Problem } from './api/problem.ts'
import { toProblem } from './api/problem.ts'
import type { PickerKind, UploadItem, UploadTarget, Uploader } from './uploader/index.ts'
import type { DriveFile, Session } from './api/types.ts'

export interface UploadsOptions {
  /** The target folder of added files; `null` while files are not accepted. */
  readonly target: () => UploadTarget | null
  readonly onStored: (file: DriveFile, item: UploadItem) => void
  /** Called when an empty folder of a dropped tree is created. */
  readonly onFolderCreated: (path: string, target: UploadTarget) => void
  readonly onUnauthorized: (problem: Problem) => void
  /** Called when the uploader cannot be loaded. */
  readonly onError: (problem: Problem) => void
}

export type Uploads = ReturnType<typeof createUploads>

const script: string = '/uploader.js' // a separate bundle; the type hides it from the bundler

export function createUploads({
  target,
  onStored,
  onFolderCreated,
  onUnauthorized,
  onError,
}: UploadsOptions) {
  const container = element('div', { class: 'uploads-container' })
  let session: Session | null = null
  let uploader: Promise<Uploader> | null = null
  let mountedUploader: Uploader | null = null
  let isOnHold = false

  async function mount({ email, maxRequestBytes, maxFileBytes }: Session): Promise<Uploader> {
    const { mountUploader } = (await import(script)) as typeof import('./uploader/index.ts')
    const limits = { maxRequestBytes, maxFileBytes }
    // An upload started at one gateway never resumes at another with the user's bearer token.
    const account = isCrossOrigin ? `${email} ${gateway}` : email
    const headers = authorizationHeaders
    mountedUploader = mountUploader({
      gateway,
      account,
      headers,
      target,
      limits,
      onStored,
      onFolderCreated,
      onUnauthorized,
    })
    mountedUploader.setOnHold(isOnHold)
    container.replaceChildren(mountedUploader.element)
    return mountedUploader
  }

  async function withUploader(callback: (uploader: Uploader) => void): Promise<void> {
    if (session === null) return
    uploader ??= mount(session)
    try {
      callback(await uploader)
    } catch (error) {
      uploader = null // the next call retries
      onError(toProblem(error))
    }
  }

  // Until the uploader listens, this prevents the browser from navigating to a dropped file.
  for (const name of ['dragover', 'drop'] as const) {
    document.addEventListener(name, (event) => {
      if (mountedUploader || !event.dataTransfer?.types.includes('Files')) return
      event.preventDefault()
      event.dataTransfer.dropEffect = 'none'
      void withUploader(() => {})
    })
  }

  return {
    element: container,
    /** Sets the account of further uploads. */
    setSession(next: Session): void {
      session = next
    },
    /** Loads the uploader before it is needed, which also resumes the uploads of an earlier page. */
    preload: () => withUploader(() => {}),
    showPicker: (kind: PickerKind) => withUploader((loaded) => loaded.showPicker(kind)),
    setOnHold(value: boolean): void {
      isOnHold = value
      mountedUploader?.setOnHold(value)
    },
    get isBusy(): boolean {
      return mountedUploader?.isBusy ?? false
    },
    get isEmpty(): boolean {
      return mountedUploader?.isEmpty ?? true
    },
    /** Whether leaving the page now would require the user to choose a file again. */
    get hasUnpersistedFiles(): boolean {
      return mountedUploader?.hasUnpersistedFiles ?? false
    },
    /** Cancels and removes all uploads on sign-out or a change of account. */
    async clear(): Promise<void> {
      const previous = mountedUploader
      session = null
      uploader = null
      mountedUploader = null
      container.replaceChildren()
      previous?.close()
      await previous?.clear()
    },
  }
}
