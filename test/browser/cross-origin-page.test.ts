/** The page on another site than the gateway: no cookie of its own, a bearer of this tab instead. */
import { expect } from '@jest/globals'
import { readFile } from 'node:fs/promises'
import type { Page, Request } from 'playwright-core'
import type { ElsewhereSite } from './cross-origin-fixture.ts'
import { startElsewhere } from './cross-origin-fixture.ts'
import {
  aroundTests,
  choose,
  fromAccountMenu,
  inBrowser,
  listed,
  openMenuOf,
  refused,
  visit,
} from './fixture.ts'
import type { Visit } from './fixture.ts'

let site: ElsewhereSite
let here: Visit
/** What the page itself asked of the gateway; where it went by leaving is not among it. */
const asked: Request[] = []

aroundTests(
  async () => {
    site = await startElsewhere()
    here = await visit()
    const control = await here.page.context().newCDPSession(here.page)
    await control.send('Network.enable')
    await control.send('Network.setCookieControls', { enableThirdPartyCookieRestriction: true })
    here.page.on('request', (request) => {
      if (request.resourceType() === 'fetch' || request.resourceType() === 'xhr') {
        asked.push(request)
      }
    })
  },
  async () => {
    await here.close()
    await site.close()
  },
)

async function signInHere(page: Page): Promise<void> {
  await page.getByRole('button', { name: 'Sign in with Google' }).click()
  await page.getByRole('button', { name: site.person.email }).click()
  // Who has agreed before is not asked again.
  const consent = page.getByRole('button', { name: 'Continue' })
  const account = page.getByRole('button', { name: `Account ${site.person.email}` })
  await consent.or(account).first().waitFor()
  if (await consent.isVisible()) await consent.click()
  await account.waitFor()
}

const bearerOf = (page: Page): Promise<string> =>
  page.evaluate(() => {
    const key = Object.keys(sessionStorage).find((name) => name.startsWith('driveway-bearer'))
    const kept = JSON.parse(sessionStorage.getItem(key ?? '') ?? '{}') as { token?: string }
    return kept.token ?? ''
  })

const sessionOf = async (bearer: string): Promise<unknown> => {
  const headers = { authorization: `Bearer ${bearer}`, origin: site.page }
  return (await fetch(`${site.origin}/auth/session`, { headers })).json()
}

inBrowser(
  'who signs in is back at the same place, with nothing secret in its address',
  async () => {
    const { page } = here
    await page.goto(`${site.page}/tokens`)
    await signInHere(page)
    await page.getByRole('heading', { level: 1, name: 'Tokens' }).waitFor()
    expect(page.url()).toBe(`${site.page}/tokens`)
    expect(await page.evaluate(() => document.cookie)).toBe('')
    await page.reload()
    await page.getByRole('heading', { level: 1, name: 'Tokens' }).waitFor()
  },
)

inBrowser('a token is made, and its lines go to the gateway', async () => {
  const { page } = here
  await page.getByRole('textbox', { name: 'Name of the token' }).fill('from elsewhere')
  await page.getByRole('button', { name: 'Make a token' }).click()
  await page.getByRole('heading', { name: 'Your token “from elsewhere”' }).waitFor()
  const [token = '', line = ''] = await page.locator('.lines code').allInnerTexts()
  expect(line).toContain(`'${site.origin}/files'`)
  const headers = { authorization: `Bearer ${token}` }
  expect((await fetch(`${site.origin}/files`, { headers })).status).toBe(200)
})

inBrowser('a device is approved', async () => {
  const { page } = here
  const answer = await fetch(`${site.origin}/auth/device`, {
    method: 'POST',
    body: new URLSearchParams({ scope: 'upload', client_name: 'a terminal' }),
  })
  const { user_code: code } = (await answer.json()) as { user_code: string }
  await page.goto(`${site.page}/device?user_code=${code}`)
  await page.getByText('a terminal').waitFor()
  await page.getByRole('button', { name: 'Approve' }).click()
  await page.getByRole('heading', { name: 'The device is approved' }).waitFor()
})

