/** Creates the empty folders of a dropped tree, which no uploaded file creates. */
import { parseJsonObject, readProblem } from '../api/problem.ts'
import type { UploadTarget } from './upload-item.ts'
import { pathInTarget } from './upload-task.ts'

export interface GatewayOptions {
  /** The gateway's origin. */
  readonly gateway: string
  readonly headers: () => Readonly<Record<string, string>>
}

/**
 * Creates folders one after the other. Existing folders are reused, as in an upload.
 *
 * @param paths below the target, such as `Trip/Day 3`
 * @param onCreated called for each path
 * @throws {Problem} for the first folder that cannot be created
 */
export async function createFolders(
  { gateway, headers }: GatewayOptions,
  target: UploadTarget,
  paths: readonly string[],
  onCreated: (path: string) => void,
): Promise<void> {
  const ids = new Map<string, string | null>([['', target.id]])

  async function ensureFolder(path: string): Promise<string | null> {
    const existing = ids.get(path)
    if (existing !== undefined) return existing
    const separator = path.lastIndexOf('/')
    const folder = await ensureFolder(path.slice(0, Math.max(0, separator)))
    const name = path.slice(separator + 1)
    const response = await fetch(`${gateway}/files`, {
      method: 'POST',
      headers: { ...headers(), 'content-type': 'application/json', accept: 'application/json' },
      body: JSON.stringify(folder === null ? { name } : { name, folder }),
    })
    const body = await response.text()
    if (!response.ok) throw readProblem(response.status, body)
    const id = String(parseJsonObject(body)['id'])
    ids.set(path, id)
    return id
  }

  for (const path of paths) {
    await ensureFolder(pathInTarget(target, path))
    onCreated(path)
  }
}
