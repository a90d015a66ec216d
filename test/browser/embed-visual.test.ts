/**
 * `<driveway-upload>` in every state, on a wide and a narrow window, in light and dark, with axe;
 * keyboard operation; hostile file names.
 * `SCREENSHOTS=folder npm test -- test/browser/embed-visual` saves a screenshot of each state.
 */
import { expect, jest } from '@jest/globals'
import { join } from 'node:path'
import type { Page } from 'playwright-core'
import {
  randomContent,
  openDemo,
  pickFiles,
  waitForState,
  startDemoSite,
  withFiles,
} from './demo-fixture.ts'
import type { DemoSite } from './demo-fixture.ts'
import { checkPage } from './visual-checks.ts'
import { setUpTests, browserTest, consoleErrorFor, openTab } from './fixture.ts'
import { throttle } from './network-conditions.ts'

jest.setTimeout(90_000)

const windows = { wide: { width: 1280, height: 900 }, phone: { width: 360, height: 740 } }

let site: DemoSite

setUpTests(
  async () => {
    site = await startDemoSite({ MEMORY_BYTES: '33554432' })
  },
  () => site.close(),
)

for (const [shape, viewport] of Object.entries(windows)) {
  browserTest(
    `on a ${shape} window, every state of the element fits and has no axe violations, in light and dark`,
    () =>
      withFiles(files, async (folder) => {
        const phone = shape === 'phone' ? { hasTouch: true, isMobile: true } : {}
        const tab = await openTab({ viewport, ...phone, reducedMotion: 'reduce' })
        const check = async (state: string): Promise<void> => {
          const flaws = await checkPage(tab.page, `embed-${state}-${shape}`, { fullPage: true })
          expect([state, flaws]).toEqual([state, []])
        }
        await checkEveryState(tab.page, folder, check)
        const [full, ...others] = tab.pageErrors
        expect(full).toEqual(consoleErrorFor(507))
        for (const cdp of others) expect(cdp).toContain('ERR_INTERNET_DISCONNECTED')
        await tab.close()
      }),
  )
}

const files = {
  'minutes.txt': 'We met.',
  'A walk along the coast, second take, with the long introduction.mov': randomContent(24_000_000),
  'drone.mp4': randomContent(20_000_000),
  'full.txt': 'no room for this one',
}
const [, film, drone] = Object.keys(files) as [string, string, string]

async function checkEveryState(
  page: Page,
  folder: string,
  check: (state: string) => Promise<void>,
): Promise<void> {
  const { drive } = site.google
  await page.goto(site.demo)
  await page.getByRole('button', { name: 'Sign in with Google' }).waitFor()
  await check('signed-out')
  await openDemo(page, site)
  await check('ready')
  await pickFiles(page, join(folder, 'minutes.txt'))
  await waitForState(page, 'minutes.txt', 'stored')
  drive.setQuota(0)
  await pickFiles(page, join(folder, 'full.txt'))
  await waitForState(page, 'full.txt', 'failed')
  drive.setQuota(Infinity)
  const cdp = await page.context().newCDPSession(page)
  await throttle(cdp, 1_000_000)
  await pickFiles(page, join(folder, film), join(folder, drone))
  await page.getByRole('button', { name: 'Pause drone.mp4' }).click()
  await page.locator('.upload-status', { hasText: /of 24 MB · .*\/s/ }).waitFor()
  await check('uploading')
  await throttle(cdp, null)
  await waitForState(page, film, 'reconnecting')
  await check('reconnecting')
  await throttle(cdp, Infinity)
  await waitForState(page, film, 'stored')
  await page.getByRole('button', { name: 'Cancel drone.mp4' }).click()
  await waitForState(page, 'drone.mp4', 'cancelled')
  await check('done')
  await page.getByRole('button', { name: 'Clear finished' }).click()
}

browserTest('keyboard users can add files, pause, resume, cancel and clear', () =>
  withFiles({ 'by key.bin': randomContent(30_000_000) }, async (folder) => {
    const { page, close } = await openTab()
    await openDemo(page, site)
    site.google.faults.add({ operation: 'drive.upload.chunk', latencyMs: 4000, times: 1000 })
    const chooser = page.waitForEvent('filechooser')
    await pressButton(page, 'Choose files')
    await (await chooser).setFiles(join(folder, 'by key.bin'))
    await waitForState(page, 'by key.bin', 'uploading')
    await pressButton(page, 'Pause by key.bin')
    await waitForState(page, 'by key.bin', 'paused')
    // The pressed button is replaced; the focus moves to its replacement.
    await expectFocus(page, 'Resume by key.bin')
    await page.keyboard.press('Enter')
    await expectFocus(page, 'Pause by key.bin')
    site.google.faults.clear()
    await pressButton(page, 'Cancel by key.bin')
    await waitForState(page, 'by key.bin', 'cancelled')
    await pressButton(page, 'Clear finished')
    await page.getByRole('heading', { name: 'Uploads' }).waitFor({ state: 'hidden' })
    await close()
  }),
)

browserTest('file names with markup or bidirectional overrides are shown as text', () => {
  const names = [`<img src=x onerror=alert(1)>.txt`, `'"><svg onload=alert(1)>.html`]
  const trick = 'pic\u202egpj.exe'
  const all = Object.fromEntries([...names, trick].map((name) => [name, 'hostile']))
  return withFiles(all, async (folder) => {
    const { page, pageErrors, close } = await openTab()
    await openDemo(page, site)
    await pickFiles(page, ...Object.keys(all).map((name) => join(folder, name)))
    for (const name of names) await waitForState(page, name, 'stored')
    await waitForState(page, 'pic\ufffdgpj.exe', 'stored')
    const stored = site.google.drive.filesOf(site.user.sub).map(({ name }) => name)
    expect(stored).toEqual(expect.arrayContaining([...names, trick]))
    expect(pageErrors).toEqual([])
    await close()
  })
})

/** Moves the focus to a button with at most 30 Tab presses, then presses Enter. */
async function pressButton(page: Page, name: string): Promise<void> {
  for (let presses = 0; presses < 30; presses++) {
    if (await hasFocus(page, name)) return page.keyboard.press('Enter')
    await page.keyboard.press('Tab')
  }
  throw new Error(`Cannot reach "${name}" with the Tab key`)
}

async function expectFocus(page: Page, name: string): Promise<void> {
  await page.getByRole('button', { name, exact: true }).waitFor()
  expect(await hasFocus(page, name)).toBe(true)
}

async function hasFocus(page: Page, name: string): Promise<boolean> {
  const button = page.getByRole('button', { name, exact: true })
  const [node] = await button.elementHandles() // does not wait for the element
  if (!node) return false
  return node.evaluate((target) => (target.getRootNode() as ShadowRoot).activeElement === target)
}
