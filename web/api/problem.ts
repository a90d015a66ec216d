/** Errors of the gateway and of the network: a message for the user and a code for the page. */
import { strings } from '../strings.ts'

export class Problem extends Error {
  override name = 'Problem'
  readonly status: number
  readonly code: string
  readonly title: string
  readonly detail: string
  readonly requestId: string

  constructor(fields: {
    status?: number
    code: string
    title: string
    detail?: string
    requestId?: string
  }) {
    super(fields.title)
    this.status = fields.status ?? 0
    this.code = fields.code
    this.title = fields.title
    this.detail = fields.detail ?? ''
    this.requestId = fields.requestId ?? ''
  }

  /** One line: the detail, which is more specific, or else the title. */
  get userMessage(): string {
    return this.detail === '' ? this.title : this.detail
  }
}

export const offlineProblem = () =>
  new Problem({ code: 'offline', title: strings.offline, detail: strings.offlineDetail })

export const unexpectedResponse = () =>
  new Problem({
    code: 'unexpected_response',
    title: strings.unexpectedResponse,
    detail: strings.unexpectedResponseDetail,
  })

/**
 * Reads an error response. When a proxy answers with HTML, the title names only the status.
 *
 * @see RFC 9457, Problem Details for HTTP APIs
 */
export function readProblem(status: number, body: string): Problem {
  const fields = parseJsonObject(body)
  const text = (name: string) => (typeof fields[name] === 'string' ? fields[name] : '')
  return new Problem({
    status,
    code: text('code'),
    title: text('title') || strings.httpError(status),
    detail: text('detail'),
    requestId: text('requestId'),
  })
}

/** Converts any thrown value: `fetch` throws TypeError or TimeoutError when there is no response. */
export function toProblem(error: unknown): Problem {
  return error instanceof Problem ? error : offlineProblem()
}

/** @returns an empty object when the body is not a JSON object */
export function parseJsonObject(body: string): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(body)
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {}
  } catch {
    return {}
  }
}
