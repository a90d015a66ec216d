/** What went wrong, in words for the person and a code for the page. */
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

  /** One line: the detail says more than the title, where there is one. */
  get words(): string {
    return this.detail === '' ? this.title : this.detail
  }
}

export const offline = () =>
  new Problem({ code: 'offline', title: strings.offline, detail: strings.offlineDetail })

export const unreadable = () =>
  new Problem({ code: 'unreadable', title: strings.unreadable, detail: strings.unreadableDetail })

/**
 * Reads an error answer. A proxy in front may answer in HTML: then only its status is told.
 *
 * @see RFC 9457, Problem Details for HTTP APIs
 */
export function readProblem(status: number, body: string): Problem {
  const fields = jsonObject(body)
  const text = (name: string) => (typeof fields[name] === 'string' ? fields[name] : '')
  return new Problem({
    status,
    code: text('code'),
    title: text('title') || strings.refused(status),
    detail: text('detail'),
    requestId: text('requestId'),
  })
}

/** Whatever was thrown, as a problem: `fetch` throws TypeError and TimeoutError when nothing answers. */
export function asProblem(thrown: unknown): Problem {
  return thrown instanceof Problem ? thrown : offline()
}

/** @returns nothing in it for what is no JSON object */
export function jsonObject(body: string): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(body)
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {}
  } catch {
    return {}
  }
}
