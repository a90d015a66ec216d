/**
 * Uploads from the moment they are added until Drive has them: Uppy moves the bytes, this knows how
 * each stands, proves the finished ones, and knows nothing of the page.
 */
import { Problem, asProblem, offline, readProblem } from '../api/problem.ts'
import type { DriveFile } from '../api/types.ts'
import { createDigests } from './digest.ts'
import { isFinished, isUnderWay, sentOf } from './upload-item.ts'
import type { Item, Picked, State, Target } from './upload-item.ts'
import { createJob, likeness, likenessOf, metaOf, pathIn, tooLarge } from './upload-task.ts'
import type { Job } from './upload-task.ts'
import { createMechanics, keptBytes } from './uppy.ts'
import type { MechanicsOptions, Meta } from './uppy.ts'
import { endUpload, proven } from './verify.ts'
import type { Claim } from './verify.ts'
import { strings } from './strings.ts'

export interface EngineOptions extends Omit<MechanicsOptions, 'cut'> {
  /** The origin that has `/digest.js`. */
  readonly scripts: string
  /** Bytes; `null` where there is no limit. */
  readonly maxFileBytes: number | null
  readonly added: (items: readonly Item[]) => void
  readonly changed: (item: Item) => void
  readonly stored: (file: DriveFile, item: Item) => void
  /** Called with a 401, after everything was held. */
  readonly lost: (problem: Problem) => void
}

export type Engine = Awaited<ReturnType<typeof createEngine>>

