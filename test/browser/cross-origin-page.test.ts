/** The page on another site than the gateway, with a bearer token instead of a cookie. */
import { expect } from '@jest/globals'
import { text } from 'node:stream/consumers'
import type { Page, Request } from 'playwright-core'
import type { CrossOriginSite } from './cross-origin-fixture.ts'
import { startCrossOriginSite } from './cross-origin-fixture.ts'
import {
  setUpTests,
  uploadFiles,
  selectFromAccountMenu,
  browserTest,
  fileLink,
  openFileMenu,
  consoleErrorFor,
  openTab,
} from './fixture.ts'
import type { Tab } from './fixture.ts'

let site: CrossOriginSite
let tab: Tab
/** The page's fetch and XHR requests, without navigations. */
const gatewayRequests: Request[] = []

setUpTests(
  async () => {
    site = await startCrossOriginSite()
    tab = await openTab()
    const cdp = await tab.page.context().newCDPSession(tab.page)
    await cdp.send('Network.enable')
    await cdp.send('Network.setCookieControls', { enableThirdPartyCookieRestriction: true })
    tab.page.on('request', (request) => {
      if (request.resourceType() === 'fetch' || request.resourceType() === 'xhr') {
        gatewayRequests.push(request)
      }
    })
  },
  async () => {
    await tab.close()
    await site.close()
  },
)

async function signIn(page: Page): Promise<void> {
  await page.getByRole('button', { name: 'Sign in with Google' }).click()
  await page.getByRole('button', { name: site.user.email }).click()
  // Google skips the consent page after the first consent.
  const consent = page.getByRole('button', { name: 'Continue' })
  const account = page.getByRole('button', { name: `Account ${site.user.email}` })
  await consent.or(account).first().waitFor()
  if (await consent.isVisible()) await consent.click()
  await account.waitFor()
}

const storedBearer = (page: Page): Promise<string> =>
  page.evaluate(() => {
    const key = Object.keys(sessionStorage).find((name) => name.startsWith('driveway-bearer'))
    const bearer = JSON.parse(sessionStorage.getItem(key ?? '') ?? '{}') as { token?: string }
    return bearer.token ?? ''
  })

const fetchSession = async (bearer: string): Promise<unknown> => {
  const headers = { authorization: `Bearer ${bearer}`, origin: site.page }
  return (await fetch(`${site.origin}/auth/session`, { headers })).json()
}

browserTest('sign-in returns to the same URL without a secret in it', async () => {
  const { page } = tab
  await page.goto(`${site.page}/?q=hello`)
  await signIn(page)
  await fileLink(page, 'hello.txt').waitFor()
  expect(page.url()).toBe(`${site.page}/?q=hello`)
  expect(await page.evaluate(() => document.cookie)).toBe('')
  await page.reload()
  await fileLink(page, 'hello.txt').waitFor()
})

browserTest('tokens and devices open on the gateway’s own page', async () => {
  const { page } = tab
  const opened = page.waitForEvent('popup')
  await selectFromAccountMenu(page, 'Tokens')
  const popup = await opened
  expect(popup.url()).toBe(`${site.origin}/tokens`)
  await popup.close()
  const other = await openTab()
  await other.page.goto(`${site.page}/device?user_code=BCDF-GHJK`)
  await other.page.waitForURL(`${site.origin}/device?user_code=BCDF-GHJK`)
  await other.close()
})

browserTest('the account menu has no entry that disconnects', async () => {
  const { page } = tab
  await page.goto(site.page)
  await page.getByRole('button', { name: `Account ${site.user.email}` }).click()
  const entries = await page.getByRole('menuitem').allInnerTexts()
  expect(entries.map((entry) => entry.trim())).toEqual([
    'My files',
    'Tokens',
    'Approve a device',
    'Sign out',
  ])
  await page.keyboard.press('Escape')
})

browserTest('the page lists, searches, uploads and downloads files', async () => {
  const { page } = tab
  await page.goto(site.page)
  await fileLink(page, 'hello.txt').waitFor()
  await uploadFiles(page, { 'cross origin.txt': 'bytes of another origin' })
  await page.getByRole('link', { name: 'Open in Drive: cross origin.txt' }).waitFor()
  const row = page.getByRole('row').filter({ hasText: 'cross origin.txt' })
  await row.getByText('Text', { exact: true }).waitFor()
  await page.getByRole('searchbox').fill('cross or')
  await page.waitForFunction(() => document.querySelectorAll('.file-table a.name').length === 1)
  await fileLink(page, 'cross origin.txt').waitFor()
  const downloadEvent = page.waitForEvent('download')
  const menu = await openFileMenu(page, 'cross origin.txt')
  await menu.getByRole('menuitem', { name: 'Download', exact: true }).click()
  const download = await downloadEvent
  expect(download.suggestedFilename()).toBe('cross origin.txt')
  expect(await text(await download.createReadStream())).toBe('bytes of another origin')
})

