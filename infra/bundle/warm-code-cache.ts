/**
 * Run once where the functions are built, by `gcp-build`, before any instance starts: does with the
 * bundle what an instance does first, with a Google made up on loopback, and keeps what V8 has
 * compiled by then. Without it everything works and starts slower, so nothing here ends a build. It
 * goes as it came, and that Google with it: an image has no use for either.
 */
import { getTestServer } from '@google-cloud/functions-framework/testing'
import { rm } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { fileURLToPath } from 'node:url'
import { mintToken, signIn } from '../local/sign-in.ts'
import { startGoogle } from '../sandbox/index.ts'
import type * as Bundle from './loader.ts'

try {
  await warmUp()
  console.log('Kept what was compiled: instances start the faster for it')
} catch (error) {
  console.error('Nothing is kept of what was compiled, so that instances start slower:', error)
}
await rm(fileURLToPath(import.meta.url))
process.exit()

async function warmUp(): Promise<void> {
  const front = createServer()
  await new Promise<void>((resolve) => front.listen(0, '127.0.0.1', resolve))
  const origin = `http://127.0.0.1:${(front.address() as AddressInfo).port}`
  const { env } = await startGoogle({ publicUrl: origin })
  // All four functions are served here, whichever one the image is built for.
  Object.assign(process.env, env, { FUNCTION_TARGET: '' })
  const bundle = './index.cjs' // beside this file once both are built
  const { writeCodeCache: keepCompiled } = (await import(bundle)) as typeof Bundle
  const servers = new Map<string, Server>()
  front.on('request', (req, res) => {
    const [, name = ''] = /^\/(\w+)/.exec(req.url ?? '') ?? []
    const server = servers.get(name) ?? getTestServer(name)
    servers.set(name, server)
    server.emit('request', req, res)
  })
  await callEveryFunction(origin)
  keepCompiled()
}

/** A sign-in, a list, a form, and a file that is sent in chunks. */
async function callEveryFunction(origin: string): Promise<void> {
  const token = await mintToken(origin, await signIn(origin, 'ada@example.com'), 'build')
  const headers = { authorization: `Bearer ${token}` }
  const request = async (path: string, init: RequestInit = {}): Promise<void> => {
    const response = await fetch(origin + path, { ...init, headers })
    if (!response.ok) throw new Error(`${path}: ${await response.text()}`)
    await response.arrayBuffer()
  }
  const form = new FormData()
  form.append('file', new Blob(['hello']), 'hello.txt')
  await request('/files')
  await request('/upload', { method: 'POST', body: form })
  await request('/upload/large.bin', { method: 'PUT', body: new Uint8Array(4 * 1024 * 1024) })
}
