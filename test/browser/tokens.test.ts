/** Tokens on the page: what they may do, when they were used, and their end; devices that ask for one. */
import { expect } from '@jest/globals'
import {
  aroundTests,
  fromAccountMenu,
  inBrowser,
  listed,
  signIn,
  startSite,
  visit,
} from './fixture.ts'
import type { Site, Visit } from './fixture.ts'

let site: Site
let here: Visit

aroundTests(
  async () => {
    site = await startSite({}, { ACCESS_PROFILE: 'full' })
    here = await visit()
    await signIn(here.page, site)
  },
  async () => {
    await here.close()
    await site.close()
  },
)

const use = (path: string, token: string) =>
  fetch(`${site.origin}${path}`, { headers: { authorization: `Bearer ${token}` } })

inBrowser('a token for one folder, for reading only, is made, shown once and listed', async () => {
  const { page } = here
  await listed(page, 'Projects').click()
  await listed(page, 'notes.txt').waitFor()
  await page.getByRole('link', { name: 'Use it from curl' }).click()
  await page.getByText('There are none').waitFor()
  await page.getByLabel('Name of the token').fill('ci <b>')
  await page.getByLabel('Ends after').selectOption('7 days')
  await page.getByLabel('upload files and make folders').uncheck()
  await page.getByLabel('but only in “Projects”').check()
  await page.getByRole('button', { name: 'Make a token' }).click()
  await page.getByRole('heading', { name: 'Your token “ci <b>”' }).waitFor()
  const [token = '', ...lines] = await page.locator('.lines code').allInnerTexts()
  expect(lines).toHaveLength(1) // what it may not do has no line
  const [, address = ''] = /'http[^']*(\/files\?folder=[^']+)'$/.exec(lines[0] ?? '') ?? []
  const listing = (await (await use(address, token)).json()) as { files: { name: string }[] }
  expect(listing.files.map(({ name }) => name)).toContain('notes.txt')
  expect((await use('/auth/tokens', token)).status).toBe(403)
  await page.reload()
  const row = page.getByRole('listitem').filter({ hasText: 'ci <b>' })
  await row.getByText('Sees files · only in “Projects”').waitFor()
  await row.getByText(/^Last used .* · ends in [67] days$/).waitFor()
  expect(await page.content()).not.toContain(token)
})

inBrowser('a token that may do nothing is not made', async () => {
  const { page } = here
  await page.getByLabel('see and download files').uncheck()
  await page.getByLabel('upload files and make folders').uncheck()
  await page.getByRole('button', { name: 'Make a token' }).click()
  const invalid = page.locator('input:invalid')
  expect(await invalid.evaluate((box: HTMLInputElement) => box.validationMessage)).toBe(
    'A token has to be allowed something.',
  )
  expect(await page.getByRole('heading', { name: /^Your token “/ }).count()).toBe(0)
})

inBrowser('limits of a token are shown with what is used of them', async () => {
  const { page } = here
  await page.reload()
  await page.getByText('Limits', { exact: true }).click()
  await page.getByLabel('At most, in MB').fill('2.5')
  await page.getByLabel('At most, in files').fill('10')
  await page.getByRole('button', { name: 'Make a token' }).click()
  const row = page.getByRole('listitem').filter({ hasText: 'of 10 files used' })
  await row.getByText('0 bytes of 2.5 MB used').waitFor()
})

inBrowser('a token is revoked after a question, and is then worth nothing', async () => {
  const { page } = here
  const token = (await page.locator('.lines code').first().innerText()).trim()
  await page.getByRole('button', { name: 'Revoke curl' }).click()
  const dialog = page.getByRole('dialog', { name: 'Revoke “curl”?' })
  await page.keyboard.press('Escape')
  expect((await use('/files', token)).status).toBe(200)
  await page.getByRole('button', { name: 'Revoke curl' }).click()
  await dialog.getByRole('button', { name: 'Revoke' }).click()
  await dialog.waitFor({ state: 'detached' })
  expect(await page.getByRole('button', { name: 'Revoke curl' }).count()).toBe(0)
  expect((await use('/files', token)).status).toBe(401)
})

async function askFromTerminal(): Promise<{ user_code: string; device_code: string }> {
  const answer = await fetch(`${site.origin}/auth/device`, {
    method: 'POST',
    headers: { 'user-agent': 'curl/8 <i>' },
    body: new URLSearchParams({ client_name: 'backup <b>', scope: 'upload' }),
  })
  return (await answer.json()) as { user_code: string; device_code: string }
}

async function poll(deviceCode: string): Promise<Record<string, string>> {
  const answer = await fetch(`${site.origin}/auth/device/token`, {
    method: 'POST',
    body: new URLSearchParams({
      grant_type: 'urn:ietf:params:oauth:grant-type:device_code',
      device_code: deviceCode,
    }),
  })
  return (await answer.json()) as Record<string, string>
}

inBrowser('a device is approved by its code, after seeing what asks and for what', async () => {
  const { page } = here
  const { user_code: code, device_code: deviceCode } = await askFromTerminal()
  await fromAccountMenu(page, 'Approve a device')
  await page.getByLabel('Code').fill(code.replace('-', '').toLowerCase())
  await page.keyboard.press('Enter')
  await page.getByRole('heading', { name: 'Let this device in?' }).waitFor()
  await page.getByText('backup <b>').waitFor()
  await page.getByText('curl/8 <i>').waitFor()
  expect(await page.locator('.facts').innerText()).toContain(code)
  await page.getByRole('button', { name: 'Approve' }).click()
  await page.getByRole('heading', { name: 'The device is approved' }).waitFor()
  const { access_token: token = '' } = await poll(deviceCode)
  expect(token).toMatch(/^dw_/)
  await fromAccountMenu(page, 'Tokens')
  await page.getByRole('heading', { name: 'backup <b>' }).waitFor()
})

inBrowser(
  'a device is denied by the link that it shows, by somebody who signs in first',
  async () => {
    const { user_code: code, device_code: deviceCode } = await askFromTerminal()
    const { page, trouble, close } = await visit()
    await page.goto(`${site.origin}/device?user_code=${code}`)
    await page.getByText('A terminal asks for access').waitFor()
    await page.getByRole('link', { name: 'Sign in with Google' }).click()
    await page.getByRole('button', { name: site.person.email }).click()
    await page.getByRole('button', { name: 'Deny' }).click()
    await page.getByRole('heading', { name: 'The device is denied' }).waitFor()
    expect(await poll(deviceCode)).toMatchObject({ error: 'access_denied' })
    expect(trouble).toEqual([])
    await close()
  },
)

inBrowser('a code that is wrong is told, and may be typed again', async () => {
  const { page, trouble } = here
  await page.goto(`${site.origin}/device?user_code=ZZZZ-ZZZZ`)
  await page.getByText('There is no such code').waitFor()
  expect(await page.getByLabel('Code').inputValue()).toBe('ZZZZ-ZZZZ')
  expect(trouble.splice(0)).toEqual([expect.stringContaining('404')])
})

inBrowser('nothing was wrong in the console, and no rule of the page was broken', async () => {
  expect(here.trouble).toEqual([])
})
