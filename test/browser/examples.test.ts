/** The pages of examples/, opened in a browser on an origin of their own. */
import { expect } from '@jest/globals'
import { readFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { Server } from 'node:http'
import { join } from 'node:path'
import { freePort, root } from '../kit/process.ts'
import { setUpTests, browserTest, startSite, openTab } from './fixture.ts'
import type { Site } from './fixture.ts'

let site: Site
let server: Server
let origin = ''

setUpTests(
  async () => {
    const port = await freePort()
    origin = `http://127.0.0.1:${port}`
    const returnUrls = ['static-page', 'embed'].map((name) => `${origin}/${name}/index.html`)
    site = await startSite({}, { ALLOWED_ORIGINS: origin, RETURN_URLS: returnUrls.join(' ') })
    server = createServer((req, res) => {
      const { pathname } = new URL(req.url ?? '', origin)
      void readFile(join(root, 'examples', pathname), 'utf8').then(
        (html) => {
          res.setHeader('content-type', 'text/html')
          res.end(html.replaceAll('https://driveway.example', site.origin))
        },
        () => res.writeHead(404).end(),
      )
    })
    await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve))
  },
  async () => {
    server.close()
    server.closeAllConnections()
    await site.close()
  },
)

browserTest('examples/static-page signs in, lists files and uploads one', async () => {
  const { page, pageErrors, close } = await openTab()
  await page.goto(`${origin}/static-page/index.html`)
  await page.getByRole('button', { name: 'Sign in with Google' }).click()
  await page.getByRole('button', { name: new RegExp(site.user.email) }).click()
  await page.getByRole('button', { name: 'Continue' }).click()
  await page.getByRole('listitem').filter({ hasText: 'Projects' }).waitFor()
  await page
    .getByLabel('File')
    .setInputFiles({ name: 'note.txt', mimeType: 'text/plain', buffer: Buffer.from('hello') })
  await page.getByRole('button', { name: 'Upload' }).click()
  await page.getByText('note.txt is stored.').waitFor()
  await page.getByRole('listitem').filter({ hasText: 'note.txt' }).waitFor()
  expect(pageErrors).toEqual([])
  await close()
})

browserTest('examples/embed signs in and shows the uploader', async () => {
  const { page, pageErrors, close } = await openTab()
  await page.goto(`${origin}/embed/index.html`)
  await page.getByRole('button', { name: /Sign in/ }).click()
  await page.getByRole('button', { name: new RegExp(site.user.email) }).click()
  await page.getByText(`Signed in as ${site.user.email}`).waitFor()
  expect(pageErrors).toEqual([])
  await close()
})
