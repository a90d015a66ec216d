/** A gateway with injected Drive faults, and assertions on its uploads. */
import { expect } from '@jest/globals'
import { createHash, randomUUID } from 'node:crypto'
import type { GatewayOptions } from '../../functions/app/gateway.ts'
import { problems } from '../../functions/errors.ts'
import type { Fault } from '../../infra/sandbox/faults.ts'
import { googleError } from '../../infra/sandbox/drive/index.ts'
import { problemCode, filePart, form, startDriveway, uploadForm } from '../kit/environment.ts'
import type { Driveway, DrivewayOptions, RawResponse } from '../kit/environment.ts'

/** The minimum chunk size, so that small files have many chunks. */
export const chunk = 256 * 1024

/** Milliseconds of each backoff of the last upload, which does not sleep in reality. */
export const sleeps: number[] = []

export function startFaultyDriveway(
  gateway: GatewayOptions = {},
  options: DrivewayOptions = {},
): Promise<Driveway> {
  return startDriveway({
    ...options,
    gateway: {
      chunkBytes: chunk,
      sleep: (ms, signal) => {
        sleeps.push(ms)
        signal.throwIfAborted()
        return Promise.resolve()
      },
      driveTimeouts: { connect: 5_000, progress: 5_000, response: 5_000 },
      ...gateway,
    },
  })
}

export interface Upload {
  response: RawResponse
  name: string
  bytes: Buffer
}

/** Uploads a unique file with injected faults. */
export async function uploadWithFaults(
  driveway: Driveway,
  size: number,
  ...faults: Fault[]
): Promise<Upload> {
  const bytes = pattern(size)
  const name = `${randomUUID()}.bin`
  sleeps.length = 0
  driveway.google.calls.length = 0
  driveway.google.faults.clear()
  driveway.google.faults.add(...faults)
  const response = await uploadForm(driveway, form('b', filePart(name, bytes)))
  driveway.google.faults.clear()
  return { response, name, bytes }
}

/** Asserts that Drive has exactly one file with these bytes, and no open session. */
export function expectStored(
  { google, sub }: Driveway,
  { response, name, bytes }: Upload,
  lostSessions = 0,
): void {
  expect([response.status, response.status === 201 ? '' : problemCode(response)]).toEqual([201, ''])
  const files = google.drive.filesOf(sub).filter((file) => file.name === name)
  expect(files.map(({ size, sha256 }) => [size, sha256])).toEqual([[bytes.length, sha256Of(bytes)]])
  expectNoOpenSessions(google, lostSessions)
}

/** Asserts that the upload failed with this code, and that Drive has no file and no open session. */
export function expectRefused(
  { google, sub }: Driveway,
  { response, name }: Upload,
  code: keyof typeof problems,
  lostSessions = 0,
): void {
  expect([response.status, problemCode(response)]).toEqual([problems[code][0], code])
  expect(google.drive.filesOf(sub).filter((file) => file.name === name)).toEqual([])
  expectNoOpenSessions(google, lostSessions)
}

/** @param lostSessions sessions whose URI was lost, so that nothing can cancel them */
function expectNoOpenSessions(google: Driveway['google'], lostSessions: number): void {
  const open = google.drive.openSessions()
  google.drive.expireSessions()
  expect(open).toBe(lostSessions)
}

export function sha256Of(bytes: Buffer): string {
  return createHash('sha256').update(bytes).digest('hex')
}

let count = 0

/** Bytes in unique lines of 64 bytes, so that a shift or a swap is detected. */
export function pattern(size: number): Buffer {
  const bytes = Buffer.alloc(size)
  const prefix = `${count++}:`
  for (let at = 0; at < size; at += 64) bytes.write(`${prefix}${at};`, at, 'latin1')
  return bytes
}

/** A fault with an error response in Google's format. */
export function refusal(status: number, reason: string): Pick<Fault, 'status' | 'body'> {
  return { status, body: JSON.stringify(googleError(status, reason, 'Refused')) }
}
