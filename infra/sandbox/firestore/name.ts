/** Resource names: `projects/P/databases/D/documents/collection/id/…`, and what an id may be. */
import { invalid } from './status.ts'

const idLimit = 1500

/** A name, taken apart: its database, and the ids below it. */
export interface Name {
  /** `projects/P/databases/D/documents` */
  root: string
  /** Collection and document ids in turn. */
  path: string[]
}

/** The name of one document. */
export function readDocumentName(name: string): Name {
  const read = readName(name)
  if (read.path.length === 0 || read.path.length % 2 === 1) {
    throw invalid(`Document name "${name}" does not end in a document id`)
  }
  return read
}

/** The name of what collections hang from: a document, or the root of the documents. */
export function readParentName(name: string): Name {
  const read = readName(name)
  if (read.path.length % 2 === 1) {
    throw invalid(`Parent name "${name}" does not end in a document id`)
  }
  return read
}

function readName(name: string): Name {
  const [projects, project, databases, database, documents, ...path] = name.split('/')
  const whole = projects === 'projects' && databases === 'databases' && documents === 'documents'
  if (!whole || !project || !database) {
    throw invalid(`Name "${name}" is not of the form projects/P/databases/D/documents/…`)
  }
  path.forEach((id, at) => checkId(id, at % 2 === 0 ? 'Collection id' : 'Resource id'))
  return { root: `projects/${project}/databases/${database}/documents`, path }
}

export function checkId(id: string, what: string): void {
  if (id === '') throw invalid(`${what} is empty`)
  if (id === '.' || id === '..') throw invalid(`${what} "${id}" is invalid`)
  if (id.includes('/')) throw invalid(`${what} "${id}" is invalid because it contains "/"`)
  if (/^__.*__$/s.test(id) && !numericId.test(id)) {
    throw invalid(`${what} "${id}" is invalid because it is reserved`)
  }
  if (Buffer.byteLength(id) > idLimit) throw invalid(`${what} is longer than ${idLimit} bytes`)
}

/** Ids that came from Datastore as numbers; they are ordered as such, before all others. */
export const numericId = /^__id(-?\d+)__$/

/** What a document's name is without its own id. */
export function collectionOf(name: string): string {
  return name.slice(0, name.lastIndexOf('/'))
}
