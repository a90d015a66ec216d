/** The tokens view and the device view. */
import { expect } from '@jest/globals'
import {
  setUpTests,
  selectFromAccountMenu,
  browserTest,
  fileLink,
  signIn,
  startSite,
  openTab,
} from './fixture.ts'
import type { Site, Tab } from './fixture.ts'

let site: Site
let tab: Tab

setUpTests(
  async () => {
    site = await startSite({}, { ACCESS_PROFILE: 'full' })
    tab = await openTab()
    await signIn(tab.page, site)
  },
  async () => {
    await tab.close()
    await site.close()
  },
)

const request = (path: string, token: string) =>
  fetch(`${site.origin}${path}`, { headers: { authorization: `Bearer ${token}` } })

browserTest('a read-only token for one folder is created, shown once and listed', async () => {
  const { page } = tab
  await fileLink(page, 'Projects').click()
  await fileLink(page, 'notes.txt').waitFor()
  await page.getByRole('link', { name: 'Use it from curl' }).click()
  await page.getByText('You have no tokens').waitFor()
  await page.getByLabel('Token name').fill('ci <b>')
  await page.getByLabel('Expires after').selectOption('7 days')
  await page.getByLabel('upload files and create folders').uncheck()
  await page.getByLabel('only in “Projects”').check()
  await page.getByRole('button', { name: 'Create token' }).click()
  await page.getByRole('heading', { name: 'Your token “ci <b>”' }).waitFor()
  const [token = '', ...commands] = await page.locator('.snippets code').allInnerTexts()
  expect(commands).toHaveLength(1) // no command for a missing scope
  const [, path = ''] = /'http[^']*(\/files\?folder=[^']+)'$/.exec(commands[0] ?? '') ?? []
  const listing = (await (await request(path, token)).json()) as { files: { name: string }[] }
  expect(listing.files.map(({ name }) => name)).toContain('notes.txt')
  expect((await request('/auth/tokens', token)).status).toBe(403)
  await page.reload()
  const row = page.getByRole('listitem').filter({ hasText: 'ci <b>' })
  await row.getByText('Read files · only in “Projects”').waitFor()
  await row.getByText(/^Last used .* · expires in [67] days$/).waitFor()
  expect(await page.content()).not.toContain(token)
})

browserTest('the form rejects a token without scopes', async () => {
  const { page } = tab
  await page.getByLabel('list and download files').uncheck()
  await page.getByLabel('upload files and create folders').uncheck()
  await page.getByRole('button', { name: 'Create token' }).click()
  const invalid = page.locator('input:invalid')
  expect(await invalid.evaluate((box: HTMLInputElement) => box.validationMessage)).toBe(
    'A token needs at least one permission.',
  )
  expect(await page.getByRole('heading', { name: /^Your token “/ }).count()).toBe(0)
})

browserTest('a token’s limits are shown with their usage', async () => {
  const { page } = tab
  await page.reload()
  await page.getByText('Limits', { exact: true }).click()
  await page.getByLabel('Maximum size in MB').fill('2.5')
  await page.getByLabel('Maximum number of files').fill('10')
  await page.getByRole('button', { name: 'Create token' }).click()
  const row = page.getByRole('listitem').filter({ hasText: 'of 10 files used' })
  await row.getByText('0 bytes of 2.5 MB used').waitFor()
})

browserTest('a token is revoked after confirmation and is then rejected', async () => {
  const { page } = tab
  const token = (await page.locator('.snippets code').first().innerText()).trim()
  await page.getByRole('button', { name: 'Revoke curl' }).click()
  const dialog = page.getByRole('dialog', { name: 'Revoke “curl”?' })
  await page.keyboard.press('Escape')
  expect((await request('/files', token)).status).toBe(200)
  await page.getByRole('button', { name: 'Revoke curl' }).click()
  await dialog.getByRole('button', { name: 'Revoke' }).click()
  await dialog.waitFor({ state: 'detached' })
  expect(await page.getByRole('button', { name: 'Revoke curl' }).count()).toBe(0)
  expect((await request('/files', token)).status).toBe(401)
})

async function requestDeviceCode(): Promise<{ user_code: string; device_code: string }> {
  const response = await fetch(`${site.origin}/auth/device`, {
    method: 'POST',
    headers: { 'user-agent': 'curl/8 <i>' },
    body: new URLSearchParams({ client_name: 'backup <b>', scope: 'upload' }),
  })
  return (await response.json()) as { user_code: string; device_code: string }
}

async function poll(deviceCode: string): Promise<Record<string, string>> {
  const response = await fetch(`${site.origin}/auth/device/token`, {
    method: 'POST',
    body: new URLSearchParams({
      grant_type: 'urn:ietf:params:oauth:grant-type:device_code',
      device_code: deviceCode,
    }),
  })
  return (await response.json()) as Record<string, string>
}

browserTest('a device is approved by its code after its request is shown', async () => {
  const { page } = tab
  const { user_code: code, device_code: deviceCode } = await requestDeviceCode()
  await selectFromAccountMenu(page, 'Approve a device')
  await page.getByLabel('Code').fill(code.replace('-', '').toLowerCase())
  await page.keyboard.press('Enter')
  await page.getByRole('heading', { name: 'Approve this device?' }).waitFor()
  await page.getByText('backup <b>').waitFor()
  await page.getByText('curl/8 <i>').waitFor()
  expect(await page.locator('.request-details').innerText()).toContain(code)
  await page.getByRole('button', { name: 'Approve' }).click()
  await page.getByRole('heading', { name: 'The device is approved' }).waitFor()
  const { access_token: token = '' } = await poll(deviceCode)
  expect(token).toMatch(/^dw_/)
  await selectFromAccountMenu(page, 'Tokens')
  await page.getByRole('heading', { name: 'backup <b>' }).waitFor()
})

browserTest('a device is denied through its verification link after a sign-in', async () => {
  const { user_code: code, device_code: deviceCode } = await requestDeviceCode()
  const { page, pageErrors, close } = await openTab()
  await page.goto(`${site.origin}/device?user_code=${code}`)
  await page.getByText('A terminal requests access').waitFor()
  await page.getByRole('link', { name: 'Sign in with Google' }).click()
  await page.getByRole('button', { name: site.user.email }).click()
  await page.getByRole('button', { name: 'Deny' }).click()
  await page.getByRole('heading', { name: 'The device is denied' }).waitFor()
  expect(await poll(deviceCode)).toMatchObject({ error: 'access_denied' })
  expect(pageErrors).toEqual([])
  await close()
})

browserTest('an unknown code shows an error and can be corrected', async () => {
  const { page, pageErrors } = tab
  await page.goto(`${site.origin}/device?user_code=ZZZZ-ZZZZ`)
  await page.getByText('The code is unknown or has expired').waitFor()
  expect(await page.getByLabel('Code').inputValue()).toBe('ZZZZ-ZZZZ')
  expect(pageErrors.splice(0)).toEqual([expect.stringContaining('404')])
})

browserTest('the sessions are listed with their browser, and another one is ended', async () => {
  const { page } = tab
  const other = await openTab()
  await other.page.goto(site.origin)
  await other.page.getByRole('link', { name: 'Sign in with Google' }).click()
  await other.page.getByRole('button', { name: site.user.email }).click() // has consented before
  await other.page.getByRole('button', { name: `Account ${site.user.email}` }).waitFor()
  await page.goto(`${site.origin}/tokens`)
  const sessions = page.getByRole('region', { name: 'Your sessions' })
  const current = sessions.getByRole('listitem').filter({ hasText: 'This browser' })
  await current.getByText('127.0.0.1').waitFor()
  expect(await current.getByRole('button').count()).toBe(0)
  const rows = sessions.getByRole('listitem').filter({ hasNotText: 'This browser' })
  const before = await rows.count()
  await rows
    .first()
    .getByRole('button', { name: /^End the session Mozilla/ })
    .click()
  await page.getByRole('dialog').getByText('has to sign in again within a minute').waitFor()
  await page.getByRole('dialog').getByRole('button', { name: 'End', exact: true }).click()
  await page.waitForFunction(({ list, count }) => list?.querySelectorAll('li').length === count, {
    list: await sessions.getByRole('list').elementHandle(),
    count: before,
  })
  await other.page.reload()
  await other.page.getByRole('link', { name: 'Sign in with Google' }).waitFor()
  await other.close()
})

browserTest('the page logs no console errors and violates no Content-Security-Policy', async () => {
  expect(tab.pageErrors).toEqual([])
})
