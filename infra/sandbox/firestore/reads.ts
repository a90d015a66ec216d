/** The methods that read. */
import { aggregate, readAggregation } from './aggregate.ts'
import type { Call } from './call.ts'
import { readOptionalMask, splitCollection, writeDocument } from './call.ts'
import { readMoment, selectors } from './read-consistency.ts'
import type { Fields } from './json.ts'
import { readFields, readFlag, readInt32, readList, readText } from './json.ts'
import { listCollectionIds as listIds, listDocuments as listPage, listNames } from './list.ts'
import { readDocumentName, readParentName } from './name.ts'
import { findDocuments, project, readQuery } from './query.ts'
import { FirestoreError } from './status.ts'
import type { Document } from './store.ts'
import { writeFieldMap } from './value.ts'

export function batchGet({ store, transactions, body }: Call) {
  const known = ['database', 'documents', 'mask', ...selectors]
  const set = readFields(body, 'BatchGetDocumentsRequest', known)
  const names = readList(set['documents'], 'documents').map((name) => readText(name, 'documents'))
  names.forEach(readDocumentName)
  const mask = readOptionalMask(set['mask'])
  const moment = readMoment(store, transactions, set)
  const { readTime } = moment
  const answers = [...new Set(names)].map((name) => {
    const [found] = moment.read(() => one(store.get(name, moment.at)))
    if (!found) return { missing: name, readTime }
    return { found: writeDocument(project(found, mask)), readTime }
  })
  return moment.begun === undefined ? answers : [{ transaction: moment.begun }, ...answers]
}

export function getDocument({ store, transactions, name, parameters }: Call) {
  readDocumentName(name)
  const set = readFields(parameters, 'GetDocumentRequest', ['mask', 'transaction', 'readTime'])
  const mask = readOptionalMask(set['mask'])
  const moment = readMoment(store, transactions, set)
  const [found] = moment.read(() => one(store.get(name, moment.at)))
  if (!found) throw new FirestoreError('NOT_FOUND', `Document "${name}" not found`)
  return writeDocument(project(found, mask))
}

export function listDocuments({ store, transactions, name, parameters }: Call) {
  const known = ['pageSize', 'pageToken', 'orderBy', 'mask', 'showMissing']
  const moments = ['transaction', 'readTime']
  const set = readFields(parameters, 'ListDocumentsRequest', [...known, ...moments])
  const listing = {
    ...splitCollection(name),
    pageSize: readInt32(set['pageSize'], 'pageSize'),
    pageToken: readText(set['pageToken'], 'pageToken'),
    orderBy: readText(set['orderBy'], 'orderBy'),
  }
  const mask = readOptionalMask(set['mask'])
  const { at, read } = readMoment(store, transactions, set)
  const showMissing = readFlag(set['showMissing'], 'showMissing')
  const { items, nextPageToken } = showMissing
    ? listNames(store, listing, at)
    : listPage(store, listing, at)
  const documents = items.map((item) => {
    if (typeof item !== 'string') return item
    return store.get(item, at) ?? { name: item }
  })
  read(() => documents.flatMap(({ name: item }) => one(store.get(item, at))))
  return writePage(
    'documents',
    documents.map((item) => ('fields' in item ? writeDocument(project(item, mask)) : item)),
    nextPageToken,
  )
}

export function listCollectionIds({ store, transactions, name, body }: Call) {
  const known = ['parent', 'pageSize', 'pageToken', 'readTime']
  const set = readFields(body, 'ListCollectionIdsRequest', known)
  readParentName(name)
  const page = {
    pageSize: readInt32(set['pageSize'], 'pageSize'),
    pageToken: readText(set['pageToken'], 'pageToken'),
  }
  const { at } = readMoment(store, transactions, set)
  const { items, nextPageToken } = listIds(store, name, page, at)
  return writePage('collectionIds', items, nextPageToken)
}

export function runQuery({ store, transactions, name, body }: Call) {
  const known = ['parent', 'structuredQuery', ...selectors]
  const set = readFields(body, 'RunQueryRequest', known, ['explainOptions'])
  const query = readQuery(name, set['structuredQuery'])
  const moment = readMoment(store, transactions, set)
  const { readTime } = moment
  const found = moment.read(() => findDocuments(store, query, moment.at))
  const answers: Fields[] = found.map((document) => ({
    document: writeDocument(project(document, query.select)),
    readTime,
  }))
  if (answers.length === 0) answers.push({ readTime })
  Object.assign(answers.at(-1) ?? {}, { done: true })
  return moment.begun === undefined ? answers : [{ transaction: moment.begun }, ...answers]
}

export function runAggregationQuery({ store, transactions, name, body }: Call) {
  const known = ['parent', 'structuredAggregationQuery', ...selectors]
  const set = readFields(body, 'RunAggregationQueryRequest', known, ['explainOptions'])
  const aggregation = readAggregation(name, set['structuredAggregationQuery'])
  const moment = readMoment(store, transactions, set)
  moment.read(() => findDocuments(store, aggregation.query, moment.at))
  const values = aggregate(store, aggregation, moment.at)
  const result = { aggregateFields: writeFieldMap(values) }
  const answer = { result, readTime: moment.readTime }
  return moment.begun === undefined ? [answer] : [{ transaction: moment.begun }, answer]
}

function one(document: Document | undefined): Document[] {
  return document ? [document] : []
}

function writePage(key: string, items: unknown[], nextPageToken: string | undefined) {
  return {
    ...(items.length > 0 ? { [key]: items } : {}),
    ...(nextPageToken === undefined ? {} : { nextPageToken }),
  }
}
