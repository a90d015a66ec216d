/** Bytes for real: up by each way in, compared, down again, and removed. */
import { createHash, randomBytes, randomUUID } from 'node:crypto'
import { problemCode, parseJson } from './http-request.ts'
import type { HttpResponse } from './http-request.ts'
import { passed, skipped, failed } from './check.ts'
import type { Check, CheckOutcome } from './check.ts'
import type { Target } from './target.ts'
import { UploadRefusedError, createTestFile, uploadMethods } from './upload-methods.ts'
import type { TestFile, UploadMethod } from './upload-methods.ts'

const kibibyte = 1024
const mebibyte = 1024 * kibibyte
/** More than any front end of Google's takes at once. */
const large = 33 * mebibyte
const frontEndBytes = 32 * mebibyte
/** What a form needs around its file. */
const margin = 64 * kibibyte
/** What a function may answer at once is capped as well. */
const rangeBytes = 16 * mebibyte

const sizes: { words: string; bytes: number }[] = [
  { words: '1 byte', bytes: 1 },
  { words: '33 MiB', bytes: large },
]

const ceiling: Check = {
  name: 'Body ceiling',
  why: 'how much one request may hold: what OPTIONS /upload says, against what is seen',
  needs: 'operator',
  async run(patient) {
    const announced = await readCeiling(patient)
    const trial = newTrial((announced ?? frontEndBytes) + margin)
    const raw = uploadMethods.find(({ name }) => name === 'raw')
    try {
      const id = await raw?.send(patient, trial)
      if (id !== undefined) await remove(patient, id)
      return { ok: true, found: 'none' }
    } catch (error) {
      const status = error instanceof UploadRefusedError ? error.answer.status : 0
      const isByDriveway =
        error instanceof UploadRefusedError && problemCode(error.answer) === 'too_large'
      if (announced !== null && (status === 413 || status === 0)) {
        return { ok: true, found: `${announced} bytes` }
      }
      if (status === 413 && !isByDriveway) {
        return failed(
          'Something before Driveway refuses requests over 32 MiB, and Driveway says there is no ceiling',
          'Say which it is, so that callers send larger files in several requests',
          'npm run setup -- --set=MAX_REQUEST_BYTES=33554432',
        )
      }
      return readFailure(error, patient, trial)
    }
  },
}

const download: Check = {
  name: 'Download',
  why: '33 MiB come back as they went, in pieces of 16 MiB',
  needs: 'operator',
  async run(patient) {
    return withFile(patient, { way: 'tus', bytes: large }, async (id, trial) => {
      const hash = createHash('sha256')
      for (let at = 0; at < trial.bytes.length; at += rangeBytes) {
        const answer = await patient.requestAsOperator(`/files/${id}/content`, {
          headers: { range: `bytes=${at}-${at + rangeBytes - 1}` },
        })
        if (answer.status !== 206) throw new UploadRefusedError(answer)
        hash.update(answer.body)
      }
      if (hash.digest('hex') === trial.sha256) return passed
      return failed(
        'What comes down is not what went up: something between changes bytes',
        'Look for a proxy or a scanner that rewrites bodies, and let /files pass it',
        'npm run doctor',
      )
    })
  },
}

export const uploadChecks: readonly Check[] = [
  ceiling,
  ...uploadMethods.flatMap((way) => sizes.map((size) => trialCheck(way, size))),
  download,
]

function trialCheck(
  { name, singleRequest: atOnce }: UploadMethod,
  { words, bytes }: (typeof sizes)[number],
): Check {
  return {
    name: `Upload by ${name}, ${words}`,
    why: atOnce && bytes > 1 ? 'or as much as one request may hold' : 'then compared and removed',
    needs: 'operator',
    async run(patient) {
      const most = atOnce ? ((await readCeiling(patient)) ?? Infinity) - margin : Infinity
      const wanted = { way: name, bytes: Math.max(1, Math.min(bytes, most)) }
      return withFile(patient, wanted, async (id, trial) => {
        const { size, sha256 } = parseJson(await patient.requestAsOperator(`/files/${id}`))
        if (size === trial.bytes.length && (sha256 ?? trial.sha256) === trial.sha256) {
          return bytes === 1 ? passed : { ok: true, found: `${trial.bytes.length} bytes` }
        }
        return failed(
          'Drive holds something else than was sent',
          'Look for a proxy or a scanner that rewrites bodies, and let /upload pass it',
          'npm run doctor',
        )
      })
    },
  }
}

