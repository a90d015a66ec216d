import { expect, test } from '@jest/globals'
import { createFaults } from '../../../infra/sandbox/faults.ts'

test('a fault lets `skip` requests pass, spoils `times`, and is then spent', () => {
  const faults = createFaults()
  faults.add({ operation: 'drive.upload.*', skip: 1, times: 2, status: 503 })
  const taken = Array.from({ length: 5 }, () => faults.take('drive.upload.chunk')?.status)
  expect(taken).toEqual([undefined, 503, 503, undefined, undefined])
})

test('a delay of every request leaves room for other faults', () => {
  const faults = createFaults()
  faults.add(
    { operation: 'drive.*', times: 100, latency: 150 },
    { operation: 'drive.upload.chunk', status: 503 },
  )
  expect(faults.take('drive.upload.chunk')).toMatchObject({ latency: 150, status: 503 })
  expect(faults.take('drive.upload.chunk')).toEqual({
    operation: 'drive.upload.chunk',
    latency: 150,
  })
})
