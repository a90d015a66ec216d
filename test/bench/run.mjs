/** Builds the benchmark and its baselines after `npm run build`, and runs it. */
import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'

await build({
  absWorkingDir: fileURLToPath(new URL('../../', import.meta.url)),
  entryPoints: [
    'bench.ts',
    'sandbox.ts',
    'baselines/bare-pipe.ts',
    'baselines/hash-pipe.ts',
    'baselines/fixed-chunks.ts',
    'baselines/raw-body.ts',
    'baselines/empty.ts',
  ].map((file) => `test/bench/${file}`),
  outdir: 'dist/bench',
  outbase: 'test/bench',
  bundle: true,
  packages: 'external',
  platform: 'node',
  format: 'esm',
  target: 'node20',
  outExtension: { '.js': '.mjs' },
  logLevel: 'warning',
})
await import('../../dist/bench/bench.mjs')
