/** The methods that write, and those that frame reads and writes as transactions. */
import { randomInt } from 'node:crypto'
import type { Call } from './call.ts'
import { readOptionalMask, splitCollection, writeDocument } from './call.ts'
import { batchWrite as writeEach, commit as writeAll } from './commit.ts'
import { readFields, readList, readText } from './json.ts'
import { checkId, readDocumentName } from './name.ts'
import { project } from './query.ts'
import { invalid } from './status.ts'
import type { Store } from './store.ts'
import type { Write } from './write.ts'
import { readDocument, readPrecondition, readWrite } from './write.ts'

export function commit({ store, transactions, name, body }: Call) {
  const set = readFields(body, 'CommitRequest', ['database', 'writes', 'transaction'])
  const writes = readWrites(name, set['writes'])
  if (set['transaction'] !== undefined) {
    transactions.close(store, set['transaction'], writes.length > 0)
  }
  return writeAll(store, writes)
}

export function batchWrite({ store, name, body }: Call) {
  const set = readFields(body, 'BatchWriteRequest', ['database', 'writes', 'labels'])
  return writeEach(store, readWrites(name, set['writes']))
}

export function beginTransaction({ store, transactions, body }: Call) {
  const set = readFields(body, 'BeginTransactionRequest', ['database', 'options'])
  return { transaction: transactions.begin(store, set['options']).id }
}

export function rollback({ transactions, body }: Call) {
  const set = readFields(body, 'RollbackRequest', ['database', 'transaction'])
  transactions.rollback(set['transaction'])
  return {}
}

export function createDocument({ store, name, body, parameters }: Call) {
  const set = readFields(parameters, 'CreateDocumentRequest', ['documentId', 'mask'])
  const { parent, collectionId } = splitCollection(name)
  const id = readText(set['documentId'], 'documentId') || newId()
  checkId(id, 'Resource id')
  const { name: given, fields } = readDocument(body)
  if (given) throw invalid('document.name must not be set')
  const fresh = `${parent}/${collectionId}/${id}`
  const update = { fields, mask: undefined, transforms: [] }
  writeAll(store, [{ name: fresh, precondition: { exists: false }, update }])
  return writeCurrent(store, fresh, set['mask'])
}

export function updateDocument({ store, name, body, parameters }: Call) {
  const known = ['updateMask', 'mask', 'currentDocument']
  const set = readFields(parameters, 'UpdateDocumentRequest', known)
  readDocumentName(name)
  const { name: given, fields } = readDocument(body)
  if (given && given !== name) throw invalid('document.name does not match the address')
  const update = { fields, mask: readOptionalMask(set['updateMask']), transforms: [] }
  writeAll(store, [{ name, precondition: readPrecondition(set['currentDocument']), update }])
  return writeCurrent(store, name, set['mask'])
}

export function deleteDocument({ store, name, parameters }: Call) {
  const set = readFields(parameters, 'DeleteDocumentRequest', ['currentDocument'])
  readDocumentName(name)
  const precondition = readPrecondition(set['currentDocument'])
  writeAll(store, [{ name, precondition, update: undefined }])
  return {}
}

/** @param root where all of the writes must be: one request writes in one database */
function readWrites(root: string, raw: unknown): Write[] {
  const writes = readList(raw, 'writes').map(readWrite)
  for (const { name } of writes) {
    if (!name.startsWith(`${root}/`)) throw invalid(`${name} is not in ${root}`)
  }
  return writes
}

function writeCurrent(store: Store, name: string, mask: unknown) {
  const document = store.get(name)
  return document && writeDocument(project(document, readOptionalMask(mask)))
}

const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789'

function newId(): string {
  return Array.from({ length: 20 }, () => alphabet[randomInt(alphabet.length)]).join('')
}
