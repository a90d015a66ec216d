/** Applies the faults that are independent of a service: delays, cut connections, hangs, responses. */
import type { IncomingMessage, OutgoingHttpHeaders, ServerResponse } from 'node:http'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Fault, Faults } from './faults.ts'
import { withErrorResponse } from './google-error-responses.ts'

/** @returns true when the request ends here; false when its handler must run */
export async function applyFault(
  given: Fault | undefined,
  req: IncomingMessage,
  res: ServerResponse,
  faults: Pick<Faults, 'released'>,
): Promise<boolean> {
  if (!given) return false
  const fault = withErrorResponse(given)
  if (fault.latencyMs) await sleep(fault.latencyMs)
  if (fault.hold === 'request') await faults.released()
  if (fault.reset) {
    cutConnection(fault, req)
    return true
  }
  if (fault.hang === 'headers') return true
  if (fault.interim) sendInterim(res, fault.interim)
  if (fault.status !== undefined && !fault.afterHandling && !fault.expireSession) {
    if (!fault.early) await discardBody(req, fault.respondAfterBytes)
    sendFaultResponse(fault, res)
    return true
  }
  corruptResponse(fault, req, res, faults)
  return false
}

/** Cuts a connection by a reset or a FIN, as the fault defines. */
export function cutConnection(fault: Fault | undefined, req: IncomingMessage): void {
  if (fault?.cut !== 'fin') {
    req.socket.resetAndDestroy()
    return
  }
  // Unread data would turn the FIN into a reset, so the remaining body is discarded.
  req.removeAllListeners('data')
  req.resume()
  req.socket.end()
}

function sendFaultResponse(fault: Fault, res: ServerResponse): void {
  res.statusMessage = ''
  res.writeHead(fault.status ?? 500, fault.headers)
  res.end(fault.bodyBase64 ? Buffer.from(fault.bodyBase64, 'base64') : (fault.body ?? ''))
}

/** Intercepts the handler's response and changes what the client receives. */
function corruptResponse(
  fault: Fault,
  req: IncomingMessage,
  res: ServerResponse,
  faults: Pick<Faults, 'released'>,
): void {
  const { afterHandling, dropResponse, hang, responseBytes, status, trickleMs } = fault
  const isReplaced = afterHandling && status !== undefined
  const isTruncated = responseBytes !== undefined
  const isHeld = fault.hold === 'response'
  if (!isReplaced && !dropResponse && !hang && !isTruncated && !trickleMs && !isHeld) return
  const writeHead = res.writeHead.bind(res) as (s: number, h?: OutgoingHttpHeaders) => unknown
  const write = res.write.bind(res) as (chunk: Buffer) => boolean
  const end = res.end.bind(res) as (chunk?: Buffer) => unknown
  let statusCode = 200
  let headers: OutgoingHttpHeaders = {}

  const finish = (body: Buffer): void => {
    if (dropResponse) cutConnection(fault, req)
    else if (isReplaced) {
      restore()
      sendFaultResponse(fault, res)
    } else if (hang === 'body') {
      writeHead(statusCode, headers)
      res.flushHeaders()
    } else if (isTruncated) {
      const truncated = body.subarray(0, responseBytes)
      writeHead(statusCode, { ...headers, 'content-length': truncated.length })
      end(truncated)
    } else if (trickleMs) {
      writeHead(statusCode, headers)
      res.flushHeaders()
      let sent = 0
      const timer = setInterval(() => {
        if (sent < body.length && !res.destroyed) write(body.subarray(sent, ++sent))
        else {
          clearInterval(timer)
          end()
        }
      }, trickleMs)
    } else if (isHeld) {
      restore()
      writeHead(statusCode, headers)
      end(body)
    }
  }
  const restore = (): void => {
    res.writeHead = writeHead as typeof res.writeHead
    res.end = end as typeof res.end
  }
  res.writeHead = ((code: number, fields?: OutgoingHttpHeaders) => {
    statusCode = code
    headers = fields ?? {}
    return res
  }) as typeof res.writeHead
  res.write = () => true
  res.end = ((body?: string | Buffer) => {
    const finishNow = (): void => finish(Buffer.from(body ?? ''))
    if (isHeld) void faults.released().then(finishNow)
    else finishNow()
    return res
  }) as typeof res.end
}

function sendInterim(res: ServerResponse, status: 100 | 102 | 103): void {
  if (status === 100) res.writeContinue()
  else if (status === 102) res.writeProcessing()
  else res.writeEarlyHints({ link: '</>; rel=preload' })
}

/** Discards the request body, or returns after its first `limit` bytes. */
async function discardBody(req: IncomingMessage, limit = Infinity): Promise<void> {
  if (limit === Infinity) {
    for await (const chunk of req) void chunk
    return
  }
  await new Promise<void>((resolve) => {
    let received = 0
    req.on('data', (chunk: Buffer) => {
      received += chunk.length
      if (received >= limit) resolve()
    })
    req.once('close', resolve)
  })
}
