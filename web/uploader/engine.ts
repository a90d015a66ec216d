/**
 * The upload engine: manages uploads from adding a file to its verification in Drive. Uppy transfers
 * the bytes; the engine tracks states and verifies checksums. It has no user interface.
 */
import { Problem, offlineProblem, readProblem, toProblem } from '../api/problem.ts'
import type { DriveFile } from '../api/types.ts'
import { createDigester } from './digest.ts'
import { isActive, isFinished, sentBytes } from './upload-item.ts'
import type { PickedFile, UploadItem, UploadState, UploadTarget } from './upload-item.ts'
import {
  createMeta,
  createUploadTask,
  fileTooLarge,
  fingerprint,
  pathInTarget,
  taskFingerprint,
} from './upload-task.ts'
import type { UploadTask } from './upload-task.ts'
import { createUppyClient, maxPersistedFileBytes } from './uppy.ts'
import type { UploadMeta, UppyClientOptions } from './uppy.ts'
import { deleteUpload, verifyUpload } from './verify.ts'
import type { CompletedUpload } from './verify.ts'
import { strings } from './strings.ts'

export interface EngineOptions extends Omit<UppyClientOptions, 'onDisconnect'> {
  /** The origin that serves `/digest.js`. */
  readonly scriptOrigin: string
  /** Bytes; `null` for no limit. */
  readonly maxFileBytes: number | null
  readonly onAdded: (items: readonly UploadItem[]) => void
  readonly onChange: (item: UploadItem) => void
  readonly onStored: (file: DriveFile, item: UploadItem) => void
  /** Called with a 401, after all uploads are put on hold. */
  readonly onUnauthorized: (problem: Problem) => void
}

export type Engine = Awaited<ReturnType<typeof createEngine>>

