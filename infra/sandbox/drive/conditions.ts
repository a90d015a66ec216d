/** What only Google decides about a file, for tests: `PATCH /sandbox/drive/files/{id}`. */
import type { Route } from '../router.ts'
import { readBody, sendJson } from '../router.ts'
import { route } from './service.ts'
import type { Condition, Tree } from './tree.ts'

interface Change {
  trashed?: boolean
  conditions?: Condition[]
}

/** Changes an item without a user's permission: moves it to the bin, or sets its conditions. */
export function createConditionRoute(tree: Tree): Route {
  const path = /^\/sandbox\/drive\/files\/([^/]+)$/
  return route('sandbox.drive.file', 'PATCH', path, async ({ req, res, params }) => {
    const item = tree.get(params[0] ?? '')
    if (!item) return sendJson(res, 404, { error: 'Cannot find the file' })
    const { trashed, conditions } = JSON.parse((await readBody(req)).toString('utf8')) as Change
    if (trashed !== undefined) item.trashed = trashed
    if (conditions !== undefined) item.conditions = new Set(conditions)
    sendJson(res, 200, { trashed: item.trashed, conditions: [...item.conditions] })
  })
}
