/** Prunes protobuf.js JSON descriptors to the methods and types in use. */

/**
 * Selects some methods of one service, and every type that they reference, transitively.
 *
 * @param json a root descriptor, `{ nested: … }`; it is not modified
 * @param service the service's full name
 * @param methods the names of the methods to keep
 * @returns a root descriptor with only these methods and types
 * @throws {Error} if the service or one of the methods does not exist
 */
export function pruneProtos(json, service, methods) {
  const keptPaths = new Set()
  const keep = (path, { fields = {}, methods: calls = {} }) => {
    if (keptPaths.has(path.join('.'))) return
    keptPaths.add(path.join('.'))
    // A nested type needs its parents.
    if (path.length > 1) keep(path.slice(0, -1), at(json, path.slice(0, -1)))
    const names = [
      ...Object.values(fields).map(({ type }) => type),
      ...Object.values(calls).flatMap(({ requestType, responseType }) => [
        requestType,
        responseType,
      ]),
    ]
    for (const name of names) {
      const typePath = resolveType(json, path, name)
      if (typePath) keep(typePath, at(json, typePath))
    }
  }

  const path = service.split('.')
  const original = at(json, path)
  const pruned = { ...original, methods: pick(original?.methods ?? {}, methods, service) }
  keep(path, pruned)
  return filterTree(json, [], (nodePath, node) => {
    if (!keptPaths.has(nodePath.join('.'))) return undefined
    return node === original ? pruned : node
  })
}

function pick(methods, names, service) {
  return Object.fromEntries(
    names.map((name) => {
      if (!methods[name]) throw new Error(`There is no ${name} in ${service}`)
      return [name, methods[name]]
    }),
  )
}

/** Resolves a type name to its path: in the given scope, then in each enclosing one. */
function resolveType(json, scope, name) {
  for (let depth = scope.length; depth >= 0; depth--) {
    const path = [...scope.slice(0, depth), ...name.split('.')]
    const type = at(json, path)
    if (type?.fields || type?.values) return path
  }
  return undefined // a scalar
}

function at(json, path) {
  return path.reduce((node, name) => node?.nested?.[name], json)
}

/** @param select maps a path and its node to the node to keep, or to `undefined` to remove it */
function filterTree({ nested, ...node }, path, select) {
  const children = Object.entries(nested ?? {}).flatMap(([name, child]) => {
    const childPath = [...path, name]
    const selected = select(childPath, child)
    return selected ? [[name, filterTree(selected, childPath, select)]] : []
  })
  return children.length === 0 ? node : { ...node, nested: Object.fromEntries(children) }
}
