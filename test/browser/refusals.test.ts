/** What a person sees who says no, ticks half, or takes it back. */
import { expect } from '@jest/globals'
import {
  aroundTests,
  goToConsent,
  choose,
  inBrowser,
  refused,
  signIn,
  startSite,
  visit,
} from './kit.ts'
import type { Site, Visit } from './kit.ts'

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

inBrowser('a box unticked leads to words, and the next sign-in asks for all of it again', () =>
  inVisit(async ({ page, trouble }) => {
    await goToConsent(page, site)
    await page.getByRole('checkbox').last().uncheck()
    await page.getByRole('button', { name: 'Continue' }).click()
    await page.getByRole('heading', { name: 'Driveway needs every permission' }).waitFor()
    await page.getByText('leave every box ticked').waitFor()
    expect(trouble).toEqual([refused(403)])
    await page.getByRole('link', { name: 'Sign in with Google' }).click()
    await page.getByRole('button', { name: site.person.email }).click()
    await page.getByRole('button', { name: 'Continue' }).click()
    await page.getByRole('heading', { name: 'My Drive' }).waitFor()
  }),
)

inBrowser('a folder that Google closes to Driveway says so on the upload', () =>
  inVisit(async ({ page, trouble }) => {
    await signIn(page, site)
    await page.getByRole('link', { name: 'Photos' }).click()
    await page.getByText('Nothing here yet').waitFor()
    await choose(page, { 'a.txt': 'not here' })
    await page
      .locator('.upload-words', { hasText: 'Driveway may write to My Drive itself' })
      .waitFor()
    expect(await page.locator('.upload').getAttribute('data-state')).toBe('failed')
    expect(trouble).toEqual([refused(403)])
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
    await page.getByRole('button', { name: site.person.email }).click()
    await page.getByRole('button', { name: 'Continue' }).click()
    await page.getByRole('link', { name: 'hello.txt' }).waitFor()
  }),
)

inBrowser('an old callback address says what to do instead of signing in (case 1)', () =>
  inVisit(async ({ page }) => {
    await page.goto(`${site.origin}/callback?code=4/0abc&state=`)
    await page.getByRole('link', { name: 'Back to Driveway' }).waitFor()
  }),
)
