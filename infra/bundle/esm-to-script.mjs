/**
 * An esbuild plugin: the bundle as scripts that `index.ts` loads, instead of modules.
 *
 * Only modules can be split into what is read at once and what is read when it is first needed, and
 * only of scripts can be kept what V8 has made of them.
 */
import { mkdir, writeFile } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { transform } from 'esbuild'

/** @returns a plugin for a build with `splitting` that writes nothing itself (`write: false`) */
export function asScripts() {
  return {
    name: 'as scripts',
    setup({ onEnd }) {
      onEnd(async ({ outputFiles }) => {
        await Promise.all(outputFiles.map(writeScript))
      })
    },
  }
}

async function writeScript({ path, text }) {
  const { code } = await transform(text, {
    format: 'cjs',
    platform: 'node',
    target: 'node20',
    minifySyntax: true,
    minifyWhitespace: true,
    supported: { 'dynamic-import': false },
    define: { 'import.meta.url': '__url' },
    logLevel: 'error',
  })
  const script = code.replaceAll(/(require\("\.\/[\w-]+)\.mjs"\)/g, '$1.cjs")')
  // It is read byte by byte, and cannot wait for modules.
  if (/[^\0-\x7F]|\bimport\s*\(/.test(script)) throw new Error(`${path} is no plain script`)
  await mkdir(dirname(path), { recursive: true })
  await writeFile(join(dirname(path), basename(path).replace(/\.mjs$/, '.cjs')), script)
}
