/**
 * How tus requests leave the browser: through the gateway, or straight to Drive.
 *
 * An upload of the gateway's may come with Drive's own address (`Driveway-Direct-Url`): then the
 * bytes of a PATCH are PUT there, and a HEAD at the gateway tells where Drive stopped, since Drive
 * does not tell pages. It is one upload either way, so whatever stands between this page and Drive
 * (a policy, a firewall, a proxy), the next PATCH goes on through the gateway.
 */
import type { HttpRequest, HttpResponse, HttpStack } from 'tus-js-client'

/** Says whose request it is; it stays in the browser. */
export const itemHeader = 'item'

export interface StackOptions {
  /** Bytes of one PATCH through the gateway; its front end takes no larger request. */
  readonly pieceBytes: number
  /** Bytes of one PUT to Drive; so many are at stake when the connection breaks. */
  readonly directBytes: number
}

export interface Stack extends HttpStack {
  /** Has `settled` wait for something. */
  track(end: Promise<unknown>): void
  /** Resolves when no upload is being given up any more. */
  settled(): Promise<void>
}

type Headers = ReadonlyMap<string, string>

/** One request of the client's, which may be several to the network. */
interface Line {
  progress: (sent: number) => void
  xhr: XMLHttpRequest | undefined
  isAborted: boolean
}

export function createStack({ pieceBytes, directBytes }: StackOptions): Stack {
  /** Drive's addresses by the upload's; secrets, so they are kept nowhere else. */
  const addresses = new Map<string, string>()
  const ending = new Set<Promise<unknown>>()
  let isRefused = false

  function track(end: Promise<unknown>): void {
    const ended = end.catch(() => {}).finally(() => ending.delete(ended))
    ending.add(ended)
  }

  async function sendHere(
    line: Line,
    method: string,
    url: string,
    headers: Headers,
    body: Blob | null,
  ): Promise<HttpResponse> {
    const answer = await exchange(line, method, url, headers, body)
    const status = answer.getStatus()
    // The client would begin anew where a HEAD fails, but only an upload that is gone has to.
    if (method === 'HEAD' && status >= 400 && ![401, 404, 410].includes(status)) {
      throw new Error(`The upload cannot be asked for now (${status})`)
    }
    const address = answer.getHeader('Driveway-Direct-Url')
    const at = method === 'POST' ? answer.getHeader('Location') : url
    if (address !== undefined && at !== undefined) addresses.set(at, address)
    return answer
  }

  /** @returns what the gateway says of it, whatever Drive did */
  async function sendDirect(
    line: Line,
    address: string,
    url: string,
    headers: Headers,
    body: Blob,
  ): Promise<HttpResponse> {
    const offset = Number(headers.get('Upload-Offset'))
    const bytes = body.slice(0, directBytes)
    const range = `bytes ${offset}-${offset + bytes.size - 1}/${offset + body.size}`
    const put = exchange(line, 'PUT', address, new Map([['Content-Range', range]]), bytes)
    await put.catch(() => {})
    const asking = new Map(headers)
    for (const name of ['Upload-Offset', 'Content-Type']) asking.delete(name)
    const answer = await sendHere(line, 'HEAD', url, asking, null)
    if (Number(answer.getHeader('Upload-Offset')) <= offset) isRefused = true
    return answer
  }

  return {
    getName: () => 'Driveway',
    createRequest(method, url) {
      const headers = new Map<string, string>()
      const line: Line = { progress: () => {}, xhr: undefined, isAborted: false }
      return {
        getMethod: () => method,
        getURL: () => url,
        setHeader: (name, value) => void headers.set(name, value),
        getHeader: (name) => headers.get(name),
        setProgressHandler: (handler) => (line.progress = handler),
        getUnderlyingObject: () => line.xhr,
        send(body: Blob | null) {
          const address = isRefused || method !== 'PATCH' ? undefined : addresses.get(url)
          const answer =
            body && address !== undefined
              ? sendDirect(line, address, url, headers, body)
              : sendHere(line, method, url, headers, body?.slice(0, pieceBytes) ?? null)
          if (method === 'DELETE') track(answer)
          return answer
        },
        abort() {
          line.isAborted = true
          line.xhr?.abort()
          return Promise.resolve()
        },
      } satisfies HttpRequest
    },
    track,
    async settled() {
      while (ending.size > 0) await Promise.allSettled(ending)
    },
  }
}

const aborted = (): Error => new DOMException('Aborted', 'AbortError')

function exchange(
  line: Line,
  method: string,
  url: string,
  headers: Headers,
  body: Blob | null,
): Promise<HttpResponse> {
  if (line.isAborted) return Promise.reject(aborted())
  const xhr = new XMLHttpRequest()
  line.xhr = xhr
  xhr.open(method, url)
  for (const [name, value] of headers) if (name !== itemHeader) xhr.setRequestHeader(name, value)
  return new Promise((resolve, reject) => {
    // A listener makes a page of another origin ask beforehand, so only where there is progress.
    if (body) xhr.upload.addEventListener('progress', ({ loaded }) => line.progress(loaded))
    xhr.addEventListener('load', () => {
      line.xhr = undefined // an abort that comes now would take the answer's headers away
      resolve(answerOf(xhr))
    })
    xhr.addEventListener('error', () => reject(new Error('The connection broke')))
    xhr.addEventListener('abort', () => reject(aborted()))
    xhr.send(body)
  })
}

function answerOf(xhr: XMLHttpRequest): HttpResponse {
  return {
    getStatus: () => xhr.status,
    getHeader: (name) => xhr.getResponseHeader(name) ?? undefined,
    getBody: () => xhr.responseText,
    getUnderlyingObject: () => xhr,
  }
}
