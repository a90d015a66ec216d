/** A page on another origin uploads a file directly to Drive with an upload ticket. */
import { expect } from '@jest/globals'
import { createHash } from 'node:crypto'
import { createServer } from 'node:http'
import type { Server } from 'node:http'
import { listen, startDriveway } from '../kit/environment.ts'
import type { Driveway } from '../kit/environment.ts'
import { setUpTests, browserTest, openTab } from './fixture.ts'
import type { Tab } from './fixture.ts'

const size = 3_000_000
const content = Buffer.alloc(size, 'driveway ')
const sha256 = createHash('sha256').update(content).digest('hex')

let driveway: Driveway
let pages: Server[]
/** The origins of two sites; the first is in ALLOWED_ORIGINS. */
let allowedOrigin: string
let otherOrigin: string
let tab: Tab

setUpTests(
  async () => {
    pages = [0, 1].map(() =>
      createServer((_req, res) => {
        res.writeHead(200, { 'content-type': 'text/html' })
        res.end('<!doctype html><link rel="icon" href="data:,"><title>A page of its own</title>')
      }),
    )
    const origins = await Promise.all(pages.map((server) => listen(server)))
    ;[allowedOrigin = '', otherOrigin = ''] = origins
    driveway = await startDriveway({ env: { ALLOWED_ORIGINS: allowedOrigin } })
    tab = await openTab()
  },
  async () => {
    await tab.close()
    for (const server of pages) {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    }
    await driveway.close()
  },
)

interface SendOptions {
  origin: string
  authorization: string
  size: number
  method: 'fetch' | 'XMLHttpRequest'
}

/** Uploads a file with a ticket, as a page's script does; runs in the browser. */
async function sendFile({
  origin,
  authorization,
  size: length,
  method,
}: SendOptions): Promise<unknown[]> {
  const headers = { authorization, 'content-type': 'application/json' }
  const pattern = new TextEncoder().encode('driveway ')
  const bytes = new Uint8Array(length).map((_, at) => pattern[at % pattern.length] ?? 0)
  const ticketResponse = await fetch(`${origin}/upload/tickets`, {
    method: 'POST',
    headers,
    body: JSON.stringify({ name: `by ${method}.bin`, type: 'image/png', size: length }),
  })
  const { uploadUrl, completeUrl } = (await ticketResponse.json()) as Record<string, string>
  const blob = new Blob([bytes], { type: 'image/png' })
  const putStatus =
    method === 'fetch'
      ? (await fetch(uploadUrl ?? '', { method: 'PUT', body: blob })).status
      : await new Promise<number>((resolve, reject) => {
          const xhr = new XMLHttpRequest()
          xhr.open('PUT', uploadUrl ?? '')
          xhr.addEventListener('load', () => resolve(xhr.status))
          xhr.addEventListener('error', () => reject(new Error('Drive refused the page')))
          xhr.send(blob)
        })
  const completeResponse = await fetch(completeUrl ?? '', {
    method: 'POST',
    headers: { authorization },
  })
  const file = (await completeResponse.json()) as Record<string, unknown>
  return [ticketResponse.status, putStatus, completeResponse.status, file['size'], file['sha256']]
}

/** Tries to PUT bytes to a URL; runs in the browser. */
const putStatus = (url: string): Promise<string> =>
  fetch(url, { method: 'PUT', body: 'evil' }).then(
    () => 'sent',
    () => 'refused',
  )

for (const method of ['fetch', 'XMLHttpRequest'] as const) {
  browserTest(
    `a page of an allowed origin uploads its file directly to Drive with ${method}`,
    async () => {
      const { page, pageErrors } = tab
      await page.goto(allowedOrigin)
      const { origin, bearer } = driveway
      const authorization = bearer['authorization'] ?? ''
      const result = await page.evaluate(sendFile, { origin, authorization, size, method })
      expect(result).toEqual([201, 200, 201, size, sha256])
      expect(pageErrors).toEqual([])
    },
  )
}

browserTest('Drive rejects a leaked session URI from a page of another origin', async () => {
  const { origin, bearer, google, sub } = driveway
  const ticketResponse = await fetch(`${origin}/upload/tickets`, {
    method: 'POST',
    headers: { ...bearer, origin: allowedOrigin, 'content-type': 'application/json' },
    body: JSON.stringify({ name: 'leaked.bin', size: 4 }),
  })
  const { uploadUrl } = (await ticketResponse.json()) as { uploadUrl: string }
  const { page } = tab
  await page.goto(otherOrigin)
  expect(await page.evaluate(putStatus, uploadUrl)).toBe('refused')
  expect(google.drive.filesOf(sub).map(({ name }) => name)).not.toContain('leaked.bin')
  tab.pageErrors.length = 0 // Chromium logs the CORS failure
})
