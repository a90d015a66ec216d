/**
 * What the Functions Framework loads: the bundle, whose scripts lie beside this file, each with what
 * V8 made of its functions when it was built (`warm-code-cache.ts`). So an instance that starts has next to
 * nothing left to compile.
 *
 * Node's own compile cache keeps what is compiled as a file is loaded, not what is compiled when it
 * is first called, and looks for it under the user's id. What V8 does not want (it is of another
 * version, or other flags) is as good as not kept.
 */
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { Script } from 'node:vm'

interface Loaded {
  script: Script
  module: { exports: unknown }
}

const loaded = new Map<string, Loaded>()

/** The client libraries ask it for Node's modules, and look for files of theirs by it. */
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

/** Keeps what V8 has made so far of every script that was loaded. */
export function writeCodeCache(): void {
  for (const [name, { script }] of loaded) {
    writeFileSync(cacheFile(join(__dirname, name)), script.createCachedData())
  }
}

/** The scripts of which V8 did not want what was kept. */
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
