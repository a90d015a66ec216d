/** Form-encoded bodies; each is read once and cached, because it also selects the operation. */
import type { IncomingMessage } from 'node:http'
import { readBody } from '../router.ts'
import { OAuthError } from './errors.ts'

const forms = new WeakMap<IncomingMessage, Promise<URLSearchParams>>()

/** @returns the fields of the form; none when the body is not form-encoded */
export function readForm(req: IncomingMessage): Promise<URLSearchParams> {
  const cached = forms.get(req)
  if (cached) return cached
  const form = readBody(req).then((body) => {
    const [type] = (req.headers['content-type'] ?? '').toLowerCase().split(';')
    const isForm = type?.trim() === 'application/x-www-form-urlencoded'
    return new URLSearchParams(isForm ? body.toString('utf8') : '')
  })
  forms.set(req, form)
  return form
}

/** @throws {OAuthError} when a field is repeated */
export function rejectDuplicates(form: URLSearchParams): void {
  const duplicate = firstDuplicate(form)
  if (duplicate !== undefined) {
    const message = `OAuth 2 parameters can only have a single value: ${duplicate}`
    throw new OAuthError(400, 'invalid_request', message)
  }
}

export function firstDuplicate(form: URLSearchParams): string | undefined {
  return [...form.keys()].find((name, index, names) => names.indexOf(name) !== index)
}

/** @throws {OAuthError} when the field is missing or empty */
export function requireField(form: URLSearchParams, name: string): string {
  const value = form.get(name)
  if (!value) {
    throw new OAuthError(400, 'invalid_request', `Missing required parameter: ${name}`)
  }
  return value
}
