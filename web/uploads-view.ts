/** The list of uploads, and the queue behind it. It outlives the folder, and even the session. */
import { announce } from './announce.ts'
import { button, element } from './element.ts'
import { formatBytes } from './format.ts'
import { visibleName } from './names.ts'
import type { Problem } from './problem.ts'
import { createQueue, createUpload, tooLarge } from './queue.ts'
import type { Upload } from './queue.ts'
import { send } from './send.ts'
import { strings } from './strings.ts'
import { nameOf } from './trail.ts'
import type { Trail } from './trail.ts'
import { createUploadRow } from './upload-row.ts'
import type { UploadRow } from './upload-row.ts'
import type { DriveFile } from './wire.ts'

const atOnce = 2
const formAround = 16_384 // bytes that a request may need besides the file itself

export interface UploadsOptions {
  readonly stored: (file: DriveFile, trail: Trail) => void
  /** Called with a 401, after the row shows it. */
  readonly lost: (problem: Problem) => void
}

export interface Limits {
  readonly maxRequestBytes: number | null
  readonly maxFileBytes: number | null
}

export type UploadsView = ReturnType<typeof createUploadsView>

export function createUploadsView({ stored, lost }: UploadsOptions) {
  let limit = Infinity
  const rows = new Map<Upload, UploadRow>()
  const heading = element('h2', { id: 'uploads', tabindex: -1 }, strings.uploads)
  const tally = element('p', { class: 'small' })
  const clear = button(strings.clearUploads, () => clearFinished(), { class: 'quiet' })
  const list = element('ul', { role: 'list' })
  const head = element('div', { class: 'card-head' }, element('div', {}, heading, tally), clear)
  const panel = element(
    'section',
    { class: 'card uploads', 'aria-labelledby': 'uploads' },
    head,
    list,
  )

  const queue = createQueue({
    send,
    atOnce,
    refusal: ({ size }) => (size > limit ? tooLarge(formatBytes(size), formatBytes(limit)) : null),
    changed(upload) {
      rows.get(upload)?.update()
      if (!rows.has(upload) || upload.state.is === 'sending') return
      count()
      tell(upload)
    },
  })

  function tell({ state, file, trail }: Upload): void {
    const name = visibleName(file.name)
    if (state.is === 'stored') {
      announce(strings.announceStored(name))
      stored({ ...state.stored, modified: new Date() }, trail)
    }
    if (state.is !== 'failed') return
    announce(strings.announceFailed(name, state.problem.words))
    if (state.problem.status !== 401) return
    queue.pause(true)
    lost(state.problem)
  }

  function count(): void {
    const uploads = [...rows.keys()]
    const done = uploads.filter(({ state }) => state.is === 'stored').length
    panel.hidden = uploads.length === 0
    tally.textContent = strings.uploadsDone(done, uploads.length)
    clear.hidden = !uploads.some(isFinished)
  }

  function clearFinished(): void {
    for (const [upload, row] of rows) {
      if (!isFinished(upload)) continue
      row.element.remove()
      rows.delete(upload)
    }
    count()
    if (!panel.hidden) heading.focus()
  }

  count()
  return {
    element: panel,
    add(files: readonly File[], trail: Trail): void {
      if (files.length === 0) return
      announce(strings.announceAdded(files.length, nameOf(trail)))
      for (const file of files) {
        const upload = createUpload(file, trail)
        const row = createUploadRow(upload, queue)
        rows.set(upload, row)
        list.append(row.element)
        queue.add(upload)
      }
    },
    /** Room for one file in one request. */
    limitTo({ maxRequestBytes, maxFileBytes }: Limits): void {
      limit = Math.min((maxRequestBytes ?? Infinity) - formAround, maxFileBytes ?? Infinity)
    },
    pause: (on: boolean) => queue.pause(on),
    get busy(): boolean {
      return queue.busy
    },
    get empty(): boolean {
      return rows.size === 0
    },
    /** For another account, or none: nothing of this one may go on or stay visible. */
    drop(): void {
      for (const [upload, row] of rows) {
        rows.delete(upload)
        row.element.remove()
        queue.cancel(upload)
      }
      count()
    },
  }
}

function isFinished({ state }: Upload): boolean {
  return state.is === 'stored' || state.is === 'failed' || state.is === 'cancelled'
}
