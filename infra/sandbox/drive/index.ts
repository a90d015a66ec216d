/** Google Drive v3 on loopback: files, folders, uploads, and a control interface for tests. */
import type { Exchange, Route, Service } from '../router.ts'
import { sendJson } from '../router.ts'
import { createApiRoutes } from './api-routes.ts'
import type { Identify } from './auth-context.ts'
import { authenticate } from './auth-context.ts'
import { runBatch } from './batch.ts'
import { createConditionRoute } from './conditions.ts'
import { allowAnyOrigin, sendPreflight } from './cors.ts'
import { cancelSession, openSession, putSession } from './resumable.ts'
import { requestProblems } from './schema/check-request.ts'
import type { Seed } from './seed.ts'
import { seedTree } from './seed.ts'
import type { DriveContext } from './service.ts'
import { route } from './service.ts'
import { createSessions } from './sessions.ts'
import { createFolderBlobStore, createMemoryBlobStore, createNullBlobStore } from './blob-store.ts'
import type { Condition, Item } from './tree.ts'
import { createTree, folderType } from './tree.ts'
import { uploadMultipart, uploadSimple } from './uploads.ts'

export { googleError } from './errors.ts'
export type { Identity } from './auth-context.ts'
export { sampleSharedTree, sampleTree } from './seed.ts'
export type { Seed } from './seed.ts'

export interface DriveOptions {
  /** The owner of an access token; undefined when it is unknown or expired. */
  identify: Identify
  /** A folder for file contents, which are deleted at the end; default memory. */
  blobFolder?: string
  /** False only counts and hashes the bytes, for uploads larger than the disk. */
  storeBytes?: boolean
  /** Lifetime of an upload session; default a week. */
  sessionTtlMs?: number
  /** Storage quota per user in bytes; default unlimited. */
  quotaBytes?: number
  /**
   * What happens to bytes of a chunk that are stored already: `reject` (default) responds 503, `accept`
   * ignores them. Both were reported of Google.
   */
  resentBytes?: 'reject' | 'accept'
  now?: () => number
}

export interface StoredFile {
  id: string
  name: string
  mimeType: string
  /** Bytes; `null` for an item without content. */
  size: number | null
  sha256: string | null
  owner: string | null
  parents: string[]
  trashed: boolean
}

export interface Drive extends Service {
  /** Adds files to a user's My Drive. @returns ids by path, such as `Projects/Plan` */
  seed(sub: string, seeds: Seed[]): Promise<Record<string, string>>
  /** Creates a shared drive. @returns its id, and ids by path */
  seedSharedDrive(
    name: string,
    members: string[],
    seeds: Seed[],
  ): Promise<{ driveId: string; ids: Record<string, string> }>
  /** Shares an item, and everything below it, with another user. */
  share(fileId: string, sub: string, role: 'reader' | 'writer'): void
  /**
   * Shares an item with everyone who has its link.
   *
   * @param resourceKey what a request needs in addition, as for some old files
   */
  shareByLink(fileId: string, role: 'reader' | 'writer', resourceKey?: string): void
  /** Moves an item to another folder, as its owner does in Drive. */
  move(fileId: string, folderId: string): void
  /** Renames an item, moves it to the bin or out of it, as its owner does in Drive. */
  update(fileId: string, changes: { name?: string; trashed?: boolean }): void
  /** Deletes an item for good, with everything below it. */
  remove(fileId: string): void
  /** The id of a user's My Drive. */
  rootOf(sub: string): string
  /** Every item of a user's My Drive, without the root. */
  filesOf(sub: string): StoredFile[]
  file(fileId: string): StoredFile | undefined
  contentOf(fileId: string): Promise<Buffer>
  sha256Of(fileId: string): string | undefined
  openSessions(): number
  /** What the requests so far have that Drive's discovery document lacks. */
  readonly schemaProblems: string[]
  /** Expires every upload session. */
  expireSessions(): void
  setQuota(bytes: number): void
  /** Sets what only Google decides about a file. */
  setConditions(fileId: string, ...conditions: Condition[]): void
}

const defaultSessionTtlMs = 7 * 24 * 60 * 60 * 1000

