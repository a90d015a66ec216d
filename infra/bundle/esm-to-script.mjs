/**
 * esbuild plugin that converts the ESM chunks of a build into scripts, which `loader.ts` loads.
 *
 * esbuild splits only ES modules into chunks, and V8 gives a code cache only for scripts.
 */
import { mkdir, writeFile } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { transform } from 'esbuild'

/** @returns an esbuild plugin for a build with `splitting: true` and `write: false` */
export function esmToScript() {
  return {
    name: 'esm-to-script',
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
  // The loader reads scripts as Latin-1, and a script cannot import modules.
  if (/[^\0-\x7F]|\bimport\s*\(/.test(script)) {
    throw new Error(`Cannot convert ${path} to a script: it has import() or a non-ASCII character`)
  }
  await mkdir(dirname(path), { recursive: true })
  await writeFile(join(dirname(path), basename(path).replace(/\.mjs$/, '.cjs')), script)
}
