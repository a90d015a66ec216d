/** The page with the keyboard only, with hostile file names, and its curl commands. */
import { expect } from '@jest/globals'
import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import type { Page } from 'playwright-core'
import {
  setUpTests,
  uploadFiles,
  browserTest,
  fileLink,
  signIn,
  signOut,
  startSite,
  openTab,
} from './fixture.ts'
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

/** Moves the focus to an element with at most 30 Tab presses. */
async function tabTo(page: Page, role: 'link' | 'button', name: string): Promise<void> {
  const target = page.getByRole(role, { name })
  for (let presses = 0; presses < 30; presses++) {
    if (await target.evaluate((node) => node === document.activeElement)) return
    await page.keyboard.press('Tab')
  }
  throw new Error(`Cannot reach "${name}" with the Tab key`)
}

browserTest('keyboard users can sign in, open a folder and open the file picker', async () => {
  const { page } = tab
  await page.goto(site.origin)
  await page.getByRole('link', { name: 'Sign in with Google' }).waitFor()
  await tabTo(page, 'link', 'Sign in with Google')
  await page.keyboard.press('Enter')
  await page.getByRole('button', { name: site.user.email }).waitFor()
  await tabTo(page, 'button', site.user.email)
  await page.keyboard.press('Enter')
  await page.getByRole('button', { name: 'Continue' }).waitFor()
  await tabTo(page, 'button', 'Continue')
  await page.keyboard.press('Enter')
  await fileLink(page, 'Projects').waitFor()
  // Registered first, so that Playwright intercepts the file picker.
  const fileChooser = page.waitForEvent('filechooser')
  await tabTo(page, 'button', 'Upload files')
  await page.keyboard.press('Enter')
  expect((await fileChooser).isMultiple()).toBe(true)
  await tabTo(page, 'link', 'Projects')
  await page.keyboard.press('Enter')
  await fileLink(page, 'notes.txt').waitFor()
  const focused = await page.evaluate(() => document.activeElement?.textContent)
  expect(focused).toBe('Projects')
  await page.goBack()
  await fileLink(page, 'hello.txt').waitFor()
})

browserTest('a file name with markup is shown as text', async () => {
  const { page } = tab
  const names = [
    '<img src=x onerror=alert(1)>.txt',
    '"><svg onload=alert(1)>.html',
    "'; DROP TABLE files; --.sql",
    'javascript:alert(1)',
    'Übergröße 日本語 🚗.txt',
  ]
  await uploadFiles(page, Object.fromEntries(names.map((name) => [name, 'hostile'])))
  for (const name of names) {
    await page.getByRole('link', { name: `Open in Drive: ${name}` }).waitFor()
    await fileLink(page, name).waitFor()
  }
  await page.reload()
  for (const name of names) expect(await fileLink(page, name).innerText()).toBe(name)
  const stored = site.google.drive.filesOf(site.user.sub).map(({ name }) => name)
  expect(stored).toEqual(expect.arrayContaining(names))
})

browserTest(
  'a file name with a bidirectional override is shown with a replacement character',
  async () => {
    const { page } = tab
    await site.google.drive.seed(site.user.sub, [{ name: 'pic\u202egpj.exe', content: '' }])
    await page.reload()
    await fileLink(page, 'pic\ufffdgpj.exe').waitFor()
  },
)

browserTest('the page works with locales that Intl rejects', async () => {
  const { page, close } = await openTab()
  await page.context().addInitScript(() => {
    Object.defineProperty(navigator, 'languages', { get: () => ['en-US@posix', 'en_GB', 'de'] })
  })
  await page.goto(site.origin)
  await page.getByRole('link', { name: 'Sign in with Google' }).click()
  await page.getByRole('button', { name: site.user.email }).click()
  await fileLink(page, 'hello.txt').waitFor()
  await close()
})

browserTest('the curl commands of a new token work in a shell', async () => {
  const { page } = tab
  await page.getByRole('link', { name: 'Use it from curl' }).click()
  await page.getByRole('textbox', { name: 'Token name' }).fill('laptop')
  await page.getByRole('button', { name: 'Create token' }).click()
  await page.getByRole('heading', { name: 'Your token “laptop”' }).waitFor()
  const commands = await page.locator('.snippets code').allInnerTexts()
  const [token, list, , pipe] = commands
  expect(token).toMatch(/^dw_[\w-]+$/)
  const exec = promisify(execFile)
  const listing = JSON.parse((await exec('sh', ['-c', list ?? ''])).stdout) as {
    files: { name: string }[]
  }
  expect(listing.files.map(({ name }) => name)).toContain('hello.txt')
  const uploaded = JSON.parse((await exec('sh', ['-c', pipe ?? ''])).stdout) as {
    files: { id: string }[]
  }
  const bytes = await site.google.drive.contentOf(uploaded.files[0]?.id ?? '')
  expect(bytes.toString()).toBe('hello\n')
})

browserTest('the page does not contain the token after a reload', async () => {
  const { page } = tab
  await page.reload()
  await page.getByRole('heading', { name: 'New token' }).waitFor()
  expect(await page.content()).not.toContain('dw_')
  await page.getByRole('link', { name: 'Back to My Drive' }).click()
  await fileLink(page, 'hello.txt').waitFor()
})

browserTest('a second account in the same browser sees no data of the first', async () => {
  const { page } = tab
  await signOut(page)
  const ben = site.google.oauth.users[1] ?? site.user
  await signIn(page, { ...site, user: ben })
  await page.getByRole('button', { name: `Account ${ben.email}` }).waitFor()
  expect(await page.getByText('DROP TABLE').count()).toBe(0)
})

browserTest('the page logs no console errors and violates no Content-Security-Policy', async () => {
  expect(tab.pageErrors).toEqual([])
})
