/** A page on another origin sends a file straight to Drive, by a ticket. */
import { expect } from '@jest/globals'
import { createHash } from 'node:crypto'
import { createServer } from 'node:http'
import type { Server } from 'node:http'
import { listen, startDriveway } from '../kit/environment.ts'
import type { Driveway } from '../kit/environment.ts'
import { aroundTests, inBrowser, visit } from './fixture.ts'
import type { Visit } from './fixture.ts'

const size = 3_000_000
const content = Buffer.alloc(size, 'driveway ')
const sha256 = createHash('sha256').update(content).digest('hex')

let driveway: Driveway
let pages: Server[]
/** The origins of two sites, of which one is allow-listed. */
let listed: string
let stranger: string
let here: Visit

aroundTests(
  async () => {
    pages = [0, 1].map(() =>
      createServer((_req, res) => {
        res.writeHead(200, { 'content-type': 'text/html' })
        res.end('<!doctype html><link rel="icon" href="data:,"><title>A page of its own</title>')
      }),
    )
    const origins = await Promise.all(pages.map((server) => listen(server)))
    ;[listed = '', stranger = ''] = origins
    driveway = await startDriveway({ env: { ALLOWED_ORIGINS: listed } })
    here = await visit()
  },
  async () => {
    await here.close()
    for (const server of pages) {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    }
    await driveway.close()
  },
)

interface Job {
  origin: string
  authorization: string
  size: number
  how: 'fetch' | 'XMLHttpRequest'
}

/** What such a page's script does; runs in the browser. */
async function sendFile({ origin, authorization, size: length, how }: Job): Promise<unknown[]> {
  const headers = { authorization, 'content-type': 'application/json' }
  const word = new TextEncoder().encode('driveway ')
  const bytes = new Uint8Array(length).map((_, at) => word[at % word.length] ?? 0)
  const opened = await fetch(`${origin}/upload/tickets`, {
    method: 'POST',
    headers,
    body: JSON.stringify({ name: `by ${how}.bin`, type: 'image/png', size: length }),
  })
  const { uploadUrl, completeUrl } = (await opened.json()) as Record<string, string>
  const blob = new Blob([bytes], { type: 'image/png' })
  const put =
    how === 'fetch'
      ? (await fetch(uploadUrl ?? '', { method: 'PUT', body: blob })).status
      : await new Promise<number>((resolve, reject) => {
          const xhr = new XMLHttpRequest()
          xhr.open('PUT', uploadUrl ?? '')
          xhr.addEventListener('load', () => resolve(xhr.status))
          xhr.addEventListener('error', () => reject(new Error('Drive refused the page')))
          xhr.send(blob)
        })
  const done = await fetch(completeUrl ?? '', { method: 'POST', headers: { authorization } })
  const file = (await done.json()) as Record<string, unknown>
  return [opened.status, put, done.status, file['size'], file['sha256']]
}

/** Whether a page gets bytes to an address; runs in the browser. */
const put = (url: string): Promise<string> =>
  fetch(url, { method: 'PUT', body: 'evil' }).then(
    () => 'sent',
    () => 'refused',
  )

for (const how of ['fetch', 'XMLHttpRequest'] as const) {
  inBrowser(`a page of an allow-listed origin sends its file to Drive by ${how}`, async () => {
    const { page, trouble } = here
    await page.goto(listed)
    const { origin, bearer } = driveway
    const authorization = bearer['authorization'] ?? ''
    const heard = await page.evaluate(sendFile, { origin, authorization, size, how })
    expect(heard).toEqual([201, 200, 201, size, sha256])
    expect(trouble).toEqual([])
  })
}

inBrowser('a session URI that leaks is of no use to the pages of another origin', async () => {
  const { origin, bearer, google, sub } = driveway
  const opened = await fetch(`${origin}/upload/tickets`, {
    method: 'POST',
    headers: { ...bearer, origin: listed, 'content-type': 'application/json' },
    body: JSON.stringify({ name: 'leaked.bin', size: 4 }),
  })
  const { uploadUrl } = (await opened.json()) as { uploadUrl: string }
  const { page } = here
  await page.goto(stranger)
  expect(await page.evaluate(put, uploadUrl)).toBe('refused')
  expect(google.drive.filesOf(sub).map(({ name }) => name)).not.toContain('leaked.bin')
  here.trouble.length = 0 // Chromium says in the console that it refused
})
