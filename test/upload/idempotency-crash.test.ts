import { afterAll, afterEach, beforeAll, expect, test } from '@jest/globals'
import { createHash, randomBytes } from 'node:crypto'
import { createAttempts } from '../../functions/drive/upload/idempotency.ts'
import type { Attempt, AttemptRecord } from '../../functions/drive/upload/idempotency.ts'
import { createBudget } from '../../functions/drive/upload/buffer-pool.ts'
import { createIds, reserveAt } from '../../functions/drive/upload/file-id-pool.ts'
import { createPlaces } from '../../functions/drive/upload/conflict-policy.ts'
import type { Mode } from '../../functions/drive/upload/conflict-policy.ts'
import { unlimited } from '../../functions/identity/quota.ts'
import { createMemoryRecords } from '../../functions/store/versioned-store.ts'
import { createSend } from '../../functions/drive/client/transport.ts'
import { createUploads } from '../../functions/drive/upload/upload.ts'
import { createLog } from '../../functions/http/log.ts'
import type { Outcome } from '../../functions/upload/response.ts'
import { uploadFile } from '../../functions/upload/store-file.ts'
import type { UploadFileParts, Wanted } from '../../functions/upload/store-file.ts'
import { createDrive } from '../../infra/sandbox/drive/index.ts'
import type { Drive } from '../../infra/sandbox/drive/index.ts'
import { startSandbox } from '../../infra/sandbox/server.ts'
import type { Sandbox } from '../../infra/sandbox/server.ts'

const chunkBytes = 256 * 1024
const holdMs = 60_000
const account = { sub: 'p', token: () => Promise.resolve('t') }
const never = new AbortController().signal
const lines: string[] = []
const log = createLog('sandbox', (line) => lines.push(line))

let drive: Drive
let sandbox: Sandbox
let parts: UploadFileParts
let clock = 0
let count = 0

beforeAll(async () => {
  const scopes = new Set(['drive.file'])
  drive = createDrive({ identify: () => ({ sub: 'p', email: 'p@x', scopes, clientId: 'c' }) })
  sandbox = await startSandbox([drive])
  const send = createSend()
  const root = `${sandbox.url}/`
  const patient = { send, root, wait: () => Promise.resolve() }
  const ids = createIds(reserveAt(patient))
  const line = { ...patient, ids }
  const records = createMemoryRecords<AttemptRecord>()
  parts = {
    uploads: createUploads({ ...line, budget: createBudget(64 * chunkBytes), chunkBytes }),
    places: createPlaces({ ...line, wholeDrive: false }),
    attempts: createAttempts({ records, ids, now: () => clock, holdMs }),
  }
})

afterEach(() => sandbox.faults.clear())

afterAll(() => sandbox.close())

interface Asked {
  key: string
  bytes: Buffer
  mode?: Mode
}

const fresh = (size: number): Asked => ({ key: `key ${++count}`, bytes: randomBytes(size) })

function wantedOf({ key, bytes, mode = 'new' }: Asked): Wanted {
  async function* content(): AsyncGenerator<Buffer, void, undefined> {
    for (let at = 0; at < bytes.length; at += 64 * 1024) yield bytes.subarray(at, at + 64 * 1024)
  }
  return {
    name: key,
    mimeType: 'x/y',
    mode,
    folder: () => Promise.resolve(undefined),
    content: content(),
    allowance: unlimited,
    isHeldBack: () => false,
    key,
    fingerprint: [key],
  }
}

const upload = (asked: Asked): Promise<Outcome> =>
  uploadFile(parts, account, wantedOf(asked), { signal: never, log })

/** A try on an instance that dies: it never ends what it began. */
async function begin({ key }: Asked): Promise<Attempt> {
  const attempt = await parts.attempts.begin(account, key, [key])
  if ('outcome' in attempt) throw new Error('There is an answer already')
  return attempt
}

/** What the dying instance still brought into Drive. */
const store = (asked: Asked, id: string): Promise<unknown> => {
  const { name, mimeType, content } = wantedOf(asked)
  return parts.uploads.store(account, { id, name, mimeType }, content, never)
}