export async function createEngine(options: EngineOptions) {
  const { headers, maxFileBytes } = options
  const jobs = new Map<string, Job>()
  const digestOf = createDigests(options.scripts)
  let isHeld = false
  const { uploads, stack, survives, over, noted } = await createMechanics({
    ...options,
    cut: (id) => onJob(id, (job) => become(job, { is: 'cut', sent: sentOf(job.item) })),
  })

  function onJob(id: string | undefined, act: (job: Job) => unknown): void {
    const job = jobs.get(id ?? '')
    if (job) act(job)
  }

  function become(job: Job, state: State): void {
    job.item.state = state
    options.changed(job.item)
  }

  function fail(job: Job, problem: Problem, final = false): void {
    job.stop.abort()
    become(job, { is: 'failed', problem, final })
  }

  /** Begins, goes on from where it stopped, or waits for its time. */
  function run(job: Job): void {
    become(job, { is: 'waiting' })
    if (isHeld) return
    const { isBegun, isStopped, item, meta, file } = job
    job.isBegun = true
    job.isStopped = false
    if (isBegun) {
      if (isStopped) uploads.pauseResume(item.id)
      return
    }
    if (job.stop.signal.aborted) job.stop = new AbortController()
    if (!uploads.getFile(item.id)) introduce(meta, file)
    void uploads.retryUpload(item.id)?.catch(() => {})
  }

  function halt(job: Job): void {
    if (job.isBegun && !job.isStopped) uploads.pauseResume(job.item.id)
    job.isStopped = true
  }

  function release(job: Job, address = ''): void {
    job.isBegun = false
    job.isStopped = false
    over?.add(job.item.id, address)
    if (uploads.getFile(job.item.id)) uploads.removeFile(job.item.id)
  }

  /** Nothing of it is to stay in Drive. What Uppy has in hand it gives up there by itself. */
  function abandon(job: Job): void {
    const address = job.address ?? uploads.getFile(job.item.id)?.tus?.uploadUrl ?? ''
    const isInHand = job.isBegun && job.address === undefined
    job.address = undefined
    release(job, address)
    if (address !== '' && !isInHand) stack.track(endUpload({ address, headers }))
  }

  /** @returns the id; the same for the same file and metadata */
  function introduce(meta: Meta, file: File | undefined): string {
    const data = file ?? new File([], meta.filename)
    return uploads.addFile({ name: data.name, type: data.type, data, meta })
  }

  function enlist(job: Job): Job {
    jobs.set(job.item.id, job)
    return job
  }

  /** Read beside the upload, which it ends where the file can no longer be read. */
  function digest(job: Job): Promise<string> {
    job.digest ??= digestOf(job.file ?? new Blob(), job.stop.signal)
    job.digest.catch(() => {
      job.digest = undefined
      if (job.stop.signal.aborted) return
      release(job)
      fail(job, new Problem({ code: 'unreadable_file', title: strings.unreadableFile }), true)
    })
    return job.digest
  }

  async function prove(job: Job, claim: Claim): Promise<void> {
    const { item, stop } = job
    job.address = claim.address
    become(job, { is: 'checking' })
    try {
      const file = await proven(item, claim, await digest(job))
      if (stop.signal.aborted) return
      become(job, { is: 'stored', file })
      options.stored(file, item)
    } catch (thrown) {
      if (!stop.signal.aborted) fail(job, asProblem(thrown))
    }
    job.address = undefined
    release(job)
  }

  function hold(on: boolean): void {
    isHeld = on
    for (const job of jobs.values()) {
      if (!isUnderWay(job.item) || job.item.state.is === 'checking') continue
      if (on) halt(job)
      run(job)
    }
  }

  uploads.on('upload-progress', (upload, { bytesUploaded }) =>
    onJob(upload?.id, (job) => {
      if (job.isStopped || !isUnderWay(job.item)) return
      void digest(job).catch(() => {})
      const sent = bytesUploaded
      if (sent === job.item.size) become(job, { is: 'checking' })
      else become(job, { is: 'sending', sent, rate: job.meter.rate(sent) })
    }),
  )
  uploads.on('upload-success', (upload, { uploadURL = '', body }) =>
    onJob(upload?.id, (job) =>
      prove(job, {
        address: uploadURL,
        header: (name) => body?.xhr.getResponseHeader(name) ?? null,
        headers,
      }),
    ),
  )
  uploads.on('upload-error', (upload, _error, answer) =>
    onJob(upload?.id, (job) => {
      job.isBegun = false
      const xhr = answer?.body?.xhr
      const problem = xhr === undefined ? offline() : readProblem(xhr.status, xhr.responseText)
      if (problem.status !== 401) return fail(job, problem)
      hold(true)
      run(job)
      options.lost(problem)
    }),
  )
  addEventListener('online', () => {
    for (const job of jobs.values()) {
      if (job.item.state.is !== 'cut') continue
      halt(job)
      run(job) // at once, rather than when the next try is due
    }
  })
  takeUp()

  /** What an earlier page left under way goes on. */
  function takeUp(): void {
    uploads.setState({ currentUploads: {}, recoveredState: null })
    const ended = uploads
      .getFiles()
      .filter(({ id, progress }) => progress.uploadComplete || over?.has(id))
    uploads.removeFiles(ended.map(({ id }) => id))
    for (const address of over?.addresses ?? []) stack.track(endUpload({ address, headers }))
    const taken = uploads.getFiles().map(({ id, meta, data, isGhost, size }) => {
      uploads.setFileState(id, { isPaused: false, error: null })
      return enlist(createJob(id, meta, isGhost ? undefined : (data as File), size ?? 0))
    })
    if (taken.length === 0) return
    options.added(taken.map(({ item }) => item))
    for (const job of taken) if (job.file) run(job)
  }

  /** Takes a file that the person has chosen again for an upload that lacks it. */
  function complete({ file, path }: Picked, target: Target): boolean {
    const fits = ({ item }: Job): boolean =>
      item.state.is === 'missing' &&
      item.name === file.name &&
      item.size === file.size &&
      (path === '' || item.path === pathIn(target, path))
    const job = [...jobs.values()].find(fits)
    if (!job) return false
    job.file = file
    const id = introduce(job.meta, file)
    if (id !== job.item.id) uploads.removeFile(id) // changed since: its bytes decide in the end
    uploads.setFileState(job.item.id, { data: file, isGhost: false })
    run(job)
    return true
  }

  return {
    /** @returns how many were taken: one that is on its way already is not taken twice */
    add(picked: readonly Picked[], target: Target): number {
      const open = [...jobs.values()].filter(({ item }) => !isFinished(item))
      const here = new Set(open.map(likenessOf))
      const rest = picked.filter((one) => !complete(one, target))
      const fresh = rest.filter((one) => !here.has(likeness(one, target)))
      const added = fresh.map((one) => {
        const meta = metaOf(one, target)
        return enlist(createJob(introduce(meta, one.file), meta, one.file, one.file.size))
      })
      options.added(added.map(({ item }) => item))
      for (const job of added) {
        const { size } = job.item
        if (size <= (maxFileBytes ?? Infinity)) run(job)
        else {
          release(job)
          fail(job, tooLarge(size, maxFileBytes ?? 0), true)
        }
      }
      return picked.length - rest.length + added.length
    },
    cancel: ({ id }: Item) =>
      onJob(id, (job) => {
        job.stop.abort()
        abandon(job)
        become(job, { is: 'cancelled' })
      }),
    pause: ({ id }: Item) =>
      onJob(id, (job) => {
        const sent = sentOf(job.item)
        halt(job)
        become(job, { is: 'paused', sent })
      }),
    /** Goes on with what was paused, failed or cancelled. */
    resume: ({ id }: Item) => onJob(id, run),
    /** Forgets what is over. */
    remove({ id }: Item): void {
      onJob(id, (job) => (job.item.state.is === 'stored' ? release(job) : abandon(job)))
      jobs.delete(id)
    },
    hold,
    /** Whether leaving the page would ask the person for a file again. */
    get isFragile(): boolean {
      return [...jobs.values()].some(
        ({ item }) => isUnderWay(item) && (!survives || item.size > keptBytes),
      )
    },
    /** Resolves when what was cancelled is out of Drive too, or could not be reached. */
    settled: () => stack.settled(),
    noted,
  }
}
