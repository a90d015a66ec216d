/** The methods of Firestore's REST API that the gateway calls. */
import { commit as commitWrites } from './commit.ts'
import { readFields, readList, readText } from './json.ts'
import { readDocumentName } from './name.ts'
import { findDocuments, readQuery } from './query.ts'
import { invalid } from './status.ts'
import type { Document, Store } from './store.ts'
import { writeTimestamp } from './timestamp.ts'
import { writeFieldMap } from './value.ts'
import { readWrite } from './write.ts'

export interface Call {
  /** `projects/P/databases/D/documents` */
  root: string
  store: Store
  body: unknown
}

/** @returns the response as JSON */
export type Method = (call: Call) => unknown

/** The fields by which a request selects a transaction or a past time. */
const readConsistency = ['transaction', 'newTransaction', 'readTime']

export function batchGet({ store, body }: Call) {
  const unsupported = ['mask', ...readConsistency]
  const set = readFields(body, 'BatchGetDocumentsRequest', ['database', 'documents'], unsupported)
  const names = readList(set['documents'], 'documents').map((name) => readText(name, 'documents'))
  names.forEach(readDocumentName)
  const readTime = writeTimestamp(store.tick())
  return [...new Set(names)].map((name) => {
    const document = store.get(name)
    return document ? { found: writeDocument(document), readTime } : { missing: name, readTime }
  })
}

/** All writes of a request are in one database. */
export function commit({ root, store, body }: Call) {
  const set = readFields(body, 'CommitRequest', ['database', 'writes'], ['transaction'])
  const writes = readList(set['writes'], 'writes').map(readWrite)
  for (const { name } of writes) {
    if (!name.startsWith(`${root}/`)) throw invalid(`${name} is not in ${root}`)
  }
  return commitWrites(store, writes)
}

export function runQuery({ root, store, body }: Call) {
  const unsupported = ['explainOptions', ...readConsistency]
  const set = readFields(body, 'RunQueryRequest', ['parent', 'structuredQuery'], unsupported)
  const query = readQuery(root, set['structuredQuery'])
  const readTime = writeTimestamp(store.tick())
  const documents = findDocuments(store, query)
  if (documents.length === 0) return [{ readTime, done: true }]
  return documents.map((document, index) => ({
    document: writeDocument(query.namesOnly ? { ...document, fields: new Map() } : document),
    readTime,
    ...(index === documents.length - 1 ? { done: true } : {}),
  }))
}

function writeDocument({ name, fields, createTime, updateTime }: Document) {
  return {
    name,
    ...(fields.size > 0 ? { fields: writeFieldMap(fields) } : {}),
    createTime: writeTimestamp(createTime),
    updateTime: writeTimestamp(updateTime),
  }
}