browserTest('a large download is streamed to a file that the user picks', async () => {
  const { page } = tab
  // Playwright cannot operate the native save dialog; this mock returns a fixed file.
  await page.evaluate(async () => {
    const directory = await navigator.storage.getDirectory()
    const showSaveFilePicker = () => directory.getFileHandle('saved', { create: true })
    Object.assign(globalThis, { showSaveFilePicker })
  })
  await page.route(/\/files\?/, async (route) => {
    const response = await route.fetch()
    const listing = (await response.json()) as { files: { size?: number }[] }
    for (const file of listing.files) file.size = 300_000_000
    await route.fulfill({ response: response, json: listing })
  })
  await page.getByRole('searchbox').fill('cross origin')
  await page.getByText('300 MB').waitFor()
  const menu = await openFileMenu(page, 'cross origin.txt')
  await menu.getByRole('menuitem', { name: 'Download', exact: true }).click()
  await page.waitForFunction(async () => {
    const directory = await navigator.storage.getDirectory()
    const saved = await directory.getFileHandle('saved').catch(() => null)
    return saved !== null && (await (await saved.getFile()).text()) === 'bytes of another origin'
  })

  await page.evaluate(() => Object.assign(globalThis, { showSaveFilePicker: undefined }))
  const menuAgain = await openFileMenu(page, 'cross origin.txt')
  await menuAgain.getByRole('menuitem', { name: 'Download', exact: true }).click()
  await page.getByText('is too large to download in this browser').waitFor()
  await page.unroute(/\/files\?/)
})

browserTest(
  'an expired bearer token requires sign-in, which returns to the same route',
  async () => {
    const { page, pageErrors } = tab
    expect(pageErrors.splice(0)).toEqual([])
    await page.goto(`${site.page}/?q=cross+or`)
    await fileLink(page, 'cross origin.txt').waitFor()
    const headers = { authorization: `Bearer ${await storedBearer(page)}`, origin: site.page }
    await fetch(`${site.origin}/auth/session`, { method: 'DELETE', headers })
    await page.getByRole('searchbox').fill('cross origin')
    await page.getByRole('button', { name: 'Sign in with Google' }).waitFor()
    expect(pageErrors.splice(0)).toContainEqual(consoleErrorFor(401))
    await signIn(page)
    await fileLink(page, 'cross origin.txt').waitFor()
    expect(page.url()).toBe(`${site.page}/?q=cross+origin`)
  },
)

browserTest('sign-out clears the tab’s storage and revokes the bearer token', async () => {
  const { page, pageErrors } = tab
  const bearer = await storedBearer(page)
  expect(await fetchSession(bearer)).toMatchObject({ signedIn: true, kind: 'page' })
  await selectFromAccountMenu(page, 'Sign out')
  await page.getByRole('button', { name: 'Sign in with Google' }).waitFor()
  expect(await storedBearer(page)).toBe('')
  expect(await fetchSession(bearer)).toMatchObject({ signedIn: false })
  await page.reload()
  await page.getByRole('button', { name: 'Sign in with Google' }).waitFor()
  expect(pageErrors).toEqual([])
})

browserTest('no request of the page has a cookie or a secret in its URL', async () => {
  const requests = gatewayRequests.filter((request) => request.url().startsWith(site.origin))
  expect(requests.length).toBeGreaterThan(10)
  for (const request of requests) {
    expect([request.url(), (await request.allHeaders())['cookie']]).toEqual([
      request.url(),
      undefined,
    ])
    expect(request.url()).not.toContain('dw_')
  }
})

browserTest('the page shows an error when its gateway setting is invalid', async () => {
  const { page, close } = await openTab()
  await page.route(`${site.page}/`, async (route) => {
    const response = await route.fetch()
    const html = (await response.text()).replace(site.origin, 'driveway')
    await route.fulfill({ response: response, body: html })
  })
  await page.goto(site.page)
  await page.getByText('The gateway’s origin is missing or invalid').waitFor()
  await close()
})
