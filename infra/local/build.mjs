/**
 * `npm run build`: builds what is deployed (`dist/deploy` or `dist/container`, and `dist/web`), and the
 * programs that run it locally (`dist/local`).
 */
import { copyFile, mkdir, rm } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'
import { external, writeDeployFolder } from '../bundle/deploy-folder.mjs'
import { esmToScript } from '../bundle/esm-to-script.mjs'
import { lazyNodeHttp } from '../bundle/lazy-node-http.mjs'
import { trimGoogleSdks } from '../bundle/trim-google-sdks.mjs'

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

/** The deployed bundles contain all of their dependencies. */
const deployed = {
  ...node,
  // No `minifyIdentifiers`: the code compares the names of errors. `keepNames` is no alternative: it
  // sets the name of each function at every creation, which takes 10 % of the time of a small upload.
  minifySyntax: true,
  minifyWhitespace: true,
  legalComments: 'none',
  plugins: [trimGoogleSdks()],
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
    plugins: [...deployed.plugins, esmToScript()],
    write: false,
    // Each dynamic import is a chunk of its own, read at first use. All chunks are in one folder,
    // because the client libraries look for files next to themselves.
    splitting: true,
    chunkNames: '[name]-[hash]',
  }),
  build({
    ...deployed,
    entryPoints: ['functions/container.ts'],
    outdir: 'dist/container',
    plugins: [...deployed.plugins, lazyNodeHttp()],
    // The client libraries are CommonJS: they require() Node's modules and look for files next to
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
  // A separate file, which the page fetches at first use.
  build({
    ...page,
    entryPoints: ['web/uploader/index.ts'],
    outfile: 'dist/web/uploader.js',
    loader: { '.css': 'text' },
  }),
  // The worker that computes checksums, for the page and for pages on other origins.
  build({
    ...page,
    entryPoints: ['web/uploader/digest-worker.ts'],
    outfile: 'dist/web/digest.js',
    format: 'iife',
  }),
  // For pages on other origins: a classic script, because fetching one does not need CORS.
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
await writeDeployFolder(fileURLToPath(root))
