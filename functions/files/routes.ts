/** `/files`: what is in the Drive, and out of it again. */
import type { DriveAccount } from '../drive/client/account.ts'
import { formatNames } from '../drive/files/export-formats.ts'
import type { FileDetails, Files, ListQuery, ListedFile } from '../drive/files/listing.ts'
import type { Folders } from '../drive/files/folders.ts'
import { sendContent } from './content.ts'
import type { ContentParts } from './content.ts'
import { readFileId, readListQuery, readNewFolder } from './list-query.ts'
import type { Call, Route } from '../http/router.ts'
import type { Identify } from '../http/authenticate.ts'
import type { Inside } from '../http/folder-scope.ts'
import { readJson } from '../http/json-body.ts'
import { sendJson } from '../http/problem.ts'
import { sendStream } from './write-stream.ts'

export interface FilesParts {
  identify: Identify
  files: Files
  accountOf(sub: string): DriveAccount
  inside: Inside
}

export interface FilesRoutesParts extends FilesParts, ContentParts {
  folders: Pick<Folders, 'make'>
}

const contentHeaders = ['Range', 'If-None-Match', 'If-Range']

export function filesRoutes(parts: FilesRoutesParts): Route[] {
  const content = /^([^/]+)\/content$/
  const send = (call: Call): Promise<void> => sendContent(parts, call)
  return [
    { method: 'GET', path: /^$/, run: (call) => list(parts, call) },
    { method: 'POST', path: /^$/, run: (call) => makeFolder(parts, call) },
    { method: 'GET', path: /^([^/]+)$/, run: (call) => describe(parts, call) },
    { method: 'GET', path: content, headers: contentHeaders, run: send },
    { method: 'HEAD', path: content, headers: contentHeaders, run: send },
  ]
}

async function list(parts: FilesRoutesParts, call: Call): Promise<void> {
  const { req, res, query, signal } = call
  const principal = await parts.identify(req, 'files:read')
  const account = parts.accountOf(principal.sub)
  const asLines = wantsLines(req.headers.accept)
  const asked = readListQuery(query, asLines ? { pageSize: 1000 } : undefined)
  const first = await parts.inside.listQuery(principal, asked, signal)
  if (!asLines) return sendJson(res, 200, await parts.files.list(account, first, signal))
  const pages = everyPage(parts.files, account, first, signal)
  // The first page before the status: a refusal is an answer, and not the end of one.
  const { value = [] } = await pages.next()
  res.writeHead(200, { 'content-type': 'application/x-ndjson; charset=utf-8' })
  await sendStream(res, lines(value, pages), parts.idleMs)
}

/** A file a line, and all of them, where the caller asks for it. */
function wantsLines(accept = ''): boolean {
  return /(?:^|,)[ \t]*application\/(?:x-)?ndjson[ \t]*(?:;|,|$)/i.test(accept)
}

async function* everyPage(
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

async function* lines(
  first: ListedFile[],
  others: AsyncIterable<ListedFile[]>,
): AsyncGenerator<string, void, undefined> {
  yield linesOf(first)
  for await (const page of others) yield linesOf(page)
}

function linesOf(files: ListedFile[]): string {
  return files.map((file) => `${JSON.stringify(file)}\n`).join('')
}

async function describe(
  parts: FilesRoutesParts,
  { req, res, params, signal }: Call,
): Promise<void> {
  const principal = await parts.identify(req, 'files:read')
  const id = readFileId(params[0] ?? '')
  await parts.inside.checkRead(principal, id, signal)
  const file = await parts.files.get(parts.accountOf(principal.sub), id, signal)
  // What the credential's own folder is in is none of its business.
  const isTop = file.id === principal.folder?.id
  sendJson(res, 200, toAnswer(isTop ? { ...file, parents: [] } : file))
}

/** Makes a folder, or finds the one of this name that Driveway made before. */
async function makeFolder(parts: FilesRoutesParts, call: Call): Promise<void> {
  const { req, res, signal } = call
  const principal = await parts.identify(req, 'upload')
  const account = parts.accountOf(principal.sub)
  const { folder: named, name } = readNewFolder(await readJson(req, res))
  const folder = await parts.inside.writeFolder(principal, named, signal)
  const { id, isNew } = await parts.folders.make(account, folder, name, signal)
  const made = await parts.files.get(account, id, signal)
  sendJson(res, isNew ? 201 : 200, toAnswer(made))
}

/** With what `?as=` takes in place of Drive's media types. */
function toAnswer({ exportTypes, ...file }: FileDetails): object {
  return exportTypes.length === 0 ? file : { ...file, exports: formatNames(exportTypes) }
}
