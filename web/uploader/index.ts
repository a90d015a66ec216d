/**
 * The uploader: everything between files in a person's hand and files in their Drive. The page loads
 * it when it is first needed (`/uploader.js`), and `<driveway-upload>` has it built in.
 */
import type { Problem } from '../problem.ts'
import { createUploadsView } from '../uploads-view.ts'
import type { DriveFile } from '../wire.ts'

/** The folder that files are to go into. */
export interface Target {
  /** Its id; `null` for My Drive itself. */
  readonly id: string | null
  readonly name: string
}

export interface UploaderOptions {
  /** The gateway's origin; '' for the page's own. */
  readonly gateway: string
  /** Whose uploads these are: what was under way when the page was left goes on for them alone. */
  readonly account: string
  /** `Authorization`, where no cookie speaks for the person. */
  readonly headers?: () => Readonly<Record<string, string>>
  /** Where files that are added now go; `null` while none are wanted. */
  readonly target: () => Target | null
  /** Bytes; `null` where there is no limit. */
  readonly limits: {
    readonly maxRequestBytes: number | null
    readonly maxFileBytes: number | null
  }
  /** Called for each file once Drive has all of it. */
  readonly stored: (file: DriveFile, target: Target) => void
  /** Called with a 401; nothing is sent from then on until `pause(false)`. */
  readonly lost: (problem: Problem) => void
}

export interface Uploader {
  /** The uploads and everything to steer them with; hidden while there are none. */
  readonly element: HTMLElement
  /** Lets the person choose; call it in the handler of a click or a key. */
  choose(what: 'files' | 'folder' | 'camera'): void
  add(files: readonly File[]): void
  /** While paused nothing is sent: nobody is signed in, or the grant is dead. */
  pause(on: boolean): void
  /** Whether anything is being sent or waits to be. */
  readonly busy: boolean
  /** Whether there is nothing to show. */
  readonly empty: boolean
  /** For another account, or none: everything is cancelled, and nothing of it is kept or shown. */
  forget(): Promise<void>
}

export function mountUploader(options: UploaderOptions): Uploader {
  const targets = new Map<string | null, Target>()
  const view = createUploadsView({
    stored: (file, trail) => {
      const target = targets.get(trail.at(-1)?.id ?? null)
      if (target) options.stored(file, target)
    },
    lost: options.lost,
  })
  view.limitTo(options.limits)
  const input = document.createElement('input')
  input.type = 'file'
  input.multiple = true
  input.hidden = true
  input.addEventListener('change', () => {
    add([...(input.files ?? [])])
    input.value = ''
  })
  view.element.append(input)

  function add(files: readonly File[]): void {
    const target = options.target()
    if (target === null) return
    targets.set(target.id, target)
    view.add(files, target.id === null ? [] : [{ id: target.id, name: target.name }])
  }

  return {
    element: view.element,
    choose: () => input.click(),
    add,
    pause: view.pause,
    get busy() {
      return view.busy
    },
    get empty() {
      return view.empty
    },
    forget: () => Promise.resolve(view.drop()),
  }
}
