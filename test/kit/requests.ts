/** Requests and response helpers that many suites share. */
import { codeOf, send } from './environment.ts'
import type { Driveway, RawAnswer } from './environment.ts'

type Headers = Record<string, string | string[]>
type Gateway = Pick<Driveway, 'origin'>

/** Sends GET /files. @param query without the `?` */
export function getFiles({ origin }: Gateway, headers: Headers, query = ''): Promise<RawAnswer> {
  return send(origin, query === '' ? '/files' : `/files?${query}`, { headers })
}

/** Sends PUT /upload/{name}. @param name may have a query */
export function putFile(
  { origin }: Gateway,
  headers: Headers,
  name = 'a.txt',
  body: Buffer | string = 'hello',
): Promise<RawAnswer> {
  return send(origin, `/upload/${name}`, { method: 'PUT', headers, body })
}

/** Sends a JSON body with POST. */
export function postJson(
  { origin }: Gateway,
  path: string,
  headers: Headers,
  body: unknown,
): Promise<RawAnswer> {
  return send(origin, path, {
    method: 'POST',
    headers: { ...headers, 'content-type': 'application/json' },
    body: JSON.stringify(body),
  })
}

export function parseJson({ body }: { body: string }): Record<string, unknown> {
  return JSON.parse(body) as Record<string, unknown>
}

/** Returns the status and the problem code. */
export function statusAndCode(response: RawAnswer): [status: number, code: string] {
  return [response.status, codeOf(response)]
}

/** Returns the names of the files in a list. */
export function fileNames({ body }: RawAnswer): string[] {
  return (JSON.parse(body) as { files: { name: string }[] }).files.map(({ name }) => name)
}

/** Returns the status and the JSON members, without the request id, so that two responses compare. */
export function withoutRequestId({ status, body }: RawAnswer): unknown {
  return { status, ...(JSON.parse(body) as object), requestId: '' }
}
