/** Where in an upload a fault can strike: size, operation, how many pass before, what leads there. */
import type { Fault } from '../../infra/sandbox/faults.ts'
import { chunk } from './fixture.ts'

export interface Position {
  size: number
  operation: string
  skip: number
  /** What has to happen for this request to be sent at all. */
  before: Fault[]
}

const large = 4 * chunk + 1000
const put = 'drive.upload.chunk'

export const positions: Record<string, Position> = {
  create: { size: chunk - 1, operation: 'drive.upload.multipart', skip: 0, before: [] },
  open: { size: large, operation: 'drive.upload.open', skip: 0, before: [] },
  'first chunk': { size: large, operation: put, skip: 0, before: [] },
  'middle chunk': { size: large, operation: put, skip: 2, before: [] },
  'last chunk': { size: large, operation: put, skip: 4, before: [] },
  status: {
    size: large,
    operation: 'drive.upload.status',
    skip: 0,
    before: [{ operation: put, skip: 1, resetAfterBytes: 100_000 }],
  },
  metadata: {
    size: large,
    operation: 'drive.files.get',
    skip: 0,
    before: [{ operation: put, skip: 4, file: { sha256Checksum: null } }],
  },
}

export function at(position: Position, fault: Omit<Fault, 'operation' | 'skip'>): Fault[] {
  return [...position.before, { ...fault, operation: position.operation, skip: position.skip }]
}
