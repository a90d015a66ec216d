/** One file, one request. XMLHttpRequest because `fetch` does not tell how much has been sent. */
import { Problem, readProblem, unreadable } from './problem.ts'
import { strings } from './strings.ts'
import { readUploaded } from './wire.ts'
import type { DriveFile } from './wire.ts'

export interface Watch {
  /** Bytes of the file that have left the browser. */
  sent(bytes: number): void
  /** All bytes have left; Driveway and Drive have not said yet that they have them. */
  checking(): void
}

export type Send = (
  file: File,
  folder: string | null,
  watch: Watch,
  signal: AbortSignal,
) => Promise<DriveFile>

export const send: Send = (file, folder, watch, signal) =>
  new Promise((resolve, reject) => {
    const request = new XMLHttpRequest()
    let allSent = false
    request.upload.addEventListener('progress', ({ loaded }) => {
      watch.sent(Math.min(loaded, file.size)) // `loaded` counts the form around the file too
    })
    request.upload.addEventListener('load', () => {
      allSent = true
      watch.checking()
    })
    request.addEventListener('load', () => {
      try {
        resolve(readAnswer(request.status, request.responseText))
      } catch (problem) {
        reject(problem)
      }
    })
    request.addEventListener('error', () => reject(broken(allSent)))
    request.addEventListener('abort', () => reject(signal.reason))
    signal.addEventListener('abort', () => request.abort())
    request.open('POST', '/upload')
    request.setRequestHeader('accept', 'application/json')
    request.send(form(file, folder))
  })

function form(file: File, folder: string | null): FormData {
  const data = new FormData()
  if (folder !== null) data.append('folder', folder) // before the file: its stream starts at once
  data.append('file', file, file.name)
  return data
}

function readAnswer(status: number, body: string): DriveFile {
  if (status !== 201) throw readProblem(status, body)
  try {
    return readUploaded(JSON.parse(body))
  } catch {
    throw unreadable()
  }
}

function broken(allSent: boolean): Problem {
  const detail = allSent ? strings.brokenLate : strings.brokenUpload
  return new Problem({ code: 'offline', title: strings.offline, detail })
}
