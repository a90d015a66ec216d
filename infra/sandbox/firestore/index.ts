/** An embedded Firestore: the real client's requests, answered from memory. */
import type { Service } from '../router.ts'
import { createKeeper, readKept } from './persistence.ts'
import { readFields, readList, readText } from './json.ts'
import { readDocumentName } from './name.ts'
import { routesOf } from './routes.ts'
import type { Document, Store } from './store.ts'
import { createStore } from './store.ts'
import { readTimestamp, writeTimestamp } from './timestamp.ts'
import { createTransactions } from './transaction.ts'
import { readFieldMap, writeFieldMap } from './value.ts'

export { findEmulator, startEmulator } from './google-emulator.ts'

/** A document in the JSON form of Firestore's REST interface. */
export interface DocumentJson {
  name: string
  fields: Record<string, unknown>
  createTime: string
  updateTime: string
}

export interface Firestore extends Service {
  /** Every document of every project. */
  dump(): DocumentJson[]
  /** Forgets every document of every project. */
  clear(): void
}

/**
 * Every project and database is a world of its own, and is there as soon as it is named.
 *
 * @param options.file keeps the documents across restarts, readable by its owner only
 * @throws when the file holds something else
 */
export function createFirestore({ file }: { file?: string } = {}): Firestore {
  const worlds = new Map<string, Store>() // by the root of their documents
  const keeper = file === undefined ? undefined : createKeeper(file, () => ({ documents: dump() }))

  function worldOf(root: string): Store {
    const store = worlds.get(root) ?? createStore(() => keeper?.changed())
    worlds.set(root, store)
    return store
  }

  function dump(): DocumentJson[] {
    return [...worlds.values()].flatMap((store) => store.all().map(writeDocument))
  }

  if (file !== undefined) {
    for (const [root, documents] of readFile(file)) worldOf(root).load(documents)
  }

  return {
    routes: routesOf(worldOf, createTransactions()),
    dump,
    clear() {
      for (const store of worlds.values()) store.load([])
    },
    async close() {
      await keeper?.close()
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
  const kept = readKept(file)
  try {
    return readDocuments(kept)
  } catch (cause) {
    throw new Error(`Cannot read ${file}: it holds no documents; delete it to start empty`, {
      cause,
    })
  }
}

/** Reads what {@link createFirestore} kept, by the root that each document's name begins with. */
function readDocuments(raw: unknown): Map<string, Document[]> {
  const list = readList(readFields(raw, 'the file', ['documents'])['documents'], 'documents')
  const worlds = new Map<string, Document[]>()
  for (const item of list) {
    const set = readFields(item, 'a document', ['name', 'fields', 'createTime', 'updateTime'])
    const name = readText(set['name'], 'name')
    const { root } = readDocumentName(name)
    const documents = worlds.get(root) ?? []
    worlds.set(root, documents)
    documents.push({
      name,
      fields: readFieldMap(set['fields']),
      createTime: readTimestamp(set['createTime'], 'createTime'),
      updateTime: readTimestamp(set['updateTime'], 'updateTime'),
    })
  }
  return worlds
}
