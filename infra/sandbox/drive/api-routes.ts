/** The routes of the API, without uploads and batches. */
import type { Exchange, Route } from '../router.ts'
import { getAbout, listDrives } from './account.ts'
import { getStartPageToken, listChanges } from './changes.ts'
import { copyFile } from './copy.ts'
import { allowAnyOrigin } from './cors.ts'
import { exportFile } from './download.ts'
import { createFile, deleteFile, emptyTrash, generateIds, getFile, updateFile } from './files.ts'
import { listFiles } from './list.ts'
import type { PageTokens } from './page-tokens.ts'
import { createPageTokens } from './page-tokens.ts'
import { getRevision, listRevisions } from './revisions.ts'
import type { DriveContext } from './service.ts'
import { route } from './service.ts'
import { createPermission, deletePermission, listPermissions } from './sharing.ts'

type Handle = (context: DriveContext, exchange: Exchange) => Promise<void> | void
type HandleList = (
  context: DriveContext,
  pageTokens: PageTokens,
  exchange: Exchange,
) => Promise<void> | void

export function createApiRoutes(context: DriveContext): Route[] {
  const pageTokens = createPageTokens()
  const api = (operation: string, method: string, path: string, handle: Handle): Route => {
    const pattern = new RegExp(`^/${path.replaceAll('{}', '([^/]+)')}$`)
    return route(operation, method, pattern, (exchange) => {
      allowAnyOrigin(exchange.req, exchange.res)
      return handle(context, exchange)
    })
  }
  const paged =
    (handle: HandleList): Handle =>
    (_, exchange) =>
      handle(context, pageTokens, exchange)

  const [files, file] = ['drive/v3/files', 'drive/v3/files/{}']
  // The first matching route is used: fixed paths come before the ids of files.
  return [
    api('drive.files.list', 'GET', files, paged(listFiles)),
    api('drive.files.create', 'POST', files, createFile),
    api('drive.generateIds', 'GET', `${files}/generateIds`, generateIds),
    api('drive.files.emptyTrash', 'DELETE', `${files}/trash`, emptyTrash),
    api('drive.files.export', 'GET', `${file}/export`, exportFile),
    api('drive.files.copy', 'POST', `${file}/copy`, copyFile),
    {
      ...api('drive.files.get', 'GET', file, getFile),
      operationOf: (_req, url) =>
        url.searchParams.get('alt') === 'media' ? 'drive.files.media' : 'drive.files.get',
    },
    api('drive.files.update', 'PATCH', file, updateFile),
    api('drive.files.delete', 'DELETE', file, deleteFile),
    api('drive.permissions.list', 'GET', `${file}/permissions`, paged(listPermissions)),
    api('drive.permissions.create', 'POST', `${file}/permissions`, createPermission),
    api('drive.permissions.delete', 'DELETE', `${file}/permissions/{}`, deletePermission),
    api('drive.revisions.list', 'GET', `${file}/revisions`, paged(listRevisions)),
    api('drive.revisions.get', 'GET', `${file}/revisions/{}`, getRevision),
    api(
      'drive.changes.getStartPageToken',
      'GET',
      'drive/v3/changes/startPageToken',
      getStartPageToken,
    ),
    api('drive.changes.list', 'GET', 'drive/v3/changes', listChanges),
    api('drive.about', 'GET', 'drive/v3/about', getAbout),
    api('drive.drives.list', 'GET', 'drive/v3/drives', listDrives),
  ]
}
