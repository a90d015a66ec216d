/**
 * Downloads. From the page's own gateway the browser follows a link. A link cannot send a bearer token,
 * and a URL may not contain one, so from a cross-origin gateway the page fetches the file.
 */
import { gatewayFetch, isCrossOrigin } from './api/gateway-fetch.ts'
import { toProblem, readProblem } from './api/problem.ts'
import type { Problem } from './api/problem.ts'
import { openDialog } from './dialog.ts'
import { visibleName } from './display-name.ts'
import { element } from './dom.ts'
import { strings } from './strings.ts'
import { showNotice } from './notices.ts'

/** Larger files are streamed to a file that the user picks, not buffered in memory. */
const maxInMemoryBytes = 256 * 1024 * 1024

/** Not in every browser, so TypeScript's DOM library lacks it. */
interface SavePicker {
  showSaveFilePicker?: (options: { suggestedName: string }) => Promise<FileSystemFileHandle>
}

export interface DownloadRequest {
  /** A path of the gateway. */
  readonly path: string
  readonly name: string
  /** Bytes; `null` when unknown. */
  readonly size: number | null
  readonly onUnauthorized: (problem: Problem) => void
}

/** Call it in the handler of a click or key event: the file picker requires a user gesture. */
export async function download(request: DownloadRequest): Promise<void> {
  const { name, onUnauthorized } = request
  try {
    await (isCrossOrigin ? fetchFile(request) : followLink(request))
  } catch (error) {
    const problem = toProblem(error)
    if (problem.status === 401) return onUnauthorized(problem)
    if (problem.code === 'abusive_file') return openFlaggedDialog(request)
    showNotice(`${strings.downloadFailed(name)}. ${problem.userMessage}`)
  }
}

/** Asks before the download of a file that Google classifies as malware or spam. */
function openFlaggedDialog(request: DownloadRequest): void {
  const { name, path, onUnauthorized } = request
  const acknowledged = { ...request, path: `${path}?acknowledgeAbuse=true` }
  openDialog({
    title: strings.flaggedTitle(visibleName(name)),
    content: [element('p', {}, strings.flaggedText)],
    action: strings.downloadAnyway,
    danger: true,
    onSubmit: () => (isCrossOrigin ? fetchFile(acknowledged) : followLink(acknowledged)),
    onUnauthorized,
  })
}

/** Requests the first byte before it follows the link: a download that fails shows no reason. */
async function followLink({ path, name }: DownloadRequest): Promise<void> {
  const response = await gatewayFetch(path, { cache: 'no-store', headers: { range: 'bytes=0-0' } })
  if (!response.ok) throw readProblem(response.status, await response.text())
  await response.body?.cancel()
  clickLink(path, name)
}

async function fetchFile({ path, name, size }: DownloadRequest): Promise<void> {
  const target = (size ?? 0) > maxInMemoryBytes ? await pickTargetFile(name) : null
  if (target === 'cancelled') return
  if (target === 'unsupported') return void showNotice(strings.downloadTooLarge(name))
  const dismissNotice = showNotice(strings.downloading(name))
  try {
    const response = await gatewayFetch(path, { cache: 'no-store' })
    if (!response.ok) throw readProblem(response.status, await response.text())
    if (target !== null) await writeToFile(response, target)
    else if (!(await saveBlob(response, name)))
      return void showNotice(strings.downloadTooLarge(name))
  } catch (error) {
    dismissNotice()
    throw error
  }
  dismissNotice()
}

async function pickTargetFile(
  name: string,
): Promise<FileSystemFileHandle | 'cancelled' | 'unsupported'> {
  const { showSaveFilePicker } = globalThis as SavePicker
  if (showSaveFilePicker === undefined) return 'unsupported'
  return showSaveFilePicker({ suggestedName: name }).catch((error: unknown) => {
    if (error instanceof DOMException && error.name === 'AbortError') return 'cancelled'
    throw error
  })
}

/** The file is replaced when the stream completes; an interrupted download leaves it unchanged. */
async function writeToFile({ body }: Response, target: FileSystemFileHandle): Promise<void> {
  await body?.pipeTo(await target.createWritable())
}

/** @returns false when the response exceeds `maxInMemoryBytes` */
async function saveBlob(response: Response, name: string): Promise<boolean> {
  if (Number(response.headers.get('content-length') ?? 0) > maxInMemoryBytes) {
    await response.body?.cancel()
    return false
  }
  const href = URL.createObjectURL(await response.blob())
  clickLink(href, parseFileName(response.headers.get('content-disposition')) ?? name)
  setTimeout(() => URL.revokeObjectURL(href), 60_000)
  return true
}

function clickLink(href: string, name: string): void {
  const link = document.createElement('a')
  link.href = href
  link.download = name
  link.click()
}

/** Reads `filename*` of Content-Disposition, which names an export. @see RFC 6266 */
function parseFileName(disposition: string | null): string | null {
  const [, encoded] = /filename\*=UTF-8''([^;]+)/i.exec(disposition ?? '') ?? []
  try {
    return encoded === undefined ? null : decodeURIComponent(encoded)
  } catch {
    return null
  }
}
