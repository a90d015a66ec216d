import { expect, test } from '@jest/globals'
import { createFaults } from '../../../infra/sandbox/faults.ts'

test('take() skips `skip` requests, returns the fault `times` times, and then nothing', () => {
  const faults = createFaults()
  faults.add({ operation: 'drive.upload.*', skip: 1, times: 2, status: 503 })
  const taken = Array.from({ length: 5 }, () => faults.take('drive.upload.chunk')?.status)
  expect(taken).toEqual([undefined, 503, 503, undefined, undefined])
})

test('take() combines a delay with the next matching fault', () => {
  const faults = createFaults()
  faults.add(
    { operation: 'drive.*', times: 100, latencyMs: 150 },
    { operation: 'drive.upload.chunk', status: 503 },
  )
  expect(faults.take('drive.upload.chunk')).toMatchObject({ latencyMs: 150, status: 503 })
  expect(faults.take('drive.upload.chunk')).toEqual({
    operation: 'drive.upload.chunk',
    latencyMs: 150,
  })
})
