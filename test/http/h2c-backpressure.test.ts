/** Behind the port for both protocols a body waits in the kernel, not in our memory (case 94). */
import { expect, test } from '@jest/globals'
import type { IncomingMessage } from 'node:http'
import { connect } from 'node:net'
import { createServers } from '../../functions/http/h2c.ts'
import { listen } from '../kit/environment.ts'
import { waitFor } from '../kit/upload.ts'

const size = 64 * 1024 * 1024

test.each([true, false])(
  'a body that nobody reads is not read ahead (in one piece with its head: %p)',
  async (together) => {
    let req: IncomingMessage | undefined
    const { http1 } = createServers((asked) => (req = asked))
    const origin = await listen(http1)
    const { hostname, port } = new URL(origin)
    const socket = connect(Number(port), hostname)
    const head = `PUT /x HTTP/1.1\r\nHost: x\r\nContent-Length: ${size}\r\n\r\n`
    if (together) socket.write(Buffer.concat([Buffer.from(head), Buffer.alloc(size)]))
    else {
      socket.write(head)
      await waitFor(() => req !== undefined)
      socket.write(Buffer.alloc(size))
    }
    // Stands still for so many looks at it that it stands still for good.
    let seen = -1
    let still = 0
    await waitFor(() => {
      const { bytesRead = 0 } = req?.socket ?? {}
      still = req && bytesRead === seen ? still + 1 : 0
      seen = bytesRead
      return still > 40
    })
    expect(req?.readableLength).toBeLessThan(1024 * 1024)
    socket.destroy()
    http1.closeAllConnections() // nobody reads, so nobody hears that it has left
    await new Promise((resolve) => http1.close(resolve))
  },
)
