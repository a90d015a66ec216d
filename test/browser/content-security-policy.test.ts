/** The page's Content-Security-Policy names its scripts, so that a stored file cannot be one of them. */
import { expect } from '@jest/globals'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { root } from '../kit/process.ts'
import { browserTest, openTab, setUpTests, signIn, startSite, uploadFiles } from './fixture.ts'
import type { Site, Tab } from './fixture.ts'

let site: Site
let tab: Tab

setUpTests(
  async () => {
    site = await startSite()
    tab = await openTab()
  },
  async () => {
    await tab.close()
    await site.close()
  },
)

browserTest('the page refuses a stored file as a script, worker or style sheet', async () => {
  const { page } = tab
  await signIn(page, site)
  await uploadFiles(page, { 'run.js': 'globalThis.isCompromised = true' })
  await page.getByRole('link', { name: 'Open in Drive: run.js' }).waitFor()
  const [file] = site.google.drive.filesOf(site.user.sub).filter(({ name }) => name === 'run.js')
  const responses: string[] = []
  page.on('response', (response) => responses.push(response.url()))

  const violations = await page.evaluate(async (url) => {
    const directives: string[] = []
    document.addEventListener('securitypolicyviolation', (event) =>
      directives.push(event.effectiveDirective),
    )
    const script = document.createElement('script')
    const module = Object.assign(document.createElement('script'), { type: 'module' })
    const style = Object.assign(document.createElement('link'), { rel: 'stylesheet', href: url })
    script.src = url
    module.src = `${url}?as=module`
    const attempts = [script, module, style].map(
      (element) =>
        new Promise((resolve) => {
          element.addEventListener('error', resolve)
          document.head.append(element)
        }),
    )
    await Promise.all(attempts)
    await new Promise((resolve) => {
      const worker = new Worker(url)
      worker.addEventListener('error', resolve)
    }).catch(() => undefined)
    return directives
  }, `/files/${file?.id}/content`)

  expect(violations.toSorted()).toEqual([
    'script-src-elem',
    'script-src-elem',
    'style-src-elem',
    'worker-src',
  ])
  expect(responses).toEqual([])
  expect(await page.evaluate(() => 'isCompromised' in globalThis)).toBe(false)
})

browserTest('the policy names exactly the scripts and styles that the page loads', async () => {
  const { page, pageErrors } = tab
  pageErrors.splice(0) // of the test above
  const loaded = new Set<string>()
  page.on('response', (response) => {
    const { pathname } = new URL(response.url())
    if (/\.(css|js)$/.test(pathname)) loaded.add(pathname)
  })
  await page.goto(site.origin)
  await uploadFiles(page, { 'again.txt': 'again' })
  await page.getByRole('link', { name: 'Open in Drive: again.txt' }).waitFor()
  const policy = await readFile(join(root, 'firebase.json'), 'utf8')
  const named = [...policy.matchAll(/ \*:\*(\/[\w.-]+)/g)].map(([, path]) => path)
  expect(new Set(named)).toEqual(new Set(loaded))
  expect(pageErrors).toEqual([])
})