export async function createEngine(options: EngineOptions) {
  const { headers, maxFileBytes } = options
  const tasks = new Map<string, UploadTask>()
  const computeDigest = createDigester(options.scriptOrigin)
  let isOnHold = false
  const { uppy, httpStack, isPersistent, finishedJournal, persisted } = await createUppyClient({
    ...options,
    onDisconnect: (id) =>
      withTask(id, (task) =>
        setState(task, { status: 'reconnecting', sent: sentBytes(task.item) }),
      ),
  })

  function withTask(id: string | undefined, callback: (task: UploadTask) => unknown): void {
    const task = tasks.get(id ?? '')
    if (task) callback(task)
  }

  function setState(task: UploadTask, state: UploadState): void {
    task.item.state = state
    options.onChange(task.item)
  }

  function fail(task: UploadTask, problem: Problem, isFinal = false): void {
    task.controller.abort()
    setState(task, { status: 'failed', problem, isFinal })
  }

  /** Starts or resumes an upload, or queues it. */
  function start(task: UploadTask): void {
    setState(task, { status: 'waiting' })
    if (isOnHold) return
    const { isStarted, isSuspended, item, meta, file } = task
    task.isStarted = true
    task.isSuspended = false
    if (isStarted) {
      if (isSuspended) uppy.pauseResume(item.id)
      return
    }
    if (task.controller.signal.aborted) task.controller = new AbortController()
    if (!uppy.getFile(item.id)) addToUppy(meta, file)
    void uppy.retryUpload(item.id)?.catch(() => {})
  }

  function suspend(task: UploadTask): void {
    if (task.isStarted && !task.isSuspended) uppy.pauseResume(task.item.id)
    task.isSuspended = true
  }

  /** Removes an upload from Uppy and adds it to the journal. */
  function removeFromUppy(task: UploadTask, deleteUrl = ''): void {
    task.isStarted = false
    task.isSuspended = false
    finishedJournal?.add(task.item.id, deleteUrl)
    if (uppy.getFile(task.item.id)) uppy.removeFile(task.item.id)
  }

  /** Deletes an upload at the gateway and in Drive. Uppy itself deletes an upload in progress. */
  function discard(task: UploadTask): void {
    const url = task.uploadUrl ?? uppy.getFile(task.item.id)?.tus?.uploadUrl ?? ''
    const isInProgress = task.isStarted && task.uploadUrl === undefined
    task.uploadUrl = undefined
    removeFromUppy(task, url)
    if (url !== '' && !isInProgress) httpStack.trackDeletion(deleteUpload({ url, headers }))
  }

  /** @returns the id, which is the same for the same file and metadata */
  function addToUppy(meta: UploadMeta, file: File | undefined): string {
    const data = file ?? new File([], meta.filename)
    return uppy.addFile({ name: data.name, type: data.type, data, meta })
  }

  function register(task: UploadTask): UploadTask {
    tasks.set(task.item.id, task)
    return task
  }

  /** Computes the digest during the upload; fails the upload when the file can no longer be read. */
  function startDigest(task: UploadTask): Promise<string> {
    task.digest ??= computeDigest(task.file ?? new Blob(), task.controller.signal)
    task.digest.catch(() => {
      task.digest = undefined
      if (task.controller.signal.aborted) return
      removeFromUppy(task)
      fail(task, new Problem({ code: 'unreadable_file', title: strings.unreadableFile }), true)
    })
    return task.digest
  }

  async function verify(task: UploadTask, upload: CompletedUpload): Promise<void> {
    const { item, controller } = task
    task.uploadUrl = upload.url
    setState(task, { status: 'verifying' })
    try {
      const file = await verifyUpload(item, upload, await startDigest(task))
      if (controller.signal.aborted) return
      setState(task, { status: 'stored', file })
      options.onStored(file, item)
    } catch (error) {
      if (!controller.signal.aborted) fail(task, toProblem(error))
    }
    task.uploadUrl = undefined
    removeFromUppy(task)
  }

  function setOnHold(value: boolean): void {
    isOnHold = value
    for (const task of tasks.values()) {
      if (!isActive(task.item) || task.item.state.status === 'verifying') continue
      if (value) suspend(task)
      start(task)
    }
  }

  uppy.on('upload-progress', (upload, { bytesUploaded }) =>
    withTask(upload?.id, (task) => {
      if (task.isSuspended || !isActive(task.item)) return
      void startDigest(task).catch(() => {})
      const sent = bytesUploaded
      if (sent === task.item.size) setState(task, { status: 'verifying' })
      else setState(task, { status: 'uploading', sent, rate: task.transferRate.update(sent) })
    }),
  )
  uppy.on('upload-success', (upload, { uploadURL: url = '', body }) =>
    withTask(upload?.id, (task) =>
      verify(task, { url, header: (name) => body?.xhr.getResponseHeader(name) ?? null, headers }),
    ),
  )
  uppy.on('upload-error', (upload, _error, response) =>
    withTask(upload?.id, (task) => {
      task.isStarted = false
      const xhr = response?.body?.xhr
      const problem =
        xhr === undefined ? offlineProblem() : readProblem(xhr.status, xhr.responseText)
      if (problem.status !== 401) return fail(task, problem)
      setOnHold(true)
      start(task)
      options.onUnauthorized(problem)
    }),
  )
  addEventListener('online', () => {
    for (const task of tasks.values()) {
      if (task.item.state.status !== 'reconnecting') continue
      suspend(task)
      start(task) // retries now instead of after the retry delay
    }
  })
  restore()

  /** Resumes the uploads of an earlier page. */
  function restore(): void {
    uppy.setState({ currentUploads: {}, recoveredState: null })
    const finished = uppy
      .getFiles()
      .filter(({ id, progress }) => progress.uploadComplete || finishedJournal?.has(id))
    uppy.removeFiles(finished.map(({ id }) => id))
    for (const url of finishedJournal?.deleteUrls ?? []) {
      httpStack.trackDeletion(deleteUpload({ url, headers }))
    }
    const restored = uppy.getFiles().map(({ id, meta, data, isGhost, size }) => {
      uppy.setFileState(id, { isPaused: false, error: null })
      return register(createUploadTask(id, meta, isGhost ? undefined : (data as File), size ?? 0))
    })
    if (restored.length === 0) return
    options.onAdded(restored.map(({ item }) => item))
    for (const task of restored) if (task.file) start(task)
  }

  /** Attaches a file that the user has chosen again to the upload whose file is missing. */
  function reattach({ file, path }: PickedFile, target: UploadTarget): boolean {
    const matches = ({ item }: UploadTask): boolean =>
      item.state.status === 'missing' &&
      item.name === file.name &&
      item.size === file.size &&
      (path === '' || item.path === pathInTarget(target, path))
    const task = [...tasks.values()].find(matches)
    if (!task) return false
    task.file = file
    const id = addToUppy(task.meta, file)
    if (id !== task.item.id) uppy.removeFile(id) // a modified file: the checksum decides at the end
    uppy.setFileState(task.item.id, { data: file, isGhost: false })
    start(task)
    return true
  }

  return {
    /** @returns the number of accepted files; a file that is already uploading is skipped */
    add(picked: readonly PickedFile[], target: UploadTarget): number {
      const open = [...tasks.values()].filter(({ item }) => !isFinished(item))
      const fingerprints = new Set(open.map(taskFingerprint))
      const unattached = picked.filter((file) => !reattach(file, target))
      const newFiles = unattached.filter((file) => !fingerprints.has(fingerprint(file, target)))
      const added = newFiles.map((newFile) => {
        const { file } = newFile
        const meta = createMeta(newFile, target)
        return register(createUploadTask(addToUppy(meta, file), meta, file, file.size))
      })
      options.onAdded(added.map(({ item }) => item))
      for (const task of added) {
        const { size } = task.item
        if (size <= (maxFileBytes ?? Infinity)) start(task)
        else {
          removeFromUppy(task)
          fail(task, fileTooLarge(size, maxFileBytes ?? 0), true)
        }
      }
      return picked.length - unattached.length + added.length
    },
    cancel: ({ id }: UploadItem) =>
      withTask(id, (task) => {
        task.controller.abort()
        discard(task)
        setState(task, { status: 'cancelled' })
      }),
    pause: ({ id }: UploadItem) =>
      withTask(id, (task) => {
        const sent = sentBytes(task.item)
        suspend(task)
        setState(task, { status: 'paused', sent })
      }),
    /** Resumes a paused upload, or retries a failed or cancelled one. */
    resume: ({ id }: UploadItem) => withTask(id, start),
    /** Removes a finished upload from the list. */
    remove({ id }: UploadItem): void {
      withTask(id, (task) =>
        task.item.state.status === 'stored' ? removeFromUppy(task) : discard(task),
      )
      tasks.delete(id)
    },
    setOnHold,
    /** Whether leaving the page would require the user to choose a file again. */
    get hasUnpersistedFiles(): boolean {
      return [...tasks.values()].some(
        ({ item }) => isActive(item) && (!isPersistent || item.size > maxPersistedFileBytes),
      )
    },
    /** Resolves when the deletions of cancelled uploads have settled. */
    deletionsSettled: () => httpStack.deletionsSettled(),
    persisted,
  }
}
