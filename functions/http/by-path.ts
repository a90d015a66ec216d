/** All functions behind one address, each below the path that has its name. */
import type { Handler } from './router.ts'

/** @param elsewhere answers what is nobody's path */
export function byPath(functions: Record<string, Handler>, elsewhere: Handler): Handler {
  const byName = new Map(Object.entries(functions))
  return (req, res) => {
    const [, name = ''] = /^\/([^/?#]*)/.exec(req.url ?? '') ?? []
    return (byName.get(name) ?? elsewhere)(req, res)
  }
}
