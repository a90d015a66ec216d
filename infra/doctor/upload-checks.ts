/** Round-trip checks: upload a file by each method, compare it, download it, and delete it. */
import { createHash, randomBytes, randomUUID } from 'node:crypto'
import type { Check } from './check.ts'
import { parseJson, problemCode } from './http-request.ts'
import type { HttpResponse } from './http-request.ts'
import { failure, passed, skipped } from './outcome.ts'
import type { CheckOutcome } from './outcome.ts'
import type { Target } from './target.ts'
import { createTestFile, UploadRefusedError, uploadMethods } from './upload-methods.ts'
import type { TestFile, UploadMethod } from './upload-methods.ts'

const kibibyte = 1024
const mebibyte = 1024 * kibibyte
/** Larger than the request limit of Google's front ends. */
const largeBytes = 33 * mebibyte
const frontEndLimitBytes = 32 * mebibyte
/** Maximum overhead of a multipart form around its file. */
const formOverheadBytes = 64 * kibibyte
/** Bytes per range request; the size of a function's response is limited too. */
const rangeBytes = 16 * mebibyte

const sizes: { label: string; bytes: number }[] = [
  { label: '1 byte', bytes: 1 },
  { label: '33 MiB', bytes: largeBytes },
]

const requestSizeLimit: Check = {
  name: 'Measured request limit',
  why: 'the maximum request size that OPTIONS /upload announces must be the actual one',
  needs: 'operator',
  async run(target) {
    const announced = await readMaxRequestBytes(target)
    const file = newTestFile((announced ?? frontEndLimitBytes) + formOverheadBytes)
    const raw = uploadMethods.find(({ name }) => name === 'raw')
    try {
      const id = await raw?.send(target, file)
      if (id !== undefined) await deleteFile(target, id)
      return { ok: true, found: 'no limit' }
    } catch (error) {
      const isRefused = error instanceof UploadRefusedError
      const status = isRefused ? error.response.status : 0
      const isByDriveway = isRefused && problemCode(error.response) === 'too_large'
      if (announced !== null && (status === 413 || status === 0)) {
        return { ok: true, found: `${announced} bytes` }
      }
      if (status === 413 && !isByDriveway) {
        return failure(
          'A front end before Driveway refuses requests over 32 MiB, but Driveway announces no limit',
          'Set the limit, so that clients send larger files in several requests',
          'npm run setup -- --set=MAX_REQUEST_BYTES=33554432',
        )
      }
      return explainUploadError(error, target, file)
    }
  },
}

const download: Check = {
  name: 'Download',
  why: '33 MiB are downloaded in ranges of 16 MiB and must equal the upload',
  needs: 'operator',
  async run(target) {
    return withFile(target, { method: 'tus', bytes: largeBytes }, async (id, file) => {
      const hash = createHash('sha256')
      for (let start = 0; start < file.bytes.length; start += rangeBytes) {
        const response = await target.requestAsOperator(`/files/${id}/content`, {
          headers: { range: `bytes=${start}-${start + rangeBytes - 1}` },
        })
        if (response.status !== 206) throw new UploadRefusedError(response)
        hash.update(response.body)
      }
      if (hash.digest('hex') === file.sha256) return passed
      return failure(
        'The download differs from the upload: an intermediary modifies response bodies',
        'Find the proxy or scanner that rewrites bodies, and exclude /files from it',
        'npm run doctor',
      )
    })
  },
}

export const uploadChecks: readonly Check[] = [
  requestSizeLimit,
  ...uploadMethods.flatMap((method) => sizes.map((size) => uploadCheck(method, size))),
  download,
]

function uploadCheck(
  { name, singleRequest }: UploadMethod,
  { label, bytes }: (typeof sizes)[number],
): Check {
  return {
    name: `Upload by ${name}, ${label}`,
    why:
      singleRequest && bytes > 1
        ? 'the stored file must equal the upload; smaller if the request size is limited'
        : 'the stored file must equal the upload',
    needs: 'operator',
    async run(target) {
      const maxBytes = singleRequest
        ? ((await readMaxRequestBytes(target)) ?? Infinity) - formOverheadBytes
        : Infinity
      const upload = { method: name, bytes: Math.max(1, Math.min(bytes, maxBytes)) }
      return withFile(target, upload, async (id, file) => {
        const { size, sha256 } = parseJson(await target.requestAsOperator(`/files/${id}`))
        if (size === file.bytes.length && (sha256 ?? file.sha256) === file.sha256) {
          return bytes === 1 ? passed : { ok: true, found: `${file.bytes.length} bytes` }
        }
        return failure(
          'The file in Drive differs from the upload: an intermediary modifies request bodies',
          'Find the proxy or scanner that rewrites bodies, and exclude /upload from it',
          'npm run doctor',
        )
      })
    },
  }
}

