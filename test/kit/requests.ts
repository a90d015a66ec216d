/** Requests and response helpers that many suites share. */
import { expect } from '@jest/globals'
import { problemCode, send } from './environment.ts'
import type { Driveway, RawResponse } from './environment.ts'

type Headers = Record<string, string | string[]>
type Gateway = Pick<Driveway, 'origin'>
/** A gateway and the credential to use there. */
type Account = Pick<Driveway, 'origin' | 'bearer'>

/** Sends GET /files. @param query without the `?` */
export function getFiles({ origin }: Gateway, headers: Headers, query = ''): Promise<RawResponse> {
  return send(origin, query === '' ? '/files' : `/files?${query}`, { headers })
}

/** Sends PUT /upload/{name}. @param name may have a query */
export function putFile(
  { origin }: Gateway,
  headers: Headers,
  name = 'a.txt',
  body: Buffer | string = 'hello',
): Promise<RawResponse> {
  return send(origin, `/upload/${name}`, { method: 'PUT', headers, body })
}

/** Sends PUT /upload/{path} with the account's token. @param path may have a query */
export function uploadFile(
  account: Account,
  path: string,
  body?: Buffer | string,
  headers: Headers = {},
): Promise<RawResponse> {
  return putFile(account, { ...account.bearer, ...headers }, path, body)
}

/** Sends a JSON body with POST. */
export function postJson(
  { origin }: Gateway,
  path: string,
  headers: Headers,
  body: unknown,
): Promise<RawResponse> {
  return send(origin, path, {
    method: 'POST',
    headers: { ...headers, 'content-type': 'application/json' },
    body: JSON.stringify(body),
  })
}

/** Sends POST /upload/tickets with the account's token. */
export function requestTicket(
  account: Account,
  file: object,
  headers: Headers = {},
): Promise<RawResponse> {
  return postJson(account, '/upload/tickets', { ...account.bearer, ...headers }, file)
}

/** Sends POST /upload/tickets/{ticket}/complete, by default with the account's token. */
export function completeTicket(
  { origin, bearer }: Account,
  { ticket }: { ticket: string },
  headers: Headers = bearer,
): Promise<RawResponse> {
  return send(origin, `/upload/tickets/${ticket}/complete`, { method: 'POST', headers })
}

/** Sends bytes to the session URI of a ticket. */
export function putBytes(
  uploadUrl: string | null,
  bytes: Buffer,
  headers: Record<string, string> = {},
): Promise<Response> {
  return fetch(uploadUrl ?? '', { method: 'PUT', body: new Uint8Array(bytes), headers })
}

// oxlint-disable-next-line typescript/no-unnecessary-type-parameters -- a typed JSON.parse
export function parseJson<T = Record<string, unknown>>({ body }: { body: string }): T {
  return JSON.parse(body) as T
}

/** A stored file, as the gateway describes it. */
export interface FileResult {
  id: string
  name: string
  size: number
  sha256: string
  skipped?: true
  replaced?: true
}

/** Returns the file of a response to PUT /upload/{path}. */
export function fileResult(response: RawResponse): FileResult {
  return parseJson<FileResult>(response)
}

/** Returns the files of a response to POST /upload. */
export function fileResults(response: RawResponse): FileResult[] {
  return parseJson<{ files: FileResult[] }>(response).files
}

/** Asserts the status and the problem code of a response. */
export function expectProblem(
  response: { status: number; body: string },
  status: number,
  code: string,
): void {
  expect([response.status, problemCode(response)]).toEqual([status, code])
}

/** Returns the status and the problem code. */
export function statusAndCode(response: RawResponse): [status: number, code: string] {
  return [response.status, problemCode(response)]
}

/** Returns the names of the files in a list. */
export function fileNames({ body }: RawResponse): string[] {
  return (JSON.parse(body) as { files: { name: string }[] }).files.map(({ name }) => name)
}

/** Returns the status and the JSON members, without the request id, so that two responses compare. */
export function withoutRequestId({ status, body }: RawResponse): unknown {
  return { status, ...(JSON.parse(body) as object), requestId: '' }
}
