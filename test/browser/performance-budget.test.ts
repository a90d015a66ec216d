/** Bundle size and request budget of the page. */
import { expect, test } from '@jest/globals'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { root } from '../kit/process.ts'
import { setUpTests, browserTest, fileLink, signIn, startSite, openTab } from './fixture.ts'
import type { Site } from './fixture.ts'

let site: Site

setUpTests(
  async () => {
    site = await startSite()
  },
  () => site.close(),
)

test('main.js is at most 60 kB compressed with gzip', async () => {
  const script = await readFile(join(root, 'dist/web/main.js'))
  expect(gzipSync(script).length).toBeLessThanOrEqual(60_000)
})

test('index.html, style.css and main.js reference no other origin and need no inline code', async () => {
  const files = ['index.html', 'style.css', 'main.js']
  const texts = await Promise.all(
    files.map((file) => readFile(join(root, 'dist/web', file), 'utf8')),
  )
  const addresses = texts.join('\n').match(/(?:https?:)?\/\/[\w.-]+\.\w+/g) ?? []
  expect(addresses.filter((address) => !address.includes('www.w3.org'))).toEqual([]) // the SVG namespace
  const policy = await readFile(join(root, 'firebase.json'), 'utf8')
  expect(policy).not.toContain('unsafe-')
  expect(texts[0]).not.toMatch(/\sstyle=|<style|\son\w+=|<script>/)
})

browserTest('the page requests session and files in parallel, in one round trip', async () => {
  const { page, pageErrors, close } = await openTab()
  await signIn(page, site)
  const started: string[] = []
  let responses = 0
  page.on('request', (request) => {
    const { pathname } = new URL(request.url())
    if (responses === 0 && ['fetch', 'xhr'].includes(request.resourceType())) started.push(pathname)
  })
  page.on('response', (response) => {
    if (['fetch', 'xhr'].includes(response.request().resourceType())) responses++
  })
  await page.reload()
  await fileLink(page, 'hello.txt').waitFor()
  expect(started.toSorted()).toEqual(['/auth/session', '/files'])
  expect(pageErrors).toEqual([])
  await close()
})

browserTest('the page requests no files for a first-time visitor', async () => {
  const { page, pageErrors, close } = await openTab()
  await page.goto(site.origin)
  await page.getByRole('link', { name: 'Sign in with Google' }).waitFor()
  expect(pageErrors).toEqual([])
  await close()
})
