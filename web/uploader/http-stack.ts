/**
 * The tus client's HTTP stack: sends requests through the gateway, or bytes directly to Drive.
 *
 * The gateway may return Drive's session URI of an upload (`Driveway-Direct-Url`). The bytes of a PATCH
 * are then PUT to it, and a HEAD at the gateway returns Drive's offset, which Drive does not expose
 * across origins. Both paths write to the same upload, so when a policy, firewall or proxy blocks
 * Drive, the next PATCH continues through the gateway.
 */
import type { HttpRequest, HttpResponse, HttpStack } from 'tus-js-client'

/** Internal header that names the upload of a request; it is never sent. */
export const uploadIdHeader = 'upload-id'

export interface HttpStackOptions {
  /** Bytes per PATCH to the gateway, whose front end limits the request size. */
  readonly chunkBytes: number
  /** Bytes per PUT to Drive: the maximum loss when the connection fails. */
  readonly directChunkBytes: number
}

export interface GatewayHttpStack extends HttpStack {
  /** Adds a deletion that `deletionsSettled` waits for. */
  trackDeletion(deletion: Promise<unknown>): void
  /** Resolves when all tracked deletions have settled. */
  deletionsSettled(): Promise<void>
}

type Headers = ReadonlyMap<string, string>

/** One request of the tus client, which may take several HTTP requests. */
interface PendingRequest {
  onProgress: (sent: number) => void
  xhr: XMLHttpRequest | undefined
  isAborted: boolean
}

export function createHttpStack({
  chunkBytes,
  directChunkBytes,
}: HttpStackOptions): GatewayHttpStack {
  /** Drive's session URIs by upload URL. They are secrets, so they are kept in memory only. */
  const driveUrls = new Map<string, string>()
  const deletions = new Set<Promise<unknown>>()
  let isDriveBlocked = false

  function trackDeletion(deletion: Promise<unknown>): void {
    const settled = deletion.catch(() => {}).finally(() => deletions.delete(settled))
    deletions.add(settled)
  }

  async function sendToGateway(
    request: PendingRequest,
    method: string,
    url: string,
    headers: Headers,
    body: Blob | null,
  ): Promise<HttpResponse> {
    const response = await send(request, method, url, headers, body)
    const status = response.getStatus()
    // The tus client starts over when a HEAD fails; only a missing upload requires that.
    if (method === 'HEAD' && status >= 400 && ![401, 404, 410].includes(status)) {
      throw new Error(`Cannot read the upload's offset (${status})`)
    }
    const driveUrl = response.getHeader('Driveway-Direct-Url')
    const uploadUrl = method === 'POST' ? response.getHeader('Location') : url
    if (driveUrl !== undefined && uploadUrl !== undefined) driveUrls.set(uploadUrl, driveUrl)
    return response
  }

  /** @returns the gateway's response about the upload, regardless of the result of the PUT */
  async function sendToDrive(
    request: PendingRequest,
    driveUrl: string,
    url: string,
    headers: Headers,
    body: Blob,
  ): Promise<HttpResponse> {
    const offset = Number(headers.get('Upload-Offset'))
    const bytes = body.slice(0, directChunkBytes)
    const range = `bytes ${offset}-${offset + bytes.size - 1}/${offset + body.size}`
    const put = send(request, 'PUT', driveUrl, new Map([['Content-Range', range]]), bytes)
    await put.catch(() => {})
    const headHeaders = new Map(headers)
    for (const name of ['Upload-Offset', 'Content-Type']) headHeaders.delete(name)
    const response = await sendToGateway(request, 'HEAD', url, headHeaders, null)
    if (Number(response.getHeader('Upload-Offset')) <= offset) isDriveBlocked = true
    return response
  }

  return {
    getName: () => 'Driveway',
    createRequest(method, url) {
      const headers = new Map<string, string>()
      const request: PendingRequest = { onProgress: () => {}, xhr: undefined, isAborted: false }
      return {
        getMethod: () => method,
        getURL: () => url,
        setHeader: (name, value) => void headers.set(name, value),
        getHeader: (name) => headers.get(name),
        setProgressHandler: (handler) => (request.onProgress = handler),
        getUnderlyingObject: () => request.xhr,
        send(body: Blob | null) {
          const driveUrl = isDriveBlocked || method !== 'PATCH' ? undefined : driveUrls.get(url)
          const response =
            body && driveUrl !== undefined
              ? sendToDrive(request, driveUrl, url, headers, body)
              : sendToGateway(request, method, url, headers, body?.slice(0, chunkBytes) ?? null)
          if (method === 'DELETE') trackDeletion(response)
          return response
        },
        abort() {
          request.isAborted = true
          request.xhr?.abort()
          return Promise.resolve()
        },
      } satisfies HttpRequest
    },
    trackDeletion,
    async deletionsSettled() {
      while (deletions.size > 0) await Promise.allSettled(deletions)
    },
  }
}

const abortError = (): Error => new DOMException('Aborted', 'AbortError')

function send(
  request: PendingRequest,
  method: string,
  url: string,
  headers: Headers,
  body: Blob | null,
): Promise<HttpResponse> {
  if (request.isAborted) return Promise.reject(abortError())
  const xhr = new XMLHttpRequest()
  request.xhr = xhr
  xhr.open(method, url)
  for (const [name, value] of headers) {
    if (name !== uploadIdHeader) xhr.setRequestHeader(name, value)
  }
  return new Promise((resolve, reject) => {
    // An upload listener forces a CORS preflight, so it is added only where there is progress.
    if (body) xhr.upload.addEventListener('progress', ({ loaded }) => request.onProgress(loaded))
    xhr.addEventListener('load', () => {
      request.xhr = undefined // a later abort() would clear the response headers
      resolve(toHttpResponse(xhr))
    })
    xhr.addEventListener('error', () => reject(new Error('The connection failed')))
    xhr.addEventListener('abort', () => reject(abortError()))
    xhr.send(body)
  })
}

function toHttpResponse(xhr: XMLHttpRequest): HttpResponse {
  return {
    getStatus: () => xhr.status,
    getHeader: (name) => xhr.getResponseHeader(name) ?? undefined,
    getBody: () => xhr.responseText,
    getUnderlyingObject: () => xhr,
  }
}