const filesOf = ({ key }: Asked): string[] =>
  drive
    .filesOf('p')
    .filter(({ name }) => name === key)
    .map(({ id }) => id)

const sizes = [0, 10, 3 * chunkBytes]

test.each(sizes)(
  'an instance that died before its %d bytes were there is followed',
  async (size) => {
    const asked = fresh(size)
    const { fileId } = await begin(asked)
    clock += holdMs
    const outcome = await upload(asked)
    expect(outcome.id).toBe(fileId)
    expect(filesOf(asked)).toEqual([fileId])
  },
)

test.each(
  sizes.flatMap((size) =>
    (['new', 'error', 'skip', 'replace'] as const).map((mode) => [size, mode] as const),
  ),
)(
  'an instance that died with its %d bytes in Drive has not made a file in vain (mode=%s)',
  async (size, mode) => {
    const asked = { ...fresh(size), mode }
    const { fileId } = await begin(asked)
    await store(asked, fileId)
    clock += holdMs
    const outcome = await upload(asked)
    const sha256 = createHash('sha256').update(asked.bytes).digest('hex')
    expect(outcome).toMatchObject({ id: fileId, size, sha256 })
    expect(await upload(asked)).toEqual(outcome)
    expect(filesOf(asked)).toEqual([fileId])
  },
)

test('other content does not pass for what a dead instance stored', async () => {
  const asked = fresh(10)
  const { fileId } = await begin(asked)
  await store(asked, fileId)
  clock += holdMs
  const other = { ...asked, bytes: randomBytes(10) }
  for (const _ of [1, 2]) {
    await expect(upload(other)).rejects.toMatchObject({ code: 'idempotency_key_reused' })
  }
  expect((await upload(asked)).id).toBe(fileId)
  expect(filesOf(asked)).toEqual([fileId])
})

test('an instance that stood still and then fails takes nothing from the one that followed', async () => {
  const asked = fresh(10)
  const slow = await begin(asked)
  // Its request is on the way, and what becomes of it is not known, when the other one begins.
  sandbox.faults.add({ operation: 'drive.upload.multipart', status: 204, times: 99 })
  const { name, mimeType, content } = wantedOf(asked)
  const leaving = new AbortController()
  const isOurs = async (): Promise<boolean> => {
    sandbox.faults.clear()
    clock += holdMs
    await upload(asked)
    return slow.isHeld()
  }
  const file = { id: slow.fileId, name, mimeType }
  await expect(
    parts.uploads.store(account, file, content, leaving.signal, { isOurs }),
  ).rejects.toMatchObject({ code: 'upstream_bad_response' })
  expect(filesOf(asked)).toEqual([slow.fileId])
})

test('what a failed try could not clear away does not become a second file (case 79)', async () => {
  const asked = fresh(3 * chunkBytes)
  sandbox.faults.add(
    { operation: 'drive.upload.chunk', skip: 2, status: 204, times: 99, afterwards: true },
    { operation: 'drive.upload.status', status: 204, times: 99 },
    { operation: 'drive.upload.cancel', status: 503, times: 99 },
    { operation: 'drive.files.delete', status: 503, times: 99 },
  )
  await expect(upload(asked)).rejects.toMatchObject({ retryable: true })
  sandbox.faults.clear()
  const outcome = await upload(asked)
  expect(filesOf(asked)).toEqual([outcome.id])
})

test('a record that cannot be written in the end does not undo the file (case 85)', async () => {
  const asked = fresh(10)
  const { attempts } = parts
  const failing: UploadFileParts = {
    ...parts,
    attempts: {
      async begin(...args) {
        const begun = await attempts.begin(...args)
        return 'outcome' in begun
          ? begun
          : { ...begun, finish: () => Promise.reject(new Error('no store')) }
      },
    },
  }
  const outcome = await uploadFile(failing, account, wantedOf(asked), { signal: never, log })
  expect(lines.at(-1)).toContain('not recorded')
  clock += holdMs
  expect((await upload(asked)).id).toBe(outcome.id)
  expect(filesOf(asked)).toEqual([outcome.id])
})
