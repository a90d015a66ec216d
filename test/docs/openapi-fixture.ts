/** Reads docs/openapi.yaml, and compares responses with it. */
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

export interface ResponseObject {
  description: string
  headers?: Record<string, Reference>
  content?: Record<string, { schema?: object }>
}

export interface Operation {
  operationId: string
  parameters?: (Parameter | Reference)[]
  /** Empty for an operation that authenticates nobody. */
  security?: object[]
  requestBody?: { content: Record<string, object> }
  responses: Record<string, ResponseObject | (Reference & { description: string })>
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

type ConstProperties = { properties: Record<string, { const: unknown }> }

interface Document {
  paths: Record<string, PathItem>
  components: {
    schemas: Record<string, object> & { Problem: { oneOf: ConstProperties[] } }
  }
}

export const document = parse(
  await readFile(join(root, 'docs/openapi.yaml'), 'utf8'),
) as unknown as Document

const methods = ['get', 'head', 'post', 'put', 'patch', 'delete', 'options']

export interface DescribedOperation {
  template: string
  method: string
  operation: Operation
  parameters: Parameter[]
}

/** Every operation, with all of its parameters. */
export const operations: DescribedOperation[] = Object.entries(document.paths).flatMap(
  ([template, item]) =>
    methods
      .filter((method) => method in item)
      .map((method) => {
        const operation = item[method] as Operation
        const all = [...(item.parameters ?? []), ...(operation.parameters ?? [])]
        const parameters = all.map((parameter) => resolve<Parameter>(parameter))
        return { template, method: method.toUpperCase(), operation, parameters }
      }),
)

/** Returns the target of a reference, or the value itself. */
export function resolve<T extends object>(value: T | Reference): T {
  if (!('$ref' in value)) return value
  const keys = value.$ref.split('/').slice(1)
  const target = keys.reduce<unknown>(
    (parent, key) => (parent as Record<string, unknown> | undefined)?.[key],
    document,
  )
  if (typeof target !== 'object' || target === null) throw new Error(`${value.$ref} has no target`)
  return target as T
}

/** The problems of the schema `Problem`. */
export const problemsInDocument: Problem[] = document.components.schemas.Problem.oneOf.map(
  ({ properties }) =>
    Object.fromEntries(
      Object.entries(properties).map(([name, schema]) => [name, schema.const]),
    ) as unknown as Problem,
)

/** Returns the problem codes in a response's description. */
export function codesOf({ description }: { description: string }): string[] {
  return [...description.matchAll(/`([a-z_]+)`/g)].map(([, code = '']) => code)
}

const ajv = new Ajv2020({ strict: false, allErrors: true })
ajv.addFormat('date-time', /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$/)
ajv.addFormat('uuid', /^[\da-f]{8}(-[\da-f]{4}){3}-[\da-f]{12}$/)
ajv.addFormat('uri', (text) => URL.canParse(text))
ajv.addSchema(document, 'openapi')

/** Returns the differences between a response and the document. */
export function mismatchesOf(
  operationId: string,
  { status, headers, body }: RawResponse,
): string[] {
  const described = operations.find(({ operation }) => operation.operationId === operationId)
  if (!described) return [`no operation ${operationId}`]
  const { method, operation } = described
  const response = operation.responses[status]
  if (!response) return [`${operationId}: no status ${status}: ${body.slice(0, 300)}`]
  const { content } = resolve<ResponseObject>(response)
  const type = (headers['content-type'] ?? '').split(';')[0] ?? ''
  const mismatches = headers['x-request-id'] === undefined ? ['no X-Request-Id'] : []
  if (method === 'HEAD' || body === '') return mismatches
  const media = content?.[type] ?? content?.['*/*']
  if (!media) return [...mismatches, `${operationId} ${status}: no body of ${type}`]
  if (!media.schema || !type.endsWith('json')) return mismatches
  for (const line of type.endsWith('ndjson') ? body.trim().split('\n') : [body]) {
    mismatches.push(...schemaErrors(media.schema, JSON.parse(line)))
  }
  if (type === 'application/problem+json') {
    const { code } = JSON.parse(body) as { code: string }
    if (!codesOf(response).includes(code))
      mismatches.push(`${operationId} ${status}: ${code} is not documented`)
  }
  return mismatches
}

function schemaErrors(schema: object, value: unknown): string[] {
  const inDocument = JSON.parse(
    JSON.stringify(schema).replaceAll('"#/components', '"openapi#/components'),
  ) as object
  const validate = ajv.compile(inDocument)
  if (validate(value)) return []
  return (validate.errors ?? []).map(
    ({ instancePath, message }) => `${instancePath} ${message ?? ''}`,
  )
}
