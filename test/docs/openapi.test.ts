/** docs/openapi.yaml has what the code has: its routes, its problems, and nothing else. */
import { describe, expect, test } from '@jest/globals'
import { problems } from '../../functions/errors.ts'
import type { ProblemCode } from '../../functions/errors.ts'
import { authRoutes } from '../../functions/auth/routes.ts'
import { callbackRoutes } from '../../functions/callback/routes.ts'
import { filesRoutes } from '../../functions/files/routes.ts'
import type { Route } from '../../functions/http/router.ts'
import { uploadRoutes } from '../../functions/upload/routes.ts'
import { codesOf, document, follow, operations, problemsInDocument } from './openapi-fixture.ts'
import type { Described } from './openapi-fixture.ts'

/** Nothing is asked of the parts before a request comes. */
const none = {} as never
const routes = Object.entries({
  auth: authRoutes(none),
  callback: callbackRoutes(none),
  files: filesRoutes(none),
  upload: uploadRoutes(none),
}).flatMap(([name, ofFunction]) => ofFunction.map((route) => ({ name, route })))

/** A path that the template stands for, behind the function's name. */
function sampleOf({ template, parameters }: Described): string {
  const path = template.replaceAll(/\{(\w+)\}/g, (_, name: string) => {
    const found = parameters.find((one) => one.in === 'path' && one.name === name)
    if (!found?.example) throw new Error(`${template}: ${name} has no example`)
    return found.example
  })
  return path.split('/').slice(2).join('/')
}

function isFor(name: string, route: Route, described: Described): boolean {
  return (
    described.template.split('/')[1] === name &&
    described.method === route.method &&
    route.path.test(sampleOf(described))
  )
}

describe('routes', () => {
  test.each(operations.map((one) => [`${one.method} ${one.template}`, one] as const))(
    '%s is in the code',
    (_, one) => {
      expect(routes.filter(({ name, route }) => isFor(name, route, one))).not.toEqual([])
    },
  )

  test.each(
    routes.map(
      (one) => [`${one.route.method} ${one.name} ${String(one.route.path)}`, one] as const,
    ),
  )('%s is in the document', (_, { name, route }) => {
    expect(operations.filter((one) => isFor(name, route, one))).not.toEqual([])
  })

  test('request headers that a route allows to other pages are among its parameters', () => {
    // Which clients can be told to add, and which means nothing here.
    const known = new Set(['x-request-id'])
    for (const one of operations.filter(({ method }) => method !== 'OPTIONS')) {
      for (const { name, in: where } of one.parameters)
        if (where === 'header') known.add(name.toLowerCase())
    }
    const allowed = routes.flatMap(({ route }) => route.headers ?? [])
    expect(allowed.filter((name) => !known.has(name.toLowerCase()))).toEqual([])
  })

  test('every name of an operation is there once, and every reference leads somewhere', () => {
    const names = operations.map(({ operation }) => operation.operationId)
    expect(new Set(names).size).toBe(names.length)
    const text = JSON.stringify(document)
    for (const [, $ref = ''] of text.matchAll(/"\$ref":"([^"]+)"/g)) follow({ $ref })
  })
})

describe('problems', () => {
  test('the document has all of them, with status and title, and no other', () => {
    const inCode = Object.entries(problems).map(([code, [status, title, retryable]]) => [
      code,
      { code, status, title, retryable },
    ])
    const inDocument = problemsInDocument.map((problem) => [problem.code, problem])
    expect(inDocument.length).toBe(inCode.length)
    expect(Object.fromEntries(inDocument)).toEqual(Object.fromEntries(inCode))
  })

  test('each is said of an operation, under its own status', () => {
    const said = new Set<string>()
    for (const { operation } of operations) {
      for (const [status, answer] of Object.entries(operation.responses)) {
        if (!('$ref' in answer)) continue
        for (const code of codesOf(answer)) {
          said.add(code)
          expect([code, problems[code as ProblemCode]?.[0]]).toEqual([code, Number(status)])
        }
      }
    }
    expect(Object.keys(problems).filter((code) => !said.has(code))).toEqual([])
  })
})
