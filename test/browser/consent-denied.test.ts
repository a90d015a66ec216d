/** What a person sees who says no, ticks half, or takes it back. */
import { expect } from '@jest/globals'
import {
  aroundTests,
  fromAccountMenu,
  goToConsent,
  inBrowser,
  listed,
  refused,
  signIn,
  startSite,
  visit,
} from './fixture.ts'
import type { Site, Visit } from './fixture.ts'

let site: Site

aroundTests(
  async () => {
    site = await startSite({ oauth: { alwaysAsk: true } })
  },
  () => site.close(),
)

async function inVisit(body: (visit: Visit) => Promise<void>): Promise<void> {
  const here = await visit()
  await body(here)
  await here.close()
}

inBrowser('Cancel on the consent page leads to words and a way back', () =>
  inVisit(async ({ page, trouble }) => {
    await goToConsent(page, site)
    await page.getByRole('button', { name: 'Cancel' }).click()
    await page.getByRole('heading', { name: 'Google was not given permission' }).waitFor()
    expect(trouble).toEqual([refused(403)])
    await page.getByRole('link', { name: 'Back to Driveway' }).click()
    await page.getByRole('link', { name: 'Sign in with Google' }).waitFor()
    expect(page.url()).toBe(`${site.origin}/`)
  }),
)

inBrowser('a box unticked leads to words, and the next sign-in asks for what is missing', () =>
  inVisit(async ({ page, trouble }) => {
    await goToConsent(page, site)
    await page.getByRole('checkbox').last().uncheck()
    await page.getByRole('button', { name: 'Continue' }).click()
    await page.getByRole('heading', { name: 'Driveway needs every permission' }).waitFor()
    await page.getByText('A box was left empty at Google').waitFor()
    expect(trouble).toEqual([refused(403)])
    await page.getByRole('link', { name: 'Sign in with Google' }).click()
    await page.getByRole('button', { name: site.person.email }).click()
    await page.getByRole('button', { name: 'Continue' }).click()
    await page.getByRole('heading', { name: 'My Drive' }).waitFor()
  }),
)

inBrowser('a folder that Google closes to Driveway says so, and offers no upload', () =>
  inVisit(async ({ page, trouble }) => {
    await signIn(page, site)
    const upload = page.getByRole('button', { name: 'Upload files' })
    await upload.waitFor()
    await listed(page, 'Photos').click()
    await page.getByText('Driveway may not add files here').waitFor()
    await page.getByText('Driveway may not add files to this folder').click()
    await page.getByText('ACCESS_PROFILE=full').waitFor()
    expect(await upload.isVisible()).toBe(false)
    await page.reload() // what is known of the folder stays known
    await page.getByText('Driveway may not add files here').waitFor()
    expect(await upload.isVisible()).toBe(false)
    expect(trouble).toEqual([])
  }),
)

inBrowser('a grant that was taken back shows its cause and the way to reconnect', () =>
  inVisit(async ({ page, trouble }) => {
    await signIn(page, site)
    const revoked = await fetch(`${site.google.url}/sandbox/oauth`, {
      method: 'POST',
      body: JSON.stringify({ action: 'revoke', sub: site.person.sub }),
    })
    expect(revoked.ok).toBe(true)
    await page.getByRole('link', { name: 'Projects' }).click()
    await page.getByRole('heading', { name: 'Reconnect your Drive' }).waitFor()
    expect(await page.locator('.cause').innerText()).toMatch(/\w+ \w+/)
    expect(trouble).toEqual([refused(401)])
    await page.getByRole('link', { name: 'Reconnect with Google' }).click()
    // Whose Drive it is about is known: no account is to be chosen again.
    await page.getByRole('button', { name: 'Continue' }).click()
    await listed(page, 'notes.txt').waitFor() // where the person was
  }),
)

inBrowser('disconnecting asks first, then ends every session and token of the person', () =>
  inVisit(async ({ page, trouble }) => {
    await signIn(page, site)
    await page.getByRole('link', { name: 'Use it from curl' }).click()
    await page.getByRole('button', { name: 'Make a token' }).click()
    const token = await page.locator('.lines code').first().innerText()
    const elsewhere = await page.context().newPage()
    await elsewhere.goto(site.origin)
    await listed(elsewhere, 'hello.txt').waitFor()
    await fromAccountMenu(page, 'Disconnect…')
    const dialog = page.getByRole('dialog', { name: 'Disconnect Driveway?' })
    await dialog.getByText('Files that are in your Drive stay there').waitFor()
    await dialog.getByRole('button', { name: 'Cancel' }).click()
    await fromAccountMenu(page, 'Disconnect…')
    await dialog.getByRole('button', { name: 'Disconnect' }).click()
    await page.getByText('Driveway is disconnected').waitFor()
    expect(page.url()).toBe(`${site.origin}/`)
    const answer = await fetch(`${site.origin}/files`, {
      headers: { authorization: `Bearer ${token}` },
    })
    expect(answer.status).toBe(401)
    expect(trouble).toEqual([])
    await listed(elsewhere, 'Projects').click()
    await elsewhere.getByRole('link', { name: 'Sign in with Google' }).waitFor()
    expect(await elsewhere.getByRole('table').count()).toBe(0)
  }),
)

inBrowser('a permission that is missing now is named, and one link gives it', () =>
  inVisit(async ({ page, trouble }) => {
    const cause = 'Driveway now needs to see all of your Drive.'
    const grant = { state: 'partial', missing: ['drive'], cause, reconnect: '/auth?reconnect=1' }
    const session = { signedIn: true, email: 'ada@example.com', profile: 'full', grant }
    await page.route('**/auth/session', (route) => route.fulfill({ json: session }))
    await page.goto(`${site.origin}/tokens`)
    await page.getByRole('heading', { name: 'A permission is missing' }).waitFor()
    await page.getByText(cause).waitFor()
    const link = page.getByRole('link', { name: 'Give the missing permission' })
    expect(await link.getAttribute('href')).toBe('/auth?reconnect=1&return_to=%2Ftokens')
    expect(trouble).toEqual([])
  }),
)

inBrowser('an old callback address says what to do instead of signing in (case 1)', () =>
  inVisit(async ({ page }) => {
    await page.goto(`${site.origin}/callback?code=4/0abc&state=`)
    await page.getByRole('link', { name: 'Back to Driveway' }).waitFor()
  }),
)
