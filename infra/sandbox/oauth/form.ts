/** Form-encoded bodies, read once and kept, since the form says which operation it asks for. */
import type { IncomingMessage } from 'node:http'
import { readBody } from '../router.ts'
import { OAuthError } from './errors.ts'

const forms = new WeakMap<IncomingMessage, Promise<URLSearchParams>>()

/** The fields of a form; none when the body is not form-encoded. */
export function formOf(req: IncomingMessage): Promise<URLSearchParams> {
  const kept = forms.get(req)
  if (kept) return kept
  const form = readBody(req).then((body) => {
    const [type] = (req.headers['content-type'] ?? '').toLowerCase().split(';')
    const isForm = type?.trim() === 'application/x-www-form-urlencoded'
    return new URLSearchParams(isForm ? body.toString('utf8') : '')
  })
  forms.set(req, form)
  return form
}

/** @throws {OAuthError} when a field comes twice */
export function refuseRepeats(form: URLSearchParams): void {
  const twice = firstRepeated(form)
  if (twice !== undefined) {
    const message = `OAuth 2 parameters can only have a single value: ${twice}`
    throw new OAuthError(400, 'invalid_request', message)
  }
}

export function firstRepeated(form: URLSearchParams): string | undefined {
  return [...form.keys()].find((name, index, names) => names.indexOf(name) !== index)
}

/** @throws {OAuthError} when the field is missing or empty */
export function required(form: URLSearchParams, name: string): string {
  const value = form.get(name)
  if (!value) {
    throw new OAuthError(400, 'invalid_request', `Missing required parameter: ${name}`)
  }
  return value
}
