/**
 * `<driveway-upload>` for everybody: every state on a wide and a narrow window, light and dark, with
 * nothing that axe finds; the keyboard alone; names that mean to do harm.
 * `SCREENSHOTS=folder npm test -- test/browser/embed-looks` keeps a picture of each state.
 */
import { expect, jest } from '@jest/globals'
import { join } from 'node:path'
import type { Page } from 'playwright-core'
import { noise, openDemo, pick, stands, startDemoSite, withFiles } from './demo-fixture.ts'
import type { DemoSite } from './demo-fixture.ts'
import { lookAt } from './visual-checks.ts'
import { aroundTests, inBrowser, refused, visit } from './fixture.ts'
import { flow } from './network-conditions.ts'

jest.setTimeout(90_000)

const windows = { wide: { width: 1280, height: 900 }, phone: { width: 360, height: 740 } }

let site: DemoSite

aroundTests(
  async () => {
    site = await startDemoSite({ MEMORY_BYTES: '33554432' })
  },
  () => site.close(),
)

for (const [shape, viewport] of Object.entries(windows)) {
  inBrowser(`on a ${shape} window, light and dark, every state fits and is accessible`, () =>
    withFiles(files, async (from) => {
      const phone = shape === 'phone' ? { hasTouch: true, isMobile: true } : {}
      const here = await visit({ viewport, ...phone, reducedMotion: 'reduce' })
      const look = async (state: string): Promise<void> => {
        const flaws = await lookAt(here.page, `embed-${state}-${shape}`, { fullPage: true })
        expect([state, flaws]).toEqual([state, []])
      }
      await seeEveryState(here.page, from, look)
      const [full, ...others] = here.trouble
      expect(full).toEqual(refused(507))
      for (const line of others) expect(line).toContain('ERR_INTERNET_DISCONNECTED')
      await here.close()
    }),
  )
}

const files = {
  'minutes.txt': 'We met.',
  'A walk along the coast, second take, with the long introduction.mov': noise(24_000_000),
  'drone.mp4': noise(20_000_000),
  'full.txt': 'no room for this one',
}
const [, film, drone] = Object.keys(files) as [string, string, string]

async function seeEveryState(
  page: Page,
  from: string,
  look: (state: string) => Promise<void>,
): Promise<void> {
  const { drive } = site.google
  await page.goto(site.demo)
  await page.getByRole('button', { name: 'Sign in with Google' }).waitFor()
  await look('signed-out')
  await openDemo(page, site)
  await look('ready')
  await pick(page, join(from, 'minutes.txt'))
  await stands(page, 'minutes.txt', 'stored')
  drive.setQuota(0)
  await pick(page, join(from, 'full.txt'))
  await stands(page, 'full.txt', 'failed')
  drive.setQuota(Infinity)
  const line = await page.context().newCDPSession(page)
  await flow(line, 1_000_000)
  await pick(page, join(from, film), join(from, drone))
  await page.getByRole('button', { name: 'Pause drone.mp4' }).click()
  await page.locator('.upload-words', { hasText: /of 24 MB · .*\/s/ }).waitFor()
  await look('uploading')
  await flow(line, null)
  await stands(page, film, 'cut')
  await look('cut')
  await flow(line, Infinity)
  await stands(page, film, 'stored')
  await page.getByRole('button', { name: 'Cancel drone.mp4' }).click()
  await stands(page, 'drone.mp4', 'cancelled')
  await look('done')
  await page.getByRole('button', { name: 'Clear finished' }).click()
}

inBrowser('the keyboard alone adds files, pauses, resumes, cancels and clears', () =>
  withFiles({ 'by key.bin': noise(30_000_000) }, async (from) => {
    const { page, close } = await visit()
    await openDemo(page, site)
    site.google.faults.add({ operation: 'drive.upload.chunk', latency: 4000, times: 1000 })
    const chooser = page.waitForEvent('filechooser')
    await press(page, 'Choose files')
    await (await chooser).setFiles(join(from, 'by key.bin'))
    await stands(page, 'by key.bin', 'sending')
    await press(page, 'Pause by key.bin')
    await stands(page, 'by key.bin', 'paused')
    // What was pressed is gone; the focus is where it goes on.
    await focused(page, 'Resume by key.bin')
    await page.keyboard.press('Enter')
    await focused(page, 'Pause by key.bin')
    site.google.faults.clear()
    await press(page, 'Cancel by key.bin')
    await stands(page, 'by key.bin', 'cancelled')
    await press(page, 'Clear finished')
    await page.getByRole('heading', { name: 'Uploads' }).waitFor({ state: 'hidden' })
    await close()
  }),
)

inBrowser('names that are markup, or read backwards, are shown as text (case 50)', () => {
  const names = [`<img src=x onerror=alert(1)>.txt`, `'"><svg onload=alert(1)>.html`]
  const trick = 'pic\u202egpj.exe'
  const all = Object.fromEntries([...names, trick].map((name) => [name, 'hostile']))
  return withFiles(all, async (from) => {
    const { page, trouble, close } = await visit()
    await openDemo(page, site)
    await pick(page, ...Object.keys(all).map((name) => join(from, name)))
    for (const name of names) await stands(page, name, 'stored')
    await stands(page, 'pic\ufffdgpj.exe', 'stored')
    const stored = site.google.drive.filesOf(site.person.sub).map(({ name }) => name)
    expect(stored).toEqual(expect.arrayContaining([...names, trick]))
    expect(trouble).toEqual([])
    await close()
  })
})

/** Presses Tab until a button has the focus, within a page's worth of presses, then Enter. */
async function press(page: Page, name: string): Promise<void> {
  for (let presses = 0; presses < 30; presses++) {
    if (await hasFocus(page, name)) return page.keyboard.press('Enter')
    await page.keyboard.press('Tab')
  }
  throw new Error(`Cannot reach "${name}" with the Tab key`)
}

async function focused(page: Page, name: string): Promise<void> {
  await page.getByRole('button', { name, exact: true }).waitFor()
  expect(await hasFocus(page, name)).toBe(true)
}

async function hasFocus(page: Page, name: string): Promise<boolean> {
  const wanted = page.getByRole('button', { name, exact: true })
  const [node] = await wanted.elementHandles() // there or not, it is not waited for
  if (!node) return false
  return node.evaluate((one) => (one.getRootNode() as ShadowRoot).activeElement === one)
}
