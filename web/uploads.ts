/** The uploader, which is fetched when it is first needed, and what the page tells it meanwhile. */
import { element } from './dom.ts'
import { authorization, gateway, isElsewhere } from './api/gateway-fetch.ts'
import type { Problem } from './api/problem.ts'
import { asProblem } from './api/problem.ts'
import type { Choice, Item, Target, Uploader } from './uploader/index.ts'
import type { DriveFile, SignedIn } from './api/types.ts'

export interface UploadsOptions {
  /** Where files that are added now go; `null` while none are wanted. */
  readonly target: () => Target | null
  readonly stored: (file: DriveFile, item: Item) => void
  /** A folder is there that no file came with. */
  readonly made: (path: string, target: Target) => void
  readonly lost: (problem: Problem) => void
  /** The uploader could not be fetched. */
  readonly failed: (problem: Problem) => void
}

export type Uploads = ReturnType<typeof createUploads>

const script: string = '/uploader.js' // built on its own: no import that a bundler should follow

export function createUploads({ target, stored, made, lost, failed }: UploadsOptions) {
  const slot = element('div', { class: 'uploads-slot' })
  let session: SignedIn | null = null
  let uploader: Promise<Uploader> | null = null
  let mounted: Uploader | null = null
  let paused = false

  async function mount({ email, maxRequestBytes, maxFileBytes }: SignedIn): Promise<Uploader> {
    const { mountUploader } = (await import(script)) as typeof import('./uploader/index.ts')
    const limits = { maxRequestBytes, maxFileBytes }
    // What was begun at one gateway never goes on, with the person's bearer, at another.
    const account = isElsewhere ? `${email} ${gateway}` : email
    const headers = authorization
    mounted = mountUploader({ gateway, account, headers, target, limits, stored, made, lost })
    mounted.pause(paused)
    slot.replaceChildren(mounted.element)
    return mounted
  }

  async function use(how: (uploader: Uploader) => void): Promise<void> {
    if (session === null) return
    uploader ??= mount(session)
    try {
      how(await uploader)
    } catch (thrown) {
      uploader = null // the next time it may be there
      failed(asProblem(thrown))
    }
  }

  // Until the uploader listens: the browser would leave the page for a file that is dropped on it.
  for (const name of ['dragover', 'drop'] as const) {
    document.addEventListener(name, (event) => {
      if (mounted || !event.dataTransfer?.types.includes('Files')) return
      event.preventDefault()
      event.dataTransfer.dropEffect = 'none'
      void use(() => {})
    })
  }

  return {
    element: slot,
    /** For whom files are uploaded from now on. */
    become(next: SignedIn): void {
      session = next
    },
    /** Fetches it before it is asked for; what was under way when the page was left goes on. */
    prepare: () => use(() => {}),
    choose: (what: Choice) => use((ready) => ready.choose(what)),
    pause(on: boolean): void {
      paused = on
      mounted?.pause(on)
    },
    get busy(): boolean {
      return mounted?.busy ?? false
    },
    get empty(): boolean {
      return mounted?.empty ?? true
    },
    /** Whether leaving the page now would ask the person for a file again when they come back. */
    get isFragile(): boolean {
      return mounted?.fragile ?? false
    },
    /** For another account, or none: nothing of this one may go on or stay visible. */
    async forget(): Promise<void> {
      const former = mounted
      session = null
      uploader = null
      mounted = null
      slot.replaceChildren()
      former?.close()
      await former?.forget()
    },
  }
}
