/** Compares requests with Drive's discovery document. */
import { readMask } from '../fields.ts'
import { isParameterValue } from './check-value.ts'
import type { MethodSchema } from './index.ts'
import { schema, shapeOf } from './index.ts'

/**
 * Lists the parameters and fields of a request that the discovery document lacks, and the required
 * parameters that are missing. Drive does not refuse an unknown parameter, so a misspelt one would go
 * unnoticed.
 */
export function requestProblems(method: string, url: URL): string[] {
  const { pathname, searchParams } = url
  if (searchParams.has('upload_id')) return [] // a session URI is opaque
  const match = findMethod(method, pathname)
  if (!match) return [`${method} ${pathname} is no method`]
  const [id, { parameters, response }] = match
  const known = { ...schema.parameters, ...parameters }
  const problems = Object.entries(parameters)
    .filter(([name, { required }]) => required && !searchParams.get(name))
    .map(([name]) => `${id} requires the parameter ${name}`)
  for (const [name, value] of searchParams) {
    const parameter = Object.hasOwn(known, name) ? known[name] : undefined
    if (!parameter) problems.push(`${id} has no parameter ${name}`)
    else if (!isParameterValue(value, parameter)) problems.push(`${id}: ${name} cannot be ${value}`)
  }
  const fields = searchParams.get('fields')
  if (fields && response && !isMask(fields, response)) {
    problems.push(`${id}: ${response} has not all of the fields ${fields}`)
  }
  return problems
}

function isMask(fields: string, response: string): boolean {
  try {
    return Boolean(readMask(fields, shapeOf(response)))
  } catch {
    return false
  }
}

/** The method whose path template has the fewest variables. */
function findMethod(method: string, pathname: string): [string, MethodSchema] | undefined {
  const [, upload, path = ''] = /^(\/upload)?\/drive\/v3\/(.*)$/.exec(pathname) ?? []
  const [best] = Object.entries(schema.methods)
    .filter(([, candidate]) => {
      const pattern = candidate.request.replaceAll(/\{\w+\}/g, '[^/]+')
      const isMatch = new RegExp(`^${pattern}$`).test(`${method} ${path}`)
      return isMatch && (upload === undefined || candidate.upload)
    })
    .toSorted(([, a], [, b]) => countVariables(a) - countVariables(b))
  return best
}

function countVariables({ request }: MethodSchema): number {
  return request.split('{').length
}