/** Uploads a test file, runs `inspect`, and deletes the file in any case. */
async function withFile(
  target: Target,
  { method, bytes }: { method: string; bytes: number },
  inspect: (id: string, file: TestFile) => Promise<CheckOutcome>,
): Promise<CheckOutcome> {
  const file = newTestFile(bytes)
  let id: string | undefined
  let outcome: CheckOutcome
  try {
    id = await uploadMethods.find(({ name }) => name === method)?.send(target, file)
    outcome = id === undefined ? skipped('unknown upload method') : await inspect(id, file)
  } catch (error) {
    outcome = explainUploadError(error, target, file)
  }
  if (id === undefined || (await deleteFile(target, id)) || outcome.ok === false) return outcome
  return failure(
    `The test file could not be deleted: ${file.name} is still in the Drive`,
    'Delete it at https://drive.google.com, and check that the permission is still valid',
    'npm run doctor',
  )
}

function newTestFile(bytes: number): TestFile {
  return createTestFile(`driveway-doctor-${randomUUID()}.bin`, randomBytes(bytes))
}

/** @returns whether the file was deleted */
async function deleteFile(target: Target, id: string): Promise<boolean> {
  const response = await target
    .requestAsOperator(`/auth/doctor/files/${id}`, { method: 'DELETE' })
    .catch(() => undefined)
  return response?.status === 204
}

/** @returns the maximum request size that the gateway announces; `null` when there is none */
async function readMaxRequestBytes(target: Target): Promise<number | null> {
  const { headers } = await target.request('/upload', { method: 'OPTIONS' })
  const value = Number(headers['driveway-max-request-bytes'])
  return Number.isSafeInteger(value) && value > 0 ? value : null
}

/** Explains why an upload failed. */
function explainUploadError(
  error: unknown,
  { project }: Target,
  { bytes }: TestFile,
): CheckOutcome {
  const readLog = `gcloud logging read 'severity>=WARNING' --limit=5 --project=${project}`
  if (!(error instanceof UploadRefusedError)) {
    const { code, message } = error as NodeJS.ErrnoException
    return failure(
      `The connection broke during an upload of ${bytes.length} bytes (${code ?? message})`,
      'Try again; if it still fails, an intermediary closes long requests',
      readLog,
    )
  }
  const { response } = error
  const remedy = remedies[problemCode(response) ?? `status ${response.status}`]
  if (remedy) return failure(...remedy(project))
  return failure(
    `The upload was refused: ${describe(response)}`,
    'Read the cause in the log',
    readLog,
  )
}

function describe(response: HttpResponse): string {
  const { title } = parseJson(response)
  return `${response.status} ${problemCode(response) ?? '(not by Driveway)'}${typeof title === 'string' ? `: ${title}` : ''}`
}

type Remedy = (project: string) => [cause: string, fix: string, command: string]

const uploadQuota: Remedy = () => [
  'An upload quota is used up or smaller than 33 MiB',
  'Use a token without limits, or raise LIMIT_BYTES_PER_DAY and LIMIT_FILES_PER_DAY',
  'npm run setup -- --set=LIMIT_BYTES_PER_DAY=',
]

/** By problem code, or by `status …` for responses that are not Driveway's. */
const remedies: Record<string, Remedy> = {
  'status 413': () => [
    'The request limit of a front end is smaller than the one that Driveway announces',
    'Set the front end’s limit: 32 MiB on Google Cloud',
    'npm run setup -- --set=MAX_REQUEST_BYTES=33554432',
  ],
  too_large: () => [
    'MAX_FILE_BYTES is smaller than 33 MiB',
    'Raise it, or remove it for Drive’s own limit',
    'npm run setup -- --set=MAX_FILE_BYTES=',
  ],
  token_quota_exceeded: uploadQuota,
  daily_quota_exceeded: uploadQuota,
  drive_full: () => [
    'The operator’s Drive is full',
    'Free some storage: https://drive.google.com/drive/quota',
    'npm run doctor',
  ],
  over_capacity: () => [
    'The instance has no memory for another upload',
    'Give the function upload more memory, or remove MEMORY_BYTES',
    'npm run setup -- --set=MEMORY_BYTES=',
  ],
  misconfigured: (project) => [
    'The Google Drive API is not enabled in the project',
    'Enable it, and wait a minute',
    `gcloud services enable drive.googleapis.com --project=${project}`,
  ],
  reauth_required: () => [
    'The operator’s grant at Google is no longer valid',
    'Sign in again: open /auth?reconnect=1',
    'npm run doctor',
  ],
  'status 504': (project) => [
    'Firebase Hosting waits 60 s for a response, and this upload took longer',
    'Scripts should use the functions’ own URLs; the page uploads in chunks',
    `gcloud functions list --project=${project}`,
  ],
}
