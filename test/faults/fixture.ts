/** A Driveway whose Drive fails on command, and the promise that it keeps all the same. */
import { expect } from '@jest/globals'
import { createHash, randomUUID } from 'node:crypto'
import type { GatewayOptions } from '../../functions/app/gateway.ts'
import { problems } from '../../functions/errors.ts'
import type { Fault } from '../../infra/sandbox/faults.ts'
import { googleError } from '../../infra/sandbox/drive/index.ts'
import { codeOf, filePart, form, startDriveway, uploadForm } from '../kit/environment.ts'
import type { Driveway, DrivewayOptions, RawAnswer } from '../kit/environment.ts'

/** The smallest chunk, so that small files have many. */
export const chunk = 256 * 1024

/** How many waits there were, and how long they would have been. */
export const waits: number[] = []

export function startFaulty(
  gateway: GatewayOptions = {},
  options: DrivewayOptions = {},
): Promise<Driveway> {
  return startDriveway({
    ...options,
    gateway: {
      chunkBytes: chunk,
      wait: (ms, signal) => {
        waits.push(ms)
        signal.throwIfAborted()
        return Promise.resolve()
      },
      driveTimeouts: { connect: 5_000, progress: 5_000, answer: 5_000 },
      ...gateway,
    },
  })
}

export interface Upload {
  answer: RawAnswer
  name: string
  bytes: Buffer
}

/** Uploads bytes that no other upload has, under a name of their own, while Drive fails as told. */
export async function uploadWith(
  driveway: Driveway,
  size: number,
  ...faults: Fault[]
): Promise<Upload> {
  const bytes = pattern(size)
  const name = `${randomUUID()}.bin`
  waits.length = 0
  driveway.google.calls.length = 0
  driveway.google.faults.clear()
  driveway.google.faults.add(...faults)
  const answer = await uploadForm(driveway, form('b', filePart(name, bytes)))
  driveway.google.faults.clear()
  return { answer, name, bytes }
}

/** Asserts that the upload ended well: one file, byte by byte, and nothing left open. */
export function expectStored(
  { google, sub }: Driveway,
  { answer, name, bytes }: Upload,
  unknowable = 0,
): void {
  expect([answer.status, answer.status === 201 ? '' : codeOf(answer)]).toEqual([201, ''])
  const files = google.drive.filesOf(sub).filter((file) => file.name === name)
  expect(files.map(({ size, sha256 }) => [size, sha256])).toEqual([[bytes.length, sha256Of(bytes)]])
  expectNothingOpen(google, unknowable)
}

/** Asserts that the upload ended in this refusal, and left nothing behind. */
export function expectRefused(
  { google, sub }: Driveway,
  { answer, name }: Upload,
  code: keyof typeof problems,
  unknowable = 0,
): void {
  expect([answer.status, codeOf(answer)]).toEqual([problems[code][0], code])
  expect(google.drive.filesOf(sub).filter((file) => file.name === name)).toEqual([])
  expectNothingOpen(google, unknowable)
}

/** @param unknowable sessions whose URI was never heard: nobody can end them but time */
function expectNothingOpen(google: Driveway['google'], unknowable: number): void {
  const open = google.drive.openSessions()
  google.drive.forgetSessions()
  expect(open).toBe(unknowable)
}

export function sha256Of(bytes: Buffer): string {
  return createHash('sha256').update(bytes).digest('hex')
}

let salt = 0

/** Bytes of which no two 64-byte lines are alike, so that a shift or a swap shows. */
export function pattern(size: number): Buffer {
  const bytes = Buffer.alloc(size)
  const lead = `${salt++}:`
  for (let at = 0; at < size; at += 64) bytes.write(`${lead}${at};`, at, 'latin1')
  return bytes
}

/** A refusal in Google's shape. */
export function refusal(status: number, reason: string): Pick<Fault, 'status' | 'body'> {
  return { status, body: JSON.stringify(googleError(status, reason, 'Refused')) }
}