inBrowser('files are listed, searched, uploaded and downloaded', async () => {
  const { page } = here
  await page.goto(site.page)
  await listed(page, 'hello.txt').waitFor()
  await choose(page, { 'from elsewhere.txt': 'bytes of another origin' })
  await page.getByRole('link', { name: 'Open in Drive: from elsewhere.txt' }).waitFor()
  const row = page.getByRole('row').filter({ hasText: 'from elsewhere.txt' })
  await row.getByText('Text', { exact: true }).waitFor()
  await page.getByRole('searchbox').fill('from else')
  await page.waitForFunction(() => document.querySelectorAll('.listing a.name').length === 1)
  await listed(page, 'from elsewhere.txt').waitFor()
  const coming = page.waitForEvent('download')
  const menu = await openMenuOf(page, 'from elsewhere.txt')
  await menu.getByRole('menuitem', { name: 'Download', exact: true }).click()
  const download = await coming
  expect(download.suggestedFilename()).toBe('from elsewhere.txt')
  expect(await readFile(await download.path(), 'utf8')).toBe('bytes of another origin')
})

inBrowser('a file that is too large for memory goes straight into a file', async () => {
  const { page } = here
  // The browser's own window for choosing a place cannot be driven: this one always says the same.
  await page.evaluate(async () => {
    const home = await navigator.storage.getDirectory()
    const showSaveFilePicker = () => home.getFileHandle('saved', { create: true })
    Object.assign(globalThis, { showSaveFilePicker })
  })
  await page.route(/\/files\?/, async (route) => {
    const answer = await route.fetch()
    const listing = (await answer.json()) as { files: { size?: number }[] }
    for (const file of listing.files) file.size = 300_000_000
    await route.fulfill({ response: answer, json: listing })
  })
  await page.getByRole('searchbox').fill('from elsewhere')
  await page.getByText('300 MB').waitFor()
  const menu = await openMenuOf(page, 'from elsewhere.txt')
  await menu.getByRole('menuitem', { name: 'Download', exact: true }).click()
  await page.waitForFunction(async () => {
    const home = await navigator.storage.getDirectory()
    const saved = await home.getFileHandle('saved').catch(() => null)
    return saved !== null && (await (await saved.getFile()).text()) === 'bytes of another origin'
  })

  await page.evaluate(() => Object.assign(globalThis, { showSaveFilePicker: undefined }))
  const again = await openMenuOf(page, 'from elsewhere.txt')
  await again.getByRole('menuitem', { name: 'Download', exact: true }).click()
  await page.getByText('is too large for this browser to fetch from here').waitFor()
  await page.unroute(/\/files\?/)
})

inBrowser('a bearer that has ended asks to sign in, and the place is not lost', async () => {
  const { page, trouble } = here
  expect(trouble.splice(0)).toEqual([])
  await page.goto(`${site.page}/?q=from+else`)
  await listed(page, 'from elsewhere.txt').waitFor()
  const headers = { authorization: `Bearer ${await bearerOf(page)}`, origin: site.page }
  await fetch(`${site.origin}/auth/session`, { method: 'DELETE', headers })
  await page.getByRole('searchbox').fill('from elsewhere')
  await page.getByRole('button', { name: 'Sign in with Google' }).waitFor()
  expect(trouble.splice(0)).toContainEqual(refused(401))
  await signInHere(page)
  await listed(page, 'from elsewhere.txt').waitFor()
  expect(page.url()).toBe(`${site.page}/?q=from+elsewhere`)
})

inBrowser('who signs out leaves nothing in the tab, and the bearer ends', async () => {
  const { page, trouble } = here
  const bearer = await bearerOf(page)
  expect(await sessionOf(bearer)).toMatchObject({ signedIn: true, kind: 'page' })
  await fromAccountMenu(page, 'Sign out')
  await page.getByRole('button', { name: 'Sign in with Google' }).waitFor()
  expect(await bearerOf(page)).toBe('')
  expect(await sessionOf(bearer)).toMatchObject({ signedIn: false })
  await page.reload()
  await page.getByRole('button', { name: 'Sign in with Google' }).waitFor()
  expect(trouble).toEqual([])
})

inBrowser('no request of the page brought a cookie, or a secret in its address', async () => {
  const sent = asked.filter((request) => request.url().startsWith(site.origin))
  expect(sent.length).toBeGreaterThan(10)
  for (const request of sent) {
    expect([request.url(), (await request.allHeaders())['cookie']]).toEqual([
      request.url(),
      undefined,
    ])
    expect(request.url()).not.toContain('dw_')
  }
})

inBrowser('a page that was told nonsense says so, and asks nobody', async () => {
  const { page, close } = await visit()
  await page.route(`${site.page}/`, async (route) => {
    const answer = await route.fetch()
    const html = (await answer.text()).replace(site.origin, 'driveway')
    await route.fulfill({ response: answer, body: html })
  })
  await page.goto(site.page)
  await page.getByText('This page does not know where its Driveway is').waitFor()
  await close()
})
