/**
 * Warms up the bundle and writes its V8 code cache. `gcp-build` runs it once, when the functions are
 * built.
 *
 * It sends the first requests of an instance against a sandbox Google on loopback. The cache only
 * makes instances start faster, so a failure here never fails the build. Afterwards this file deletes
 * itself, and the sandbox in it: the image does not need them.
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
  console.log('The V8 code cache is written: instances start faster')
} catch (error) {
  console.error('The V8 code cache is not written, so instances start slower:', error)
}
await rm(fileURLToPath(import.meta.url))
process.exit()

async function warmUp(): Promise<void> {
  const front = createServer()
  await new Promise<void>((resolve) => front.listen(0, '127.0.0.1', resolve))
  const origin = `http://127.0.0.1:${(front.address() as AddressInfo).port}`
  const { env } = await startGoogle({ publicUrl: origin })
  // This process serves all four functions, not only the one that the image is built for.
  Object.assign(process.env, env, { FUNCTION_TARGET: '' })
  const bundle = './index.cjs' // in the same folder after the build
  const { writeCodeCache } = (await import(bundle)) as typeof Bundle
  const servers = new Map<string, Server>()
  front.on('request', (req, res) => {
    const [, name = ''] = /^\/(\w+)/.exec(req.url ?? '') ?? []
    const server = servers.get(name) ?? getTestServer(name)
    servers.set(name, server)
    server.emit('request', req, res)
  })
  await callEveryFunction(origin)
  writeCodeCache()
}

/** Sends a sign-in, a list, a form upload, and an upload that reaches Drive in chunks. */
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
