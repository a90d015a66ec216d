/** Carries out the faults that need nothing of a service: delays, cuts, silence, other answers. */
import type { IncomingMessage, OutgoingHttpHeaders, ServerResponse } from 'node:http'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Fault } from './faults.ts'

/** True when the request ends with its fault; otherwise the handler goes on. */
export async function suffer(
  fault: Fault | undefined,
  req: IncomingMessage,
  res: ServerResponse,
): Promise<boolean> {
  if (!fault) return false
  if (fault.latency) await sleep(fault.latency)
  if (fault.reset) {
    cutConnection(fault, req)
    return true
  }
  if (fault.hang === 'headers') return true
  if (fault.interim) sendInterim(res, fault.interim)
  if (fault.status !== undefined && !fault.afterwards && !fault.forget) {
    if (!fault.early) await drain(req, fault.answerAfterBytes)
    answerInstead(fault, res)
    return true
  }
  spoilAnswer(fault, req, res)
  return false
}

/** Cuts a connection the way its fault says: with a reset, or in good order with a FIN. */
export function cutConnection(fault: Fault | undefined, req: IncomingMessage): void {
  if (fault?.cut !== 'fin') {
    req.socket.resetAndDestroy()
    return
  }
  // Unread data would turn the FIN into a reset, so the rest is read and dropped.
  req.removeAllListeners('data')
  req.resume()
  req.socket.end()
}

function answerInstead(fault: Fault, res: ServerResponse): void {
  res.statusMessage = ''
  res.writeHead(fault.status ?? 500, fault.headers)
  res.end(fault.bodyBase64 ? Buffer.from(fault.bodyBase64, 'base64') : (fault.body ?? ''))
}

/** Lets the handler do everything, and changes what the client gets to see of its answer. */
function spoilAnswer(fault: Fault, req: IncomingMessage, res: ServerResponse): void {
  const { afterwards, answerBytes, hang, loseAnswer, status, trickle } = fault
  const replaced = afterwards && status !== undefined
  if (!replaced && !loseAnswer && !hang && answerBytes === undefined && !trickle) return
  const writeHead = res.writeHead.bind(res) as (s: number, h?: OutgoingHttpHeaders) => unknown
  const write = res.write.bind(res) as (part: Buffer) => boolean
  const end = res.end.bind(res) as (part?: Buffer) => unknown
  let code = 200
  let headers: OutgoingHttpHeaders = {}

  const finish = (text: Buffer): void => {
    if (loseAnswer) cutConnection(fault, req)
    else if (replaced) {
      restore()
      answerInstead(fault, res)
    } else if (hang === 'body') {
      writeHead(code, headers)
      res.flushHeaders()
    } else if (answerBytes !== undefined) {
      const kept = text.subarray(0, answerBytes)
      writeHead(code, { ...headers, 'content-length': kept.length })
      end(kept)
    } else if (trickle) {
      writeHead(code, headers)
      res.flushHeaders()
      let sent = 0
      const timer = setInterval(() => {
        if (sent < text.length && !res.destroyed) write(text.subarray(sent, ++sent))
        else {
          clearInterval(timer)
          end()
        }
      }, trickle)
    }
  }
  const restore = (): void => {
    res.writeHead = writeHead as typeof res.writeHead
    res.end = end as typeof res.end
  }
  res.writeHead = ((status_: number, given?: OutgoingHttpHeaders) => {
    code = status_
    headers = given ?? {}
    return res
  }) as typeof res.writeHead
  res.write = () => true
  res.end = ((text?: string | Buffer) => {
    finish(Buffer.from(text ?? ''))
    return res
  }) as typeof res.end
}

function sendInterim(res: ServerResponse, status: 100 | 102 | 103): void {
  if (status === 100) res.writeContinue()
  else if (status === 102) res.writeProcessing()
  else res.writeEarlyHints({ link: '</>; rel=preload' })
}

/** Reads the request body, or its first `limit` bytes, and drops it. */
async function drain(req: IncomingMessage, limit = Infinity): Promise<void> {
  if (limit === Infinity) {
    for await (const part of req) void part
    return
  }
  await new Promise<void>((resolve) => {
    let read = 0
    req.on('data', (part: Buffer) => {
      read += part.length
      if (read >= limit) resolve()
    })
    req.once('close', resolve)
  })
}
