/** Jest transform that strips types with esbuild, which is already a dependency. */
import { transformSync } from 'esbuild'

const transformer = {
  process: (source, path) =>
    transformSync(source, {
      loader: 'ts',
      format: 'esm',
      target: 'node20.19', // keeps import attributes
      sourcefile: path,
      sourcemap: 'inline',
    }),
}

export default transformer
