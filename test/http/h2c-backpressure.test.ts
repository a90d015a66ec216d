/** Backpressure on the port for both protocols: an unread body stays in the kernel. */
import { expect, test } from '@jest/globals'
import type { IncomingMessage } from 'node:http'
import { connect } from 'node:net'
import { createServers } from '../../functions/http/h2c.ts'
import { listen } from '../kit/environment.ts'
import { waitFor } from '../kit/upload.ts'

const size = 64 * 1024 * 1024

test.each([true, false])(
  'an unread body is not buffered (sent in one write with its headers: %p)',
  async (isOneWrite) => {
    let req: IncomingMessage | undefined
    const { http1 } = createServers((received) => (req = received))
    const origin = await listen(http1)
    const { hostname, port } = new URL(origin)
    const socket = connect(Number(port), hostname)
    const head = `PUT /x HTTP/1.1\r\nHost: x\r\nContent-Length: ${size}\r\n\r\n`
    if (isOneWrite) socket.write(Buffer.concat([Buffer.from(head), Buffer.alloc(size)]))
    else {
      socket.write(head)
      await waitFor(() => req !== undefined)
      socket.write(Buffer.alloc(size))
    }
    // The upload has stopped if this many polls see no progress.
    let previous = -1
    let unchangedPolls = 0
    await waitFor(() => {
      const { bytesRead = 0 } = req?.socket ?? {}
      unchangedPolls = req && bytesRead === previous ? unchangedPolls + 1 : 0
      previous = bytesRead
      return unchangedPolls > 40
    })
    expect(req?.readableLength).toBeLessThan(1024 * 1024)
    socket.destroy()
    http1.closeAllConnections() // the paused server does not notice the disconnect
    await new Promise((resolve) => http1.close(resolve))
  },
)
