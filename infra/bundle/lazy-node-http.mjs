/**
 * Importing `node:http` reads every property that it has. One of them is `WebSocket`, from Node 22 on,
 * and with it comes all of `fetch`: a quarter of what an empty function takes to start. To require it
 * reads nothing, and a framework that has required it before has paid for it already.
 *
 * @returns a plugin of esbuild's
 */
export function leanNode() {
  return {
    name: 'lazy-node-http',
    setup(build) {
      build.onResolve({ filter: /^node:http$/ }, ({ kind, path }) =>
        kind === 'import-statement' ? { path, namespace: 'required' } : undefined,
      )
      build.onLoad({ filter: /.*/, namespace: 'required' }, ({ path }) => ({
        contents: `module.exports = require('${path}')`,
      }))
    },
  }
}
