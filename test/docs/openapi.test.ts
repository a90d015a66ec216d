/** docs/openapi.yaml has exactly the routes and problems of the code. */
import { describe, expect, test } from '@jest/globals'
import { problems } from '../../functions/errors.ts'
import type { ProblemCode } from '../../functions/errors.ts'
import { authRoutes } from '../../functions/auth/routes.ts'
import { callbackRoutes } from '../../functions/callback/routes.ts'
import { filesRoutes } from '../../functions/files/routes.ts'
import type { Route } from '../../functions/http/router.ts'
import { uploadRoutes } from '../../functions/upload/routes.ts'
import { codesOf, document, operations, problemsInDocument, resolve } from './openapi-fixture.ts'
import type { DescribedOperation } from './openapi-fixture.ts'

/** The route factories do not use their dependencies before a request. */
const noDeps = {} as never
const routes = Object.entries({
  auth: authRoutes(noDeps),
  callback: callbackRoutes(noDeps),
  files: filesRoutes(noDeps),
  upload: uploadRoutes(noDeps),
}).flatMap(([name, ofFunction]) => ofFunction.map((route) => ({ name, route })))

/** Returns an example path of an operation, relative to its function. */
function examplePath({ template, parameters }: DescribedOperation): string {
  const path = template.replaceAll(/\{(\w+)\}/g, (_, name: string) => {
    const parameter = parameters.find((each) => each.in === 'path' && each.name === name)
    if (!parameter?.example) throw new Error(`${template}: ${name} has no example`)
    return parameter.example
  })
  return path.split('/').slice(2).join('/')
}

function isDescribedBy(name: string, route: Route, described: DescribedOperation): boolean {
  return (
    described.template.split('/')[1] === name &&
    described.method === route.method &&
    route.path.test(examplePath(described))
  )
}

describe('routes', () => {
  test.each(
    operations.map(
      (operation) => [`${operation.method} ${operation.template}`, operation] as const,
    ),
  )('%s is in the code', (_, operation) => {
    expect(routes.filter(({ name, route }) => isDescribedBy(name, route, operation))).not.toEqual(
      [],
    )
  })

  test.each(
    routes.map(
      (each) => [`${each.route.method} ${each.name} ${String(each.route.path)}`, each] as const,
    ),
  )('%s is in the document', (_, { name, route }) => {
    expect(operations.filter((operation) => isDescribedBy(name, route, operation))).not.toEqual([])
  })

  test('a route has the rate limit of networks exactly if its operation needs no credential', () => {
    const described = routes.flatMap(({ name, route }) =>
      operations
        .filter((operation) => route.method !== 'OPTIONS' && isDescribedBy(name, route, operation))
        .map(({ operation }) => ({ route, operation })),
    )
    const differing = described.filter(
      ({ route, operation }) =>
        (route.rateLimit === undefined) !== (operation.security?.length !== 0),
    )
    expect(differing.map(({ operation }) => operation.operationId)).toEqual([])
    expect(described.filter(({ route }) => route.rateLimit !== undefined)).toHaveLength(5)
  })

  test('every CORS request header of a route is a parameter in the document', () => {
    // Clients may send it, but the gateway ignores it.
    const known = new Set(['x-request-id'])
    for (const { parameters } of operations.filter(({ method }) => method !== 'OPTIONS')) {
      for (const { name, in: location } of parameters)
        if (location === 'header') known.add(name.toLowerCase())
    }
    const allowed = routes.flatMap(({ route }) => route.headers ?? [])
    expect(allowed.filter((name) => !known.has(name.toLowerCase()))).toEqual([])
  })

  test('operation ids are unique, and every reference has a target', () => {
    const ids = operations.map(({ operation }) => operation.operationId)
    expect(new Set(ids).size).toBe(ids.length)
    const text = JSON.stringify(document)
    for (const [, $ref = ''] of text.matchAll(/"\$ref":"([^"]+)"/g)) resolve({ $ref })
  })
})

describe('problems', () => {
  test('the document has exactly the problems of the code, with status and title', () => {
    const inCode = Object.entries(problems).map(([code, [status, title, retryable]]) => [
      code,
      { code, status, title, retryable },
    ])
    const inDocument = problemsInDocument.map((problem) => [problem.code, problem])
    expect(inDocument.length).toBe(inCode.length)
    expect(Object.fromEntries(inDocument)).toEqual(Object.fromEntries(inCode))
  })

  test('every problem is documented for an operation, under its own status', () => {
    const documented = new Set<string>()
    for (const { operation } of operations) {
      for (const [status, response] of Object.entries(operation.responses)) {
        if (!('$ref' in response)) continue
        for (const code of codesOf(response)) {
          documented.add(code)
          expect([code, problems[code as ProblemCode]?.[0]]).toEqual([code, Number(status)])
        }
      }
    }
    expect(Object.keys(problems).filter((code) => !documented.has(code))).toEqual([])
  })
})
