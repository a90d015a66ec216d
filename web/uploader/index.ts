/**
 * The uploader: everything between files in a person's hand and files in their Drive. The page loads
 * it when it is first needed (`/uploader.js`), and `<driveway-upload>` has it built in.
 *
 * It lives in a shadow root, with a style sheet of its own: no page's styles reach in, and it needs
 * no `unsafe-inline`. Its colours are custom properties (docs/embed.md).
 */
import { element } from '../dom.ts'
import { asProblem } from '../api/problem.ts'
import type { Problem } from '../api/problem.ts'
import type { DriveFile } from '../api/types.ts'
import { createChoosers } from './file-pickers.ts'
import type { Choice } from './file-pickers.ts'
import { acceptFiles } from './drop.ts'
import { createEngine } from './engine.ts'
import type { Engine } from './engine.ts'
import { makeFolders } from './create-folders.ts'
import { createHost } from './shadow-host.ts'
import type { Item, Target } from './upload-item.ts'
import { isUnderWay } from './upload-item.ts'
import { createPanel } from './panel.ts'
import { strings } from './strings.ts'
import { filesOf, mostFiles } from './read-entries.ts'
import type { Found } from './read-entries.ts'
import { createVeil } from './drop-overlay.ts'

export type { Choice, Item, Target }

export interface UploaderOptions {
  /** The gateway's origin; '' for the page's own. */
  readonly gateway: string
  /** The origin that has `/digest.js`; the page's own unless said. */
  readonly scripts?: string
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
  /** Where files may be dropped; anywhere on the page unless said. */
  readonly place?: HTMLElement
  /** Called for each file once Drive has all of it. */
  readonly stored: (file: DriveFile, item: Item) => void
  /** Called for each empty folder that is there now, by its path below the target. */
  readonly made?: (path: string, target: Target) => void
  /** Called with a 401; nothing is sent from then on until `pause(false)`. */
  readonly lost: (problem: Problem) => void
  /** Called whenever an upload stands differently. */
  readonly changed?: (item: Item) => void
}

export interface Uploader {
  /** The uploads and everything to steer them with; hidden while there are none. */
  readonly element: HTMLElement
  /** Lets the person choose; call it in the handler of a click or a key. */
  choose(what: Choice): void
  add(files: readonly File[]): void
  /** While paused nothing is sent: nobody is signed in, or the grant is dead. */
  pause(on: boolean): void
  /** Whether anything is being sent or waits to be. */
  readonly busy: boolean
  /** Whether leaving the page now would ask the person for a file again when they come back. */
  readonly fragile: boolean
  /** Whether there is nothing to show. */
  readonly empty: boolean
  /**
   * For another account, or none: everything is cancelled, and nothing of it is kept or shown. Call
   * it before signing out, which takes the right to clear away at Drive too.
   */
  forget(): Promise<void>
  /** Resolves when the page may be left, and what waits is there again when the person is back. */
  noted(): Promise<void>
  /** Listens to nothing any more. */
  close(): void
}

export function mountUploader(options: UploaderOptions): Uploader {
  const { target, limits, stored } = options
  const said = element('div', { role: 'status', class: 'unseen' })
  const panel = createPanel({
    pause: (item) => act((engine) => engine.pause(item)),
    resume: (item) => act((engine) => engine.resume(item)),
    cancel: (item) => act((engine) => engine.cancel(item)),
    remove: (item) => act((engine) => engine.remove(item)),
    chooseAgain: () => choosers.choose('files'),
    announce,
    filled: (isFull) => (host.hidden = !isFull),
  })
  const choosers = createChoosers(take)
  const host = createHost(panel.element, choosers.element, said)
  host.hidden = true
  let mechanics: Engine | undefined
  const gateway = options.gateway || location.origin
  const headers = options.headers ?? (() => ({}))
  const engine = createEngine({
    gateway,
    scripts: options.scripts ?? location.origin,
    account: options.account,
    headers,
    ...limits,
    added: panel.add,
    changed(item) {
      panel.changed(item)
      options.changed?.(item)
    },
    stored,
    lost(problem) {
      panel.hold(true)
      options.lost(problem)
    },
  })
  function act(what: (engine: Engine) => void): void {
    void engine.then((ready) => what((mechanics = ready)))
  }

  function announce(words: string): void {
    const message = element('p', {}, words)
    said.append(message)
    setTimeout(() => message.remove(), 20_000)
  }

  /** Says it to everybody. */
  function say(words: string): void {
    panel.note(words)
    announce(words)
  }

  function take({ picked, empty, isTooMuch }: Found): void {
    const into = target()
    if (into === null) return
    panel.note('')
    if (isTooMuch) return say(strings.tooMany(mostFiles))
    if (empty.length > 0) void make(empty, into)
    if (picked.length === 0) return empty.length > 0 ? undefined : announce(strings.announceEmpty)
    act((ready) => {
      const added = ready.add(picked, into)
      announce(added === 0 ? strings.announceAlready : strings.announceAdded(added, into.name))
    })
  }

  async function make(paths: readonly string[], into: Target): Promise<void> {
    try {
      await makeFolders({ gateway, headers }, into, paths, (path) => options.made?.(path, into))
      announce(strings.announceFolders(paths.length))
    } catch (thrown) {
      say(strings.noFolders(asProblem(thrown).words))
    }
  }

  const veil = options.place ? undefined : createVeil()
  const leave = acceptFiles(options.place ?? document, {
    isOpen: () => target() !== null,
    hover(on) {
      veil?.show(on ? strings.dropHere(target()?.name ?? '') : null)
      options.place?.toggleAttribute('data-hover', on)
    },
    dropped: take,
    failed: () => say(strings.unreadableFile),
  })

  return {
    element: host,
    choose: choosers.choose,
    add: (files) => take(filesOf(files)),
    pause(on) {
      panel.hold(on)
      act((ready) => ready.hold(on))
    },
    get busy() {
      return panel.items.some(isUnderWay)
    },
    get fragile() {
      return mechanics?.isFragile ?? false
    },
    get empty() {
      return panel.items.length === 0
    },
    async forget() {
      const ready = await engine
      for (const item of panel.items) ready.cancel(item)
      panel.clear()
      await Promise.all([ready.settled(), ready.noted()])
    },
    async noted() {
      if (panel.items.length > 0) await (await engine).noted()
    },
    close() {
      leave()
      veil?.close()
    },
  }
}
