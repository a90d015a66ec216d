/** The page for everybody: by keyboard alone, with names meant to do harm, and from a terminal. */
import { expect } from '@jest/globals'
import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import type { Page } from 'playwright-core'
import {
  aroundTests,
  choose,
  inBrowser,
  listed,
  signIn,
  signOut,
  startSite,
  visit,
} from './fixture.ts'
import type { Site, Visit } from './fixture.ts'

let site: Site
let here: Visit

aroundTests(
  async () => {
    site = await startSite()
    here = await visit()
  },
  async () => {
    await here.close()
    await site.close()
  },
)

/** Presses Tab until what is wanted has the focus; within a page's worth of presses. */
async function tabTo(page: Page, role: 'link' | 'button', name: string): Promise<void> {
  const wanted = page.getByRole(role, { name })
  for (let presses = 0; presses < 30; presses++) {
    if (await wanted.evaluate((node) => node === document.activeElement)) return
    await page.keyboard.press('Tab')
  }
  throw new Error(`Cannot reach "${name}" with the Tab key`)
}

inBrowser('the keyboard alone signs in, opens a folder and reaches the uploads', async () => {
  const { page } = here
  await page.goto(site.origin)
  await page.getByRole('link', { name: 'Sign in with Google' }).waitFor()
  await tabTo(page, 'link', 'Sign in with Google')
  await page.keyboard.press('Enter')
  await page.getByRole('button', { name: site.person.email }).waitFor()
  await tabTo(page, 'button', site.person.email)
  await page.keyboard.press('Enter')
  await page.getByRole('button', { name: 'Continue' }).waitFor()
  await tabTo(page, 'button', 'Continue')
  await page.keyboard.press('Enter')
  await listed(page, 'Projects').waitFor()
  // Asked for early: the browser has to be told that a chooser is to be reported, not shown.
  const chosen = page.waitForEvent('filechooser')
  await tabTo(page, 'button', 'Upload files')
  await page.keyboard.press('Enter')
  expect((await chosen).isMultiple()).toBe(true)
  await tabTo(page, 'link', 'Projects')
  await page.keyboard.press('Enter')
  await listed(page, 'notes.txt').waitFor()
  const focused = await page.evaluate(() => document.activeElement?.textContent)
  expect(focused).toBe('Projects')
  await page.goBack()
  await listed(page, 'hello.txt').waitFor()
})

inBrowser('a name that is markup is shown as text (case 50)', async () => {
  const { page } = here
  const names = [
    '<img src=x onerror=alert(1)>.txt',
    '"><svg onload=alert(1)>.html',
    "'; DROP TABLE files; --.sql",
    'javascript:alert(1)',
    'Übergröße 日本語 🚗.txt',
  ]
  await choose(page, Object.fromEntries(names.map((name) => [name, 'hostile'])))
  for (const name of names) {
    await page.getByRole('link', { name: `Open in Drive: ${name}` }).waitFor()
    await listed(page, name).waitFor()
  }
  await page.reload()
  for (const name of names) expect(await listed(page, name).innerText()).toBe(name)
  const stored = site.google.drive.filesOf(site.person.sub).map(({ name }) => name)
  expect(stored).toEqual(expect.arrayContaining(names))
})

inBrowser(
  'a name that reads backwards is shown with its trick made visible (case 50)',
  async () => {
    const { page } = here
    await site.google.drive.seed(site.person.sub, [{ name: 'pic\u202egpj.exe', content: '' }])
    await page.reload()
    await listed(page, 'pic\ufffdgpj.exe').waitFor()
  },
)

inBrowser('a language that no browser knows keeps nobody out', async () => {
  const { page, close } = await visit()
  await page.context().addInitScript(() => {
    Object.defineProperty(navigator, 'languages', { get: () => ['en-US@posix', 'en_GB', 'de'] })
  })
  await page.goto(site.origin)
  await page.getByRole('link', { name: 'Sign in with Google' }).click()
  await page.getByRole('button', { name: site.person.email }).click()
  await listed(page, 'hello.txt').waitFor()
  await close()
})

inBrowser('a token made on the page works in a shell, line by line', async () => {
  const { page } = here
  await page.getByRole('link', { name: 'Use it from curl' }).click()
  await page.getByRole('textbox', { name: 'Name of the token' }).fill('laptop')
  await page.getByRole('button', { name: 'Make a token' }).click()
  await page.getByRole('heading', { name: 'Your token “laptop”' }).waitFor()
  const lines = await page.locator('.lines code').allInnerTexts()
  const [token, list, , pipe] = lines
  expect(token).toMatch(/^dw_[\w-]+$/)
  const shell = promisify(execFile)
  const listing = JSON.parse((await shell('sh', ['-c', list ?? ''])).stdout) as {
    files: { name: string }[]
  }
  expect(listing.files.map(({ name }) => name)).toContain('hello.txt')
  const uploaded = JSON.parse((await shell('sh', ['-c', pipe ?? ''])).stdout) as {
    files: { id: string }[]
  }
  const bytes = await site.google.drive.bytesOf(uploaded.files[0]?.id ?? '')
  expect(bytes.toString()).toBe('hello\n')
})

inBrowser('a token is gone from the page after a reload', async () => {
  const { page } = here
  await page.reload()
  await page.getByRole('heading', { name: 'New token' }).waitFor()
  expect(await page.content()).not.toContain('dw_')
  await page.getByRole('link', { name: 'Back to My Drive' }).click()
  await listed(page, 'hello.txt').waitFor()
})

inBrowser('a second person in the same browser sees nothing of the first', async () => {
  const { page } = here
  await signOut(page)
  const ben = site.google.oauth.users[1] ?? site.person
  await signIn(page, { ...site, person: ben })
  await page.getByRole('button', { name: `Account ${ben.email}` }).waitFor()
  expect(await page.getByText('DROP TABLE').count()).toBe(0)
})

inBrowser('nothing was wrong in the console, and no rule of the page was broken', async () => {
  expect(here.trouble).toEqual([])
})
