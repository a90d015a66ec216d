/** Descriptions of protocols, as protobuf.js has them in JSON, cut down to what is in use. */

/**
 * What some methods of one service need: they themselves, and every type that they lead to.
 *
 * @param json a root: `{ nested: … }`
 * @param service its full name
 * @param methods their names
 * @returns a root with so much of the first one
 */
export function protocolOf(json, service, methods) {
  const kept = new Set()
  const keep = (path, { fields = {}, methods: calls = {} }) => {
    if (kept.has(path.join('.'))) return
    kept.add(path.join('.'))
    // Types lie within others, which are of no use in part.
    if (path.length > 1) keep(path.slice(0, -1), at(json, path.slice(0, -1)))
    const names = [
      ...Object.values(fields).map(({ type }) => type),
      ...Object.values(calls).flatMap(({ requestType, responseType }) => [
        requestType,
        responseType,
      ]),
    ]
    for (const name of names) {
      const found = lookUp(json, path, name)
      if (found) keep(found, at(json, found))
    }
  }

  const path = service.split('.')
  const whole = at(json, path)
  const asked = { ...whole, methods: pick(whole?.methods ?? {}, methods, service) }
  keep(path, asked)
  return cut(json, [], (inside, one) => {
    if (!kept.has(inside.join('.'))) return undefined
    return one === whole ? asked : one
  })
}

function pick(from, names, service) {
  return Object.fromEntries(
    names.map((name) => {
      if (!from[name]) throw new Error(`There is no ${name} in ${service}`)
      return [name, from[name]]
    }),
  )
}

/** Where a type is that goes by some name in a scope: looked for in that, then in each one around it. */
function lookUp(json, scope, name) {
  for (let depth = scope.length; depth >= 0; depth--) {
    const path = [...scope.slice(0, depth), ...name.split('.')]
    const found = at(json, path)
    if (found?.fields || found?.values) return path
  }
  return undefined // It is a scalar.
}

function at(json, path) {
  return path.reduce((inside, name) => inside?.nested?.[name], json)
}

/** @param left what is left of something, by its path; nothing where it goes */
function cut({ nested, ...is }, path, left) {
  const inside = Object.entries(nested ?? {}).flatMap(([name, one]) => {
    const here = [...path, name]
    const remains = left(here, one)
    return remains ? [[name, cut(remains, here, left)]] : []
  })
  return inside.length === 0 ? is : { ...is, nested: Object.fromEntries(inside) }
}
