/** The page's places and their addresses: a folder, a search, the tokens, the approval of a device. */
import { strings } from './strings.ts'
import { folderOf, recallTrail } from './breadcrumbs.ts'
import type { Trail } from './breadcrumbs.ts'

export interface Search {
  readonly words: string
  /** In the open folder alone, else everywhere. */
  readonly here: boolean
}

export type Place =
  | { readonly view: 'files'; readonly trail: Trail; readonly search: Search | null }
  | { readonly view: 'tokens'; readonly trail: Trail }
  | { readonly view: 'device'; readonly code: string }

export type FilesPlace = Extract<Place, { view: 'files' }>

export const inFolder = (trail: Trail): FilesPlace => ({ view: 'files', trail, search: null })

export function readPlace({ pathname, search }: Pick<Location, 'pathname' | 'search'>): Place {
  const query = new URLSearchParams(search)
  const trail = readTrail(query.get('folder'))
  if (pathname === '/device') return { view: 'device', code: query.get('user_code') ?? '' }
  if (pathname === '/tokens') return { view: 'tokens', trail }
  const words = query.get('q')?.trim() ?? ''
  const here = trail.length > 0 && query.has('here')
  return { view: 'files', trail, search: words === '' ? null : { words, here } }
}

export function addressOf(place: Place): string {
  if (place.view === 'device') return withQuery('/device', { user_code: place.code })
  const folder = folderOf(place.trail)?.id ?? ''
  if (place.view === 'tokens') return withQuery('/tokens', { folder })
  const { search } = place
  return withQuery('/', { folder, q: search?.words ?? '', here: search?.here === true ? '1' : '' })
}

function withQuery(path: string, fields: Readonly<Record<string, string>>): string {
  const query = new URLSearchParams(Object.entries(fields).filter(([, value]) => value !== ''))
  return String(query) === '' ? path : `${path}?${query}`
}

/** A folder that this tab did not walk to stands alone, until its way has been asked for. */
function readTrail(id: string | null): Trail {
  if (id === null || id === '') return []
  return recallTrail(id) ?? [{ id, name: strings.someFolder, unplaced: true }]
}
