/** Routes of `/files`: lists, details, new folders and content. */
import { withResourceKeys } from '../drive/client/account.ts'
import type { DriveAccount } from '../drive/client/account.ts'
import { formatNames } from '../drive/files/export-formats.ts'
import type { FileDetails, Files, ListQuery, ListedFile } from '../drive/files/listing.ts'
import { readPathReference } from '../http/file-id.ts'
import { readJsonBody } from '../http/json-body.ts'
import { sendJson } from '../http/problem.ts'
import type { RequestContext, Route } from '../http/router.ts'
import { sendContent } from './content.ts'
import type { FilesDeps } from './deps.ts'
import { readListQuery, readNewFolder } from './list-query.ts'
import { writeStream } from './write-stream.ts'

const contentHeaders = ['Range', 'If-None-Match', 'If-Range']

export function filesRoutes(deps: FilesDeps): Route[] {
  const content = /^([^/]+)\/content$/
  const send = (context: RequestContext): Promise<void> => sendContent(deps, context)
  return [
    { method: 'GET', path: /^$/, run: (context) => listFiles(deps, context) },
    { method: 'POST', path: /^$/, run: (context) => createFolder(deps, context) },
    { method: 'GET', path: /^([^/]+)$/, run: (context) => getFile(deps, context) },
    { method: 'GET', path: content, headers: contentHeaders, run: send },
    { method: 'HEAD', path: content, headers: contentHeaders, run: send },
  ]
}

/** Sends one page as JSON, or all pages as NDJSON. */
async function listFiles(deps: FilesDeps, context: RequestContext): Promise<void> {
  const { req, res, query, signal } = context
  const principal = await deps.authenticate(req, 'files:read')
  const account = withResourceKeys(deps.accountOf(principal.sub), principal.folder)
  const asNdjson = acceptsNdjson(req.headers.accept)
  const requested = readListQuery(query, asNdjson ? 1000 : 100)
  const scoped = await deps.folderScope.scopeListQuery(principal, requested, signal)
  if (!asNdjson) return sendJson(res, 200, await deps.files.list(account, scoped, signal))
  const pages = listPages(deps.files, account, scoped, signal)
  // The first page is read before the head is written, so that its error becomes the response.
  const { value = [] } = await pages.next()
  res.writeHead(200, { 'content-type': 'application/x-ndjson; charset=utf-8' })
  await writeStream(res, ndjsonPages(value, pages), deps.idleTimeoutMs)
}

function acceptsNdjson(accept = ''): boolean {
  return /(?:^|,)[ \t]*application\/(?:x-)?ndjson[ \t]*(?:;|,|$)/i.test(accept)
}

async function* listPages(
  files: Files,
  account: DriveAccount,
  query: ListQuery,
  signal: AbortSignal,
): AsyncGenerator<ListedFile[], undefined, undefined> {
  let next: ListQuery | undefined = query
  while (next) {
    const page = await files.list(account, next, signal)
    yield page.files
    next =
      page.nextPageToken === undefined ? undefined : { ...query, pageToken: page.nextPageToken }
  }
}

async function* ndjsonPages(
  first: ListedFile[],
  others: AsyncIterable<ListedFile[]>,
): AsyncGenerator<string, void, undefined> {
  yield toNdjson(first)
  for await (const page of others) yield toNdjson(page)
}

function toNdjson(files: ListedFile[]): string {
  return files.map((file) => `${JSON.stringify(file)}\n`).join('')
}

async function getFile(
  deps: FilesDeps,
  { req, res, params, signal }: RequestContext,
): Promise<void> {
  const principal = await deps.authenticate(req, 'files:read')
  const item = readPathReference(params[0] ?? '')
  await deps.folderScope.checkRead(principal, item, signal)
  const account = withResourceKeys(deps.accountOf(principal.sub), principal.folder, item)
  const file = await deps.files.get(account, item.id, signal)
  // A credential may not learn the parent of its folder.
  const isScopeRoot = file.id === principal.folder?.id
  sendJson(res, 200, toResponse(isScopeRoot ? { ...file, parents: [] } : file))
}

/** Creates a folder, or finds the one of this name that Driveway created earlier. */
async function createFolder(deps: FilesDeps, context: RequestContext): Promise<void> {
  const { req, res, signal } = context
  const principal = await deps.authenticate(req, 'upload')
  const { folder: requested, name } = readNewFolder(await readJsonBody(req, res))
  const account = withResourceKeys(deps.accountOf(principal.sub), principal.folder, requested)
  const parent = await deps.folderScope.resolveWriteFolder(principal, requested, signal)
  const within = principal.folder?.id
  const { id, isNew } = await deps.folders.ensureFolder(account, parent, name, signal, within)
  const folder = await deps.files.get(account, id, signal)
  sendJson(res, isNew ? 201 : 200, toResponse(folder))
}

/** Replaces Drive's export media types by the values of `?as=`. */
function toResponse({ exportTypes, ...file }: FileDetails): object {
  return exportTypes.length === 0 ? file : { ...file, exports: formatNames(exportTypes) }
}
