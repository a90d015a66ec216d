/** Injection points: the requests of an upload at which a fault can be injected. */
import type { Fault } from '../../infra/sandbox/faults.ts'
import { chunk } from './fixture.ts'

export interface InjectionPoint {
  size: number
  operation: string
  /** Requests of this operation that pass first. */
  skip: number
  /** Faults that cause this request. */
  precedingFaults: Fault[]
}

const large = 4 * chunk + 1000
const chunkUpload = 'drive.upload.chunk'

export const injectionPoints: Record<string, InjectionPoint> = {
  create: { size: chunk - 1, operation: 'drive.upload.multipart', skip: 0, precedingFaults: [] },
  open: { size: large, operation: 'drive.upload.open', skip: 0, precedingFaults: [] },
  'first chunk': { size: large, operation: chunkUpload, skip: 0, precedingFaults: [] },
  'middle chunk': { size: large, operation: chunkUpload, skip: 2, precedingFaults: [] },
  'last chunk': { size: large, operation: chunkUpload, skip: 4, precedingFaults: [] },
  status: {
    size: large,
    operation: 'drive.upload.status',
    skip: 0,
    precedingFaults: [{ operation: chunkUpload, skip: 1, resetAfterBytes: 100_000 }],
  },
  metadata: {
    size: large,
    operation: 'drive.files.get',
    skip: 0,
    precedingFaults: [{ operation: chunkUpload, skip: 4, file: { sha256Checksum: null } }],
  },
}

export function faultsAt(point: InjectionPoint, fault: Omit<Fault, 'operation' | 'skip'>): Fault[] {
  return [...point.precedingFaults, { ...fault, operation: point.operation, skip: point.skip }]
}
