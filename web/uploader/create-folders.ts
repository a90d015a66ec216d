/** Folders that no file brings with it: the empty ones of a dropped tree. */
import { jsonObject, readProblem } from '../api/problem.ts'
import type { Target } from './upload-item.ts'
import { pathIn } from './upload-task.ts'

export interface FolderMaker {
  /** The gateway's origin. */
  readonly gateway: string
  readonly headers: () => Readonly<Record<string, string>>
}

/**
 * Makes folders one after the other, as the gateway does for files: what is there already stays.
 *
 * @param paths below the target, such as `Trip/Day 3`
 * @param made called for each of them
 * @throws {Problem} for the first that cannot be made
 */
export async function makeFolders(
  { gateway, headers }: FolderMaker,
  target: Target,
  paths: readonly string[],
  made: (path: string) => void,
): Promise<void> {
  const ids = new Map<string, string | null>([['', target.id]])

  async function reach(path: string): Promise<string | null> {
    const known = ids.get(path)
    if (known !== undefined) return known
    const cut = path.lastIndexOf('/')
    const folder = await reach(path.slice(0, Math.max(0, cut)))
    const answer = await fetch(`${gateway}/files`, {
      method: 'POST',
      headers: { ...headers(), 'content-type': 'application/json', accept: 'application/json' },
      body: JSON.stringify({ name: path.slice(cut + 1), ...(folder === null ? {} : { folder }) }),
    })
    const body = await answer.text()
    if (!answer.ok) throw readProblem(answer.status, body)
    const id = String(jsonObject(body)['id'])
    ids.set(path, id)
    return id
  }

  for (const path of paths) {
    await reach(pathIn(target, path))
    made(path)
  }
}