export function createDrive(options: DriveOptions): Drive {
  const { identify, blobFolder, storeBytes = true, now = Date.now } = options
  const blobStore = !storeBytes
    ? createNullBlobStore()
    : blobFolder === undefined
      ? createMemoryBlobStore()
      : createFolderBlobStore(blobFolder)
  const tree = createTree(now)
  const sessions = createSessions(options.sessionTtlMs ?? defaultSessionTtlMs, now)
  const context: DriveContext = {
    tree,
    blobStore,
    quota: { bytes: options.quotaBytes ?? Infinity },
    acceptsResentBytes: options.resentBytes === 'accept',
    now,
    authenticate(req) {
      const caller = authenticate(req, identify)
      tree.emails.set(caller.sub, caller.email)
      return caller
    },
  }

  const upload = async (exchange: Exchange): Promise<void> => {
    const { req, res, url } = exchange
    const operation = uploadOperation(req.method, req.headers['content-range'], url)
    if (operation === 'drive.upload.cancel') return cancelSession(context, sessions, exchange)
    if (url.searchParams.has('upload_id') || req.method === 'PUT')
      return putSession(context, sessions, exchange)
    allowAnyOrigin(req, res)
    if (operation === 'drive.upload.open') return openSession(context, sessions, exchange)
    if (operation === 'drive.upload.multipart') return uploadMultipart(context, exchange)
    return uploadSimple(context, exchange)
  }
  const uploads = ['POST', 'PATCH', 'PUT', 'DELETE'].flatMap((method) =>
    [/^\/upload\/drive\/v3\/files$/, /^\/upload\/drive\/v3\/files\/([^/]+)$/].map((path) => ({
      ...route('drive.upload', method, path, upload),
      operationOf: (req: Exchange['req'], url: URL) =>
        uploadOperation(req.method, req.headers['content-range'], url),
    })),
  )

  const schemaProblems: string[] = []
  const checked = (api: Route): Route => ({
    ...api,
    handle(exchange) {
      schemaProblems.push(...requestProblems(exchange.req.method ?? '', exchange.url))
      return api.handle(exchange)
    },
  })

  return {
    schemaProblems,
    routes: [
      ...[...createApiRoutes(context), ...uploads].map(checked),
      route('drive.batch', 'POST', /^\/batch\/drive\/v3$/, ({ req, res, ...exchange }) => {
        allowAnyOrigin(req, res)
        return runBatch({ req, res, ...exchange })
      }),
      route('drive.preflight', 'OPTIONS', /^\/(batch\/)?drive\/v3(\/|$)/, ({ req, res }) =>
        sendPreflight(req, res, req.headers.origin),
      ),
      route('drive.preflight', 'OPTIONS', /^\/upload\/drive\/v3\//, ({ req, res, url }) => {
        const uploadId = url.searchParams.get('upload_id')
        const session = sessions.find(uploadId)
        sendPreflight(req, res, uploadId === null ? req.headers.origin : session?.origin)
      }),
      createConditionRoute(tree),
      route('sandbox.drive', 'GET', /^\/sandbox\/drive$/, ({ res }) => {
        const all = [...tree.all()].filter((item) => item.parent !== undefined)
        const unfinished = sessions.unfinished()
        const stored = all.reduce((sum, { content }) => sum + (content?.size ?? 0), 0)
        sendJson(res, 200, {
          files: all.map((item) => describe(item)),
          openSessions: unfinished.length,
          bytesStored: unfinished.reduce((sum, { writer }) => sum + writer.committed, stored),
        })
      }),
    ],
    close() {
      sessions.removeAll()
      blobStore.close()
    },
    seed: (sub, seeds) => seedTree(tree, blobStore, tree.root(sub), seeds),
    async seedSharedDrive(name, members, seeds) {
      const root = tree.seed({ name, mimeType: folderType, parent: undefined, owner: undefined })
      root.driveId = root.id
      tree.drives.set(root.id, { id: root.id, name, members: new Set(members) })
      return { driveId: root.id, ids: await seedTree(tree, blobStore, root, seeds) }
    },
    share(fileId, sub, role) {
      const item = requireItem(fileId)
      tree.record(item)
      item.readers.set(sub, role)
      item.sharedWithMeTime = now()
    },
    shareByLink(fileId, linkRole, resourceKey) {
      const item = requireItem(fileId)
      tree.record(item)
      Object.assign(item, { linkRole, resourceKey })
    },
    move: (fileId, folderId) => tree.move(requireItem(fileId), folderId),
    update(fileId, changes) {
      const item = requireItem(fileId)
      tree.record(item)
      Object.assign(item, changes)
      item.version++
    },
    remove: (fileId) => tree.remove(requireItem(fileId)),
    rootOf: (sub) => tree.root(sub).id,
    filesOf: (sub) =>
      [...tree.all()]
        .filter((item) => item.owner === sub && item.parent !== undefined)
        .map((item) => describe(item)),
    file(fileId) {
      const item = tree.get(fileId)
      return item && describe(item)
    },
    async contentOf(fileId) {
      const { content } = requireItem(fileId)
      const parts: Buffer[] = []
      if (content) for await (const part of content.read(0, content.size)) parts.push(part)
      return Buffer.concat(parts)
    },
    sha256Of: (fileId) => tree.get(fileId)?.content?.sha256,
    openSessions: () => sessions.unfinished().length,
    expireSessions: () => sessions.removeAll(),
    setQuota(bytes) {
      context.quota.bytes = bytes
    },
    setConditions(fileId, ...conditions) {
      requireItem(fileId).conditions = new Set(conditions)
    },
  }

  function requireItem(fileId: string): Item {
    const item = tree.get(fileId)
    if (!item) throw new Error(`Cannot find the file ${fileId}`)
    return item
  }

  function describe(item: Item): StoredFile {
    return {
      id: item.id,
      name: item.name,
      mimeType: item.mimeType,
      size: item.content?.size ?? null,
      sha256: item.content?.sha256 ?? null,
      owner: item.owner ?? null,
      parents: item.parent === undefined ? [] : [item.parent],
      trashed: tree.isTrashed(item),
    }
  }
}

/** Names the request of an upload; all share one URL. */
function uploadOperation(method: string | undefined, range: string | undefined, url: URL): string {
  if (method === 'DELETE') return 'drive.upload.cancel'
  if (url.searchParams.has('upload_id') || method === 'PUT') {
    return range?.startsWith('bytes */') ? 'drive.upload.status' : 'drive.upload.chunk'
  }
  const type = url.searchParams.get('uploadType')
  if (type === 'resumable') return 'drive.upload.open'
  return type === 'multipart' ? 'drive.upload.multipart' : 'drive.upload.simple'
}
