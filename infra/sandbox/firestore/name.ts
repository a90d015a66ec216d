/** Document names: `projects/P/databases/D/documents/collection/id/…`, and valid ids. */
import { invalid, unimplemented } from './status.ts'

const maxIdBytes = 1500

export interface DocumentName {
  /** `projects/P/databases/D/documents` */
  root: string
  /** Alternating collection and document ids. */
  path: string[]
}

/** @throws {FirestoreError} INVALID_ARGUMENT unless it is the name of a document */
export function readDocumentName(name: string): DocumentName {
  const [projects, project, databases, database, documents, ...path] = name.split('/')
  const hasRoot = projects === 'projects' && databases === 'databases' && documents === 'documents'
  if (!hasRoot || !project || !database) {
    throw invalid(`Name "${name}" is not of the form projects/P/databases/D/documents/…`)
  }
  path.forEach((id, index) => checkId(id, index % 2 === 0 ? 'Collection id' : 'Resource id'))
  if (path.length === 0 || path.length % 2 === 1) {
    throw invalid(`Document name "${name}" does not end in a document id`)
  }
  return { root: `projects/${project}/databases/${database}/documents`, path }
}

export function checkId(id: string, label: string): void {
  if (id === '') throw invalid(`${label} is empty`)
  if (id === '.' || id === '..') throw invalid(`${label} "${id}" is invalid`)
  if (id.includes('/')) throw invalid(`${label} "${id}" is invalid because it contains "/"`)
  if (/^__id-?\d+__$/.test(id)) throw unimplemented('numeric ids')
  if (/^__.*__$/s.test(id)) throw invalid(`${label} "${id}" is invalid because it is reserved`)
  if (Buffer.byteLength(id) > maxIdBytes)
    throw invalid(`${label} is longer than ${maxIdBytes} bytes`)
}

/** The name of the collection of a document. */
export function collectionOf(name: string): string {
  return name.slice(0, name.lastIndexOf('/'))
}
