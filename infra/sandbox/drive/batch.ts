/** Batch requests: up to 100 calls in one `multipart/mixed` body, each sent to the sandbox itself. */
import { randomUUID } from 'node:crypto'
import type { Exchange } from '../router.ts'
import { readBody } from '../router.ts'
import { badRequest, googleError } from './errors.ts'

interface Call {
  contentId: string | undefined
  method: string
  path: string
  headers: Record<string, string>
  body: string
}

const maxCalls = 100
/** Headers that belong to the batch's own connection. */
const connectionHeaders = ['host', 'connection', 'content-length', 'transfer-encoding']

/** @see Google Drive API, "Batch requests" */
export async function runBatch({ req, res, origin }: Exchange): Promise<void> {
  const boundary = readBoundary(req.headers['content-type'] ?? '')
  const body = (await readBody(req, 8 * 1024 * 1024)).toString('utf8')
  const calls = readParts(body, boundary).map(readCall)
  if (calls.length === 0) throw badRequest('The batch request has no parts.')
  if (calls.length > maxCalls) throw badRequest(`The batch request has over ${maxCalls} calls.`)
  const answerBoundary = `batch_${randomUUID()}`
  const answers: string[] = []
  for (const call of calls) {
    const id = call.contentId?.replace(/^<?/, '<response-')
    answers.push(
      `--${answerBoundary}\r\nContent-Type: application/http\r\n` +
        `${id === undefined ? '' : `Content-ID: ${id}\r\n`}\r\n` +
        `${await send(call, origin, req.headers.authorization)}\r\n`,
    )
  }
  const bytes = Buffer.from(`${answers.join('')}--${answerBoundary}--\r\n`)
  res.writeHead(200, {
    'content-type': `multipart/mixed; boundary=${answerBoundary}`,
    'content-length': bytes.length,
  })
  res.end(bytes)
}

async function send(
  { method, path, headers, body }: Call,
  origin: string,
  authorization = '',
): Promise<string> {
  const url = new URL(path, origin)
  if (!url.pathname.startsWith('/drive/v3/')) {
    const error = googleError(400, 'badRequest', 'A batch has no uploads.')
    return formatResponse(
      '400 Bad Request',
      ['Content-Type: application/json'],
      JSON.stringify(error),
    )
  }
  const target = origin + url.pathname + url.search
  // A download is not part of the batch: the response redirects to it.
  const isDownload = url.searchParams.get('alt') === 'media'
  url.searchParams.delete('alt')
  const response = await fetch(origin + url.pathname + url.search, {
    method,
    headers: { ...(authorization === '' ? {} : { authorization }), ...headers },
    ...(body === '' ? {} : { body }),
  })
  const text = await response.text()
  if (isDownload && response.ok) return formatResponse('302 Found', [`Location: ${target}`], '')
  const type = response.headers.get('content-type')
  const lines = type === null ? [] : [`Content-Type: ${type}`]
  return formatResponse(`${response.status} ${response.statusText}`, lines, text)
}

function formatResponse(status: string, headers: string[], body: string): string {
  const length = `Content-Length: ${Buffer.byteLength(body)}`
  return [`HTTP/1.1 ${status}`, ...headers, length, '', body].join('\r\n')
}

function readBoundary(contentType: string): string {
  const [, quoted, plain] =
    /^multipart\/mixed\s*;.*?boundary=(?:"([^"]+)"|([^\s";]+))/i.exec(contentType) ?? []
  const boundary = quoted ?? plain
  if (boundary === undefined) throw badRequest('A batch request is multipart/mixed.')
  return boundary
}

/** The parts between the delimiters, each without the line break at its end. */
function readParts(body: string, boundary: string): string[] {
  const [, ...parts] = `\n${body}`.split(`\n--${boundary}`)
  if (!parts.at(-1)?.startsWith('--')) throw badRequest('The batch request has no end.')
  return parts.slice(0, -1).map((part) => part.replace(/^[ \t]*\r?\n/, '').replace(/\r$/, ''))
}

function readCall(part: string): Call {
  const [partHead, request] = splitHead(part)
  const [head, body] = splitHead(request)
  const [requestLine = '', ...lines] = head.split(/\r?\n/)
  const [, method, path] = /^([A-Z]+) (\S+)(?: HTTP\/1\.1)?$/.exec(requestLine) ?? []
  if (method === undefined || path === undefined) {
    throw badRequest(`Failed to parse batch request, error: ${requestLine}`)
  }
  const headers = readHeaders(lines)
  for (const name of connectionHeaders) delete headers[name]
  const contentId = readHeaders(partHead.split(/\r?\n/))['content-id']
  return { contentId, method, path, headers, body: body.replace(/\r?\n$/, '') }
}

/** Splits at the first blank line. */
function splitHead(text: string): [head: string, rest: string] {
  const blank = /\r?\n\r?\n/.exec(text)
  if (!blank) return [text.trimEnd(), '']
  return [text.slice(0, blank.index), text.slice(blank.index + blank[0].length)]
}

function readHeaders(lines: string[]): Record<string, string> {
  return Object.fromEntries(
    lines.flatMap((line) => {
      const [, name, value] = /^([\w-]+):\s*(.*)$/.exec(line) ?? []
      return name === undefined || value === undefined ? [] : [[name.toLowerCase(), value.trim()]]
    }),
  )
}
