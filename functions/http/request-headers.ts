/** Headers that no route implements: a request with one of them is refused, never misread. */
import type { IncomingMessage } from 'node:http'
import { GatewayError } from '../errors.ts'
import { badRequest } from './bad-request.ts'
import { declaredLength, expectsContinue, hasBody } from './body-stream.ts'

/**
 * Checks the headers that change how a request is read.
 *
 * @throws {GatewayError} `bad_request` for two Host headers (RFC 9112 section 3.2),
 *   `unsupported_transfer_coding` for any coding but chunked (RFC 9112 section 6.1),
 *   `unsupported_media_type` for a Content-Encoding (RFC 9110 section 15.5.16), and
 *   `expectation_failed` for any expectation but 100-continue (RFC 9110 section 10.1.1)
 */
export function checkRequestHeaders(req: IncomingMessage): void {
  const { headers, rawHeaders } = req
  const hosts = rawHeaders.filter((name, i) => i % 2 === 0 && name.toLowerCase() === 'host')
  if (hosts.length > 1) throw badRequest('Send one Host header')
  const coding = headers['transfer-encoding']
  if (coding !== undefined && !/^chunked$/i.test(coding.trim())) {
    throw new GatewayError('unsupported_transfer_coding', 'The transfer coding is not chunked')
  }
  const encoding = headers['content-encoding']
  if (encoding !== undefined && (declaredLength(req) !== undefined || hasBody(req))) {
    throw new GatewayError('unsupported_media_type', 'The request has a Content-Encoding', {
      detail: 'Send the body without a Content-Encoding.',
      headers: { 'accept-encoding': 'identity' },
    })
  }
  if (expectsContinue(req) && !/^100-continue$/i.test(headers.expect ?? '')) {
    throw new GatewayError('expectation_failed', 'The expectation is not 100-continue')
  }
}
