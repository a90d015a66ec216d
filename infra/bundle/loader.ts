/**
 * Entry point for the Functions Framework: loads the bundle's scripts, which are in the same folder,
 * with the V8 code cache that the build wrote (`warm-code-cache.ts`). A starting instance then
 * compiles almost nothing.
 *
 * Node's own compile cache does not replace it: it holds only what is compiled while a file loads, not
 * what is compiled at the first call, and its path depends on the user id. If V8 rejects a cache
 * (another version, other flags), the script is compiled as usual.
 */
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { Script } from 'node:vm'

interface LoadedScript {
  script: Script
  module: { exports: unknown }
}

const loaded = new Map<string, LoadedScript>()

/** Google's client libraries call it for Node's modules, and use its properties to find their files. */
const requireAny = Object.assign(
  (name: string): unknown => (name.startsWith('./') ? load(name.slice(2)) : require(name)),
  require,
)

function load(name: string): unknown {
  const cached = loaded.get(name)
  if (cached) return cached.module.exports
  const filename = join(__dirname, name)
  const params = 'exports, require, module, __filename, __dirname, __url'
  const source = `(function (${params}) {${readFileSync(filename, 'latin1')}\n})`
  const script = new Script(source, { filename, cachedData: readCache(filename) })
  const module = { exports: {} }
  loaded.set(name, { script, module })
  const run = script.runInThisContext() as (...args: unknown[]) => void
  run(module.exports, requireAny, module, filename, __dirname, pathToFileURL(filename).href)
  return module.exports
}

/** Writes the current V8 code cache of every loaded script next to it. */
export function writeCodeCache(): void {
  for (const [name, { script }] of loaded) {
    writeFileSync(cacheFile(join(__dirname, name)), script.createCachedData())
  }
}

/** Returns the names of the scripts whose code cache V8 rejected. */
export function rejectedCaches(): string[] {
  return [...loaded].flatMap(([name, { script }]) => (script.cachedDataRejected ? [name] : []))
}

const cacheFile = (filename: string): string => `${filename}.cache`

function readCache(filename: string): Buffer | undefined {
  try {
    return readFileSync(cacheFile(filename))
  } catch {
    return undefined
  }
}

load('functions.cjs')
