/** docs/openapi.yaml, read, and answers held against it. */
import { Ajv2020 } from 'ajv/dist/2020.js'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { parse } from 'yaml'
import { root } from '../kit/process.ts'
import type { RawResponse } from '../kit/environment.ts'

export interface Reference {
  $ref: string
}

export interface Parameter {
  name: string
  in: 'path' | 'query' | 'header'
  example?: string
}

export interface Answer {
  description: string
  headers?: Record<string, Reference>
  content?: Record<string, { schema?: object }>
}

export interface Operation {
  operationId: string
  parameters?: (Parameter | Reference)[]
  requestBody?: { content: Record<string, object> }
  responses: Record<string, Answer | (Reference & { description: string })>
}

interface PathItem extends Record<string, unknown> {
  parameters?: (Parameter | Reference)[]
}

export interface Problem {
  code: string
  status: number
  title: string
  retryable: boolean
}

type Consts = { properties: Record<string, { const: unknown }> }

interface Document {
  paths: Record<string, PathItem>
  components: {
    schemas: Record<string, object> & { Problem: { oneOf: Consts[] } }
  }
}

export const document = parse(
  await readFile(join(root, 'docs/openapi.yaml'), 'utf8'),
) as unknown as Document

const methods = ['get', 'head', 'post', 'put', 'patch', 'delete', 'options']

export interface Described {
  template: string
  method: string
  operation: Operation
  parameters: Parameter[]
}

/** Every operation, with all of its parameters. */
export const operations: Described[] = Object.entries(document.paths).flatMap(([template, item]) =>
  methods
    .filter((method) => method in item)
    .map((method) => {
      const operation = item[method] as Operation
      const all = [...(item.parameters ?? []), ...(operation.parameters ?? [])]
      const parameters = all.map((one) => follow<Parameter>(one))
      return { template, method: method.toUpperCase(), operation, parameters }
    }),
)

export function follow<T extends object>(value: T | Reference): T {
  if (!('$ref' in value)) return value
  const steps = value.$ref.split('/').slice(1)
  const found = steps.reduce<unknown>(
    (at, step) => (at as Record<string, unknown> | undefined)?.[step],
    document,
  )
  if (typeof found !== 'object' || found === null) throw new Error(`${value.$ref} leads nowhere`)
  return found as T
}

/** The problems that the document has, as its schema says. */
export const problemsInDocument: Problem[] = document.components.schemas.Problem.oneOf.map(
  ({ properties }) =>
    Object.fromEntries(
      Object.entries(properties).map(([name, schema]) => [name, schema.const]),
    ) as unknown as Problem,
)

/** The codes that an operation's answer may have. */
export function codesOf({ description }: { description: string }): string[] {
  return [...description.matchAll(/`([a-z_]+)`/g)].map(([, code = '']) => code)
}

const ajv = new Ajv2020({ strict: false, allErrors: true })
ajv.addFormat('date-time', /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$/)
ajv.addFormat('uuid', /^[\da-f]{8}(-[\da-f]{4}){3}-[\da-f]{12}$/)
ajv.addFormat('uri', (text) => URL.canParse(text))
ajv.addSchema(document, 'openapi')

/** What of an answer is not as the document has it; nothing where all is. */
export function faultsOf(operationId: string, { status, headers, body }: RawResponse): string[] {
  const described = operations.find(({ operation }) => operation.operationId === operationId)
  if (!described) return [`no operation ${operationId}`]
  const { method, operation } = described
  const answer = operation.responses[status]
  if (!answer) return [`${operationId}: no status ${status}: ${body.slice(0, 300)}`]
  const { content } = follow<Answer>(answer)
  const type = (headers['content-type'] ?? '').split(';')[0] ?? ''
  const faults = headers['x-request-id'] === undefined ? ['no X-Request-Id'] : []
  if (method === 'HEAD' || body === '') return faults
  const media = content?.[type] ?? content?.['*/*']
  if (!media) return [...faults, `${operationId} ${status}: no body of ${type}`]
  if (!media.schema || !type.endsWith('json')) return faults
  for (const line of type.endsWith('ndjson') ? body.trim().split('\n') : [body]) {
    faults.push(...mismatches(media.schema, JSON.parse(line)))
  }
  if (type === 'application/problem+json') {
    const { code } = JSON.parse(body) as { code: string }
    if (!codesOf(answer).includes(code))
      faults.push(`${operationId} ${status}: ${code} is not said`)
  }
  return faults
}

function mismatches(schema: object, value: unknown): string[] {
  const inDocument = JSON.parse(
    JSON.stringify(schema).replaceAll('"#/components', '"openapi#/components'),
  ) as object
  const check = ajv.compile(inDocument)
  if (check(value)) return []
  return (check.errors ?? []).map(({ instancePath, message }) => `${instancePath} ${message ?? ''}`)
}
