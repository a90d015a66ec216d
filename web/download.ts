/**
 * A download from a gateway elsewhere. A link can bring no bearer, and an address may hold no secret:
 * so the page fetches the file itself, and has the browser save it.
 */
import { ask } from './api/gateway-fetch.ts'
import { asProblem, readProblem } from './api/problem.ts'
import type { Problem } from './api/problem.ts'
import { strings } from './strings.ts'
import { notify } from './error-view.ts'

/** Beyond this a file does not go through memory, but straight into a file of the person's. */
const mostInMemory = 256 * 1024 * 1024

/** Not in every browser, and so not in TypeScript's library either. */
interface SavePicker {
  showSaveFilePicker?: (options: { suggestedName: string }) => Promise<FileSystemFileHandle>
}

export interface Wanted {
  /** The gateway's. */
  readonly path: string
  readonly name: string
  /** Bytes; `null` where it is not known before. */
  readonly size: number | null
  readonly lost: (problem: Problem) => void
}

/** Call it in the handler of a click or a key: the browser asks for a place then, if it has to. */
export async function download(wanted: Wanted): Promise<void> {
  const { name, size, lost } = wanted
  let notice: (() => void) | undefined
  try {
    const target = (size ?? 0) > mostInMemory ? await chooseTarget(name) : null
    if (target === 'nowhere') return
    if (target === 'impossible') return void notify(strings.tooLargeToFetch(name))
    notice = notify(strings.downloading(name))
    const fetched = await ask(wanted.path, { cache: 'no-store' })
    if (!fetched.ok) throw readProblem(fetched.status, await fetched.text())
    if (target !== null) await pour(fetched, target)
    else if (!(await hand(fetched, name))) return void notify(strings.tooLargeToFetch(name))
    notice()
  } catch (thrown) {
    notice?.()
    const problem = asProblem(thrown)
    if (problem.status === 401) return lost(problem)
    notify(`${strings.downloadFailed(name)}. ${problem.words}`)
  }
}

async function chooseTarget(
  name: string,
): Promise<FileSystemFileHandle | 'nowhere' | 'impossible'> {
  const { showSaveFilePicker } = globalThis as SavePicker
  if (showSaveFilePicker === undefined) return 'impossible'
  return showSaveFilePicker({ suggestedName: name }).catch((thrown: unknown) => {
    if (thrown instanceof DOMException && thrown.name === 'AbortError') return 'nowhere'
    throw thrown
  })
}

/** What breaks off half-way leaves the person's file as it was. */
async function pour({ body }: Response, target: FileSystemFileHandle): Promise<void> {
  await body?.pipeTo(await target.createWritable())
}

/** @returns whether it was small enough */
async function hand(fetched: Response, name: string): Promise<boolean> {
  if (Number(fetched.headers.get('content-length') ?? 0) > mostInMemory) {
    await fetched.body?.cancel()
    return false
  }
  const href = URL.createObjectURL(await fetched.blob())
  const link = document.createElement('a')
  link.href = href
  link.download = nameIn(fetched.headers.get('content-disposition')) ?? name
  link.click()
  setTimeout(() => URL.revokeObjectURL(href), 60_000)
  return true
}

/** The name that an export has. @see RFC 6266 */
function nameIn(disposition: string | null): string | null {
  const [, encoded] = /filename\*=UTF-8''([^;]+)/i.exec(disposition ?? '') ?? []
  try {
    return encoded === undefined ? null : decodeURIComponent(encoded)
  } catch {
    return null
  }
}
