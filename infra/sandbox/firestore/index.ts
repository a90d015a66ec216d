/** An embedded Firestore: serves the requests of the real client from memory. */
import type { Service } from '../router.ts'
import { readFields, readList, readText } from './json.ts'
import { readDocumentName } from './name.ts'
import { createPersistence, readJsonFile } from './persistence.ts'
import { createRoutes } from './routes.ts'
import type { Document, Store } from './store.ts'
import { createStore } from './store.ts'
import { readTimestamp, writeTimestamp } from './timestamp.ts'
import { readFieldMap, writeFieldMap } from './value.ts'

export { findEmulator, startEmulator } from './google-emulator.ts'

/** A document in the JSON form of Firestore's REST API. */
export interface DocumentJson {
  name: string
  fields: Record<string, unknown>
  createTime: string
  updateTime: string
}

export interface Firestore extends Service {
  /** Every document of every project. */
  dump(): DocumentJson[]
  /** Deletes every document of every project. */
  clear(): void
}

/**
 * Creates a Firestore with one store per database, created at first use. Only `batchGet`, `commit`
 * and `runQuery` exist, with the features that the gateway uses; all else is UNIMPLEMENTED.
 *
 * @param options.file persists the documents, readable by its owner only
 * @throws when the file has other content
 */
export function createFirestore({ file }: { file?: string } = {}): Firestore {
  const stores = new Map<string, Store>() // by the root of their documents
  const persistence =
    file === undefined ? undefined : createPersistence(file, () => ({ documents: dump() }))

  function storeFor(root: string): Store {
    const store = stores.get(root) ?? createStore(() => persistence?.scheduleWrite())
    stores.set(root, store)
    return store
  }

  function dump(): DocumentJson[] {
    return [...stores.values()].flatMap((store) => store.all().map(writeDocument))
  }

  if (file !== undefined) {
    for (const [root, documents] of readFile(file)) storeFor(root).load(documents)
  }

  return {
    routes: createRoutes(storeFor),
    dump,
    clear() {
      for (const store of stores.values()) store.load([])
    },
    async close() {
      await persistence?.close()
    },
  }
}

function writeDocument({ name, fields, createTime, updateTime }: Document): DocumentJson {
  return {
    name,
    fields: writeFieldMap(fields),
    createTime: writeTimestamp(createTime),
    updateTime: writeTimestamp(updateTime),
  }
}

function readFile(file: string): Map<string, Document[]> {
  const json = readJsonFile(file)
  try {
    return readDocuments(json)
  } catch (cause) {
    throw new Error(`Cannot read documents from ${file}. Delete the file to start empty.`, {
      cause,
    })
  }
}

/** @returns the documents by the root of their names */
function readDocuments(raw: unknown): Map<string, Document[]> {
  const list = readList(readFields(raw, 'the file', ['documents'])['documents'], 'documents')
  const byRoot = new Map<string, Document[]>()
  for (const item of list) {
    const set = readFields(item, 'a document', ['name', 'fields', 'createTime', 'updateTime'])
    const name = readText(set['name'], 'name')
    const { root } = readDocumentName(name)
    const documents = byRoot.get(root) ?? []
    byRoot.set(root, documents)
    documents.push({
      name,
      fields: readFieldMap(set['fields']),
      createTime: readTimestamp(set['createTime'], 'createTime'),
      updateTime: readTimestamp(set['updateTime'], 'updateTime'),
    })
  }
  return byRoot
}
