/** Client-side routes and their URLs: a folder, a search, the tokens view, the device view. */
import { strings } from './strings.ts'
import { currentFolder, loadBreadcrumbs } from './breadcrumbs.ts'
import type { Breadcrumbs } from './breadcrumbs.ts'

export interface Search {
  readonly text: string
  /** Searches the open folder only, instead of all of Drive. */
  readonly currentFolderOnly: boolean
}

export type Route =
  | { readonly view: 'files'; readonly crumbs: Breadcrumbs; readonly search: Search | null }
  | { readonly view: 'tokens'; readonly crumbs: Breadcrumbs }
  | { readonly view: 'device'; readonly code: string }

export type FilesRoute = Extract<Route, { view: 'files' }>

export const folderRoute = (crumbs: Breadcrumbs): FilesRoute => ({
  view: 'files',
  crumbs,
  search: null,
})

export function parseRoute({ pathname, search }: Pick<Location, 'pathname' | 'search'>): Route {
  const query = new URLSearchParams(search)
  const crumbs = crumbsFor(query.get('folder'))
  if (pathname === '/device') return { view: 'device', code: query.get('user_code') ?? '' }
  if (pathname === '/tokens') return { view: 'tokens', crumbs }
  const text = query.get('q')?.trim() ?? ''
  const currentFolderOnly = crumbs.length > 0 && query.get('scope') === 'folder'
  return { view: 'files', crumbs, search: text === '' ? null : { text, currentFolderOnly } }
}

export function formatRoute(route: Route): string {
  if (route.view === 'device') return withQuery('/device', { user_code: route.code })
  const folder = currentFolder(route.crumbs)?.id ?? ''
  if (route.view === 'tokens') return withQuery('/tokens', { folder })
  const { search } = route
  const scope = search?.currentFolderOnly === true ? 'folder' : ''
  return withQuery('/', { folder, q: search?.text ?? '', scope })
}

function withQuery(path: string, fields: Readonly<Record<string, string>>): string {
  const query = new URLSearchParams(Object.entries(fields).filter(([, value]) => value !== ''))
  return String(query) === '' ? path : `${path}?${query}`
}

/** A folder that this tab has not opened has no ancestors until `resolveAncestors` loads them. */
function crumbsFor(id: string | null): Breadcrumbs {
  if (id === null || id === '') return []
  return loadBreadcrumbs(id) ?? [{ id, name: strings.unnamedFolder, ancestorsUnknown: true }]
}
