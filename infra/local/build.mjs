/**
 * `npm run build`: what is deployed (`dist/deploy` or `dist/container`, and `dist/web`), and what runs
 * it on this machine.
 */
import { copyFile, mkdir, rm } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'
import { external, makeDeployFolder } from '../bundle/deploy-folder.mjs'
import { asScripts } from '../bundle/esm-to-script.mjs'
import { leanClients } from '../bundle/trim-google-sdks.mjs'
import { leanNode } from '../bundle/lazy-node-http.mjs'

const root = new URL('../../', import.meta.url)
const inRoot = (path) => fileURLToPath(new URL(path, root))

const node = {
  absWorkingDir: fileURLToPath(root),
  bundle: true,
  platform: 'node',
  format: 'esm',
  target: 'node20',
  outExtension: { '.js': '.mjs' },
  logLevel: 'warning',
}

/** What is deployed has everything in it that is in use. */
const deployed = {
  ...node,
  // Names stay as they are: errors are told apart by them. `keepNames` beside shorter ones would name
  // each function anew whenever it is made, which costs a small upload a tenth of its time.
  minifySyntax: true,
  minifyWhitespace: true,
  legalComments: 'none',
  plugins: [leanClients()],
}

const page = {
  absWorkingDir: fileURLToPath(root),
  bundle: true,
  platform: 'browser',
  format: 'esm',
  target: 'es2022',
  minify: true,
  legalComments: 'none',
  logLevel: 'warning',
}

await rm(inRoot('dist'), { recursive: true, force: true })
await Promise.all([
  build({
    ...deployed,
    entryPoints: [{ in: 'functions/index.ts', out: 'functions' }],
    outdir: 'dist/functions',
    external,
    plugins: [...deployed.plugins, asScripts()],
    write: false,
    // What is imported when it is first needed is a file of its own, which is not read before. All
    // lie in one folder: the client libraries look beside themselves.
    splitting: true,
    chunkNames: '[name]-[hash]',
  }),
  build({
    ...deployed,
    entryPoints: ['functions/container.ts'],
    outdir: 'dist/container',
    plugins: [...deployed.plugins, leanNode()],
    // The client libraries are CommonJS: they call require() for Node's own modules and look beside
    // themselves.
    banner: {
      js: [
        "import { createRequire } from 'node:module';",
        'const require = createRequire(import.meta.url);',
        'const { filename: __filename, dirname: __dirname } = import.meta;',
      ].join(''),
    },
  }),
  build({
    ...node,
    format: 'cjs',
    outExtension: { '.js': '.cjs' },
    entryPoints: [{ in: 'infra/bundle/loader.ts', out: 'index' }],
    outdir: 'dist/functions',
  }),
  build({
    ...node,
    entryPoints: ['infra/bundle/warm-code-cache.ts'],
    outdir: 'dist/deploy',
    external,
  }),
  build({
    ...node,
    entryPoints: [
      { in: 'infra/local/start.ts', out: 'start' },
      { in: 'infra/local/server.ts', out: 'server' },
      { in: 'infra/google/setup/main.ts', out: 'setup' },
    ],
    outdir: 'dist/local',
    packages: 'external',
    sourcemap: 'inline',
  }),
  build({ ...page, entryPoints: ['web/main.ts', 'web/style.css'], outdir: 'dist/web' }),
  // A file of its own, which the page fetches when it first needs it.
  build({
    ...page,
    entryPoints: ['web/uploader/index.ts'],
    outfile: 'dist/web/uploader.js',
    loader: { '.css': 'text' },
  }),
  // Hashes beside the page, and beside other people's.
  build({
    ...page,
    entryPoints: ['web/uploader/digest-worker.ts'],
    outfile: 'dist/web/digest.js',
    format: 'iife',
  }),
  // For other people's pages: a classic script, which needs no leave to be fetched from elsewhere.
  build({
    ...page,
    entryPoints: ['web/embed/driveway-upload.ts'],
    outfile: 'dist/web/driveway-upload.js',
    loader: { '.css': 'text' },
    format: 'iife',
  }),
])
await mkdir(inRoot('dist/web'), { recursive: true })
for (const file of ['index.html', 'favicon.svg']) {
  await copyFile(inRoot(`web/${file}`), inRoot(`dist/web/${file}`))
}
await makeDeployFolder(fileURLToPath(root))
