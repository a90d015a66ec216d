/** The page is light, asks for what it needs at once, and for nothing from elsewhere. */
import { expect, test } from '@jest/globals'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { root } from '../kit/process.ts'
import { aroundTests, inBrowser, listed, signIn, startSite, visit } from './fixture.ts'
import type { Site } from './fixture.ts'

let site: Site

aroundTests(
  async () => {
    site = await startSite()
  },
  () => site.close(),
)

test('the script for signing in and listing has at most 60 kB, compressed', async () => {
  const script = await readFile(join(root, 'dist/web/main.js'))
  expect(gzipSync(script).length).toBeLessThanOrEqual(60_000)
})

test('page, styles and script name no other origin, and need no inline code', async () => {
  const files = ['index.html', 'style.css', 'main.js']
  const texts = await Promise.all(
    files.map((file) => readFile(join(root, 'dist/web', file), 'utf8')),
  )
  const addresses = texts.join('\n').match(/(?:https?:)?\/\/[\w.-]+\.\w+/g) ?? []
  expect(addresses.filter((address) => !address.includes('www.w3.org'))).toEqual([]) // SVG's name
  const policy = await readFile(join(root, 'firebase.json'), 'utf8')
  expect(policy).not.toContain('unsafe-')
  expect(texts[0]).not.toMatch(/\sstyle=|<style|\son\w+=|<script>/)
})

inBrowser(
  'the first list takes one round trip after the page: session and files at once',
  async () => {
    const { page, trouble, close } = await visit()
    await signIn(page, site)
    const started: string[] = []
    let answered = 0
    page.on('request', (request) => {
      const { pathname } = new URL(request.url())
      if (answered === 0 && ['fetch', 'xhr'].includes(request.resourceType()))
        started.push(pathname)
    })
    page.on('response', (response) => {
      if (['fetch', 'xhr'].includes(response.request().resourceType())) answered++
    })
    await page.reload()
    await listed(page, 'hello.txt').waitFor()
    expect(started.toSorted()).toEqual(['/auth/session', '/files'])
    expect(trouble).toEqual([])
    await close()
  },
)

inBrowser('of somebody who was never here, no files are asked for', async () => {
  const { page, trouble, close } = await visit()
  await page.goto(site.origin)
  await page.getByRole('link', { name: 'Sign in with Google' }).waitFor()
  expect(trouble).toEqual([])
  await close()
})
