/** Strips the types from a test's modules; esbuild is here already, for the bundles. */
import { transformSync } from 'esbuild'

const transformer = {
  process: (source, path) =>
    transformSync(source, {
      loader: 'ts',
      format: 'esm',
      target: 'node20',
      sourcefile: path,
      sourcemap: 'inline',
    }),
}

export default transformer