/** Uploads, looks, and removes, whatever was seen. */
async function withFile(
  patient: Target,
  { way, bytes }: { way: string; bytes: number },
  look: (id: string, trial: TestFile) => Promise<CheckOutcome>,
): Promise<CheckOutcome> {
  const trial = newTrial(bytes)
  let id: string | undefined
  let outcome: CheckOutcome
  try {
    id = await uploadMethods.find(({ name }) => name === way)?.send(patient, trial)
    outcome = id === undefined ? skipped('there is no such way in') : await look(id, trial)
  } catch (error) {
    outcome = readFailure(error, patient, trial)
  }
  if (id === undefined || (await remove(patient, id)) || outcome.ok === false) return outcome
  return failed(
    `What was tried could not be removed: ${trial.name} is still in the Drive`,
    'Remove it at https://drive.google.com, and see whether the permission still holds',
    'npm run doctor',
  )
}

function newTrial(bytes: number): TestFile {
  return createTestFile(`driveway-doctor-${randomUUID()}.bin`, randomBytes(bytes))
}

/** @returns whether it is gone */
async function remove(patient: Target, id: string): Promise<boolean> {
  const answer = await patient
    .requestAsOperator(`/auth/doctor/files/${id}`, { method: 'DELETE' })
    .catch(() => undefined)
  return answer?.status === 204
}

async function readCeiling(patient: Target): Promise<number | null> {
  const { headers } = await patient.request('/upload', { method: 'OPTIONS' })
  const value = Number(headers['driveway-max-request-bytes'])
  return Number.isSafeInteger(value) && value > 0 ? value : null
}

/** What ended an upload, and what mends it. */
function readFailure(error: unknown, { project }: Target, { bytes }: TestFile): CheckOutcome {
  const log = `gcloud logging read 'severity>=WARNING' --limit=5 --project=${project}`
  if (!(error instanceof UploadRefusedError)) {
    const { code, message } = error as NodeJS.ErrnoException
    return failed(
      `The connection broke while ${bytes.length} bytes went up (${code ?? message})`,
      'Try again; where it stays so, something between here and Driveway cuts long requests off',
      log,
    )
  }
  const { answer } = error
  const known = causes[problemCode(answer) ?? `status ${answer.status}`]
  if (known) return failed(...known(project))
  return failed(`Refused with ${describe(answer)}`, 'The log says more', log)
}

function describe(answer: HttpResponse): string {
  const { title } = parseJson(answer)
  return `${answer.status} ${problemCode(answer) ?? '(not by Driveway)'}${typeof title === 'string' ? `: ${title}` : ''}`
}

type Cause = (project: string) => [cause: string, fix: string, command: string]

const limits: Cause = () => [
  'A limit for uploads is reached or is smaller than 33 MiB',
  'Take a token without limits, or raise LIMIT_BYTES_PER_DAY and LIMIT_FILES_PER_DAY',
  'npm run setup -- --set=LIMIT_BYTES_PER_DAY=',
]

const causes: Record<string, Cause> = {
  'status 413': () => [
    'Something before Driveway takes less in one request than Driveway says it does',
    'Say what the front end takes: 32 MiB on Google Cloud',
    'npm run setup -- --set=MAX_REQUEST_BYTES=33554432',
  ],
  too_large: () => [
    'MAX_FILE_BYTES is smaller than 33 MiB',
    'Raise it, or leave it out for Drive’s own limit',
    'npm run setup -- --set=MAX_FILE_BYTES=',
  ],
  token_quota_exceeded: limits,
  daily_quota_exceeded: limits,
  drive_full: () => [
    'The operator’s Drive is full',
    'Make room in it: https://drive.google.com/drive/quota',
    'npm run doctor',
  ],
  over_capacity: () => [
    'There is no memory for another upload',
    'Give the function upload more memory, or leave MEMORY_BYTES out',
    'npm run setup -- --set=MEMORY_BYTES=',
  ],
  misconfigured: (project) => [
    'The Google Drive API is not enabled in the project',
    'Enable it, and wait a minute',
    `gcloud services enable drive.googleapis.com --project=${project}`,
  ],
  reauth_required: () => [
    'Google no longer takes what the operator granted',
    'Sign in again: open /auth?reconnect=1',
    'npm run doctor',
  ],
  'status 504': (project) => [
    'Firebase Hosting waits 60 s for an answer, and this took longer',
    'Use the functions’ own addresses from scripts; the page sends pieces',
    `gcloud functions list --project=${project}`,
  ],
}
