/** Denied consent, missing permissions, revoked grants and disconnecting. */
import { expect } from '@jest/globals'
import {
  setUpTests,
  selectFromAccountMenu,
  goToConsent,
  browserTest,
  fileLink,
  consoleErrorFor,
  signIn,
  startSite,
  openTab,
} from './fixture.ts'
import type { Site, Tab } from './fixture.ts'

let site: Site

setUpTests(
  async () => {
    site = await startSite({ oauth: { alwaysPrompt: true } })
  },
  () => site.close(),
)

async function withTab(body: (openTab: Tab) => Promise<void>): Promise<void> {
  const tab = await openTab()
  await body(tab)
  await tab.close()
}

browserTest('cancelling the consent page shows an explanation and a link back', () =>
  withTab(async ({ page, pageErrors }) => {
    await goToConsent(page, site)
    await page.getByRole('button', { name: 'Cancel' }).click()
    await page
      .getByRole('heading', { name: 'Google permission was denied. Start again to grant it.' })
      .waitFor()
    expect(pageErrors).toEqual([consoleErrorFor(403)])
    await page.getByRole('link', { name: 'Back to Driveway' }).click()
    await page.getByRole('link', { name: 'Sign in with Google' }).waitFor()
    expect(page.url()).toBe(`${site.origin}/`)
  }),
)

browserTest(
  'an unticked permission shows an explanation, and the next sign-in requests it again',
  () =>
    withTab(async ({ page, pageErrors }) => {
      await goToConsent(page, site)
      await page.getByRole('checkbox').last().uncheck()
      await page.getByRole('button', { name: 'Continue' }).click()
      await page
        .getByRole('heading', { name: 'A required permission was not granted. See detail.' })
        .waitFor()
      await page.getByText('A permission was not granted at Google').waitFor()
      expect(pageErrors).toEqual([consoleErrorFor(403)])
      await page.getByRole('link', { name: 'Sign in with Google' }).click()
      await page.getByRole('button', { name: site.user.email }).click()
      await page.getByRole('button', { name: 'Continue' }).click()
      await page.getByRole('heading', { name: 'My Drive' }).waitFor()
    }),
)

browserTest('a read-only folder shows a message and no upload button', () =>
  withTab(async ({ page, pageErrors }) => {
    await signIn(page, site)
    const upload = page.getByRole('button', { name: 'Upload files' })
    await upload.waitFor()
    await fileLink(page, 'Photos').click()
    await page.getByText('Driveway cannot add files here').waitFor()
    await page.getByText('Driveway cannot add files to this folder').click()
    await page.getByText('ACCESS_PROFILE=full').waitFor()
    expect(await upload.isVisible()).toBe(false)
    await page.reload() // the folder’s capabilities are kept
    await page.getByText('Driveway cannot add files here').waitFor()
    expect(await upload.isVisible()).toBe(false)
    expect(pageErrors).toEqual([])
  }),
)

browserTest('a revoked grant shows its cause and a link to reconnect', () =>
  withTab(async ({ page, pageErrors }) => {
    await signIn(page, site)
    const revoked = await fetch(`${site.google.url}/sandbox/oauth`, {
      method: 'POST',
      body: JSON.stringify({ action: 'revoke', sub: site.user.sub }),
    })
    expect(revoked.ok).toBe(true)
    await page.getByRole('link', { name: 'Projects' }).click()
    await page.getByRole('heading', { name: 'Reconnect your Drive' }).waitFor()
    expect(await page.locator('.reconnect-cause').innerText()).toMatch(/\w+ \w+/)
    expect(pageErrors).toEqual([consoleErrorFor(401)])
    await page.getByRole('link', { name: 'Reconnect with Google' }).click()
    // The account is known, so Google shows no account chooser.
    await page.getByRole('button', { name: 'Continue' }).click()
    await fileLink(page, 'notes.txt').waitFor() // returns to the open folder
  }),
)

browserTest(
  'disconnecting asks for confirmation, then ends all sessions and tokens of the account',
  () =>
    withTab(async ({ page, pageErrors }) => {
      await signIn(page, site)
      await page.getByRole('link', { name: 'Use it from curl' }).click()
      await page.getByRole('button', { name: 'Create token' }).click()
      const token = await page.locator('.snippets code').first().innerText()
      const otherTab = await page.context().newPage()
      await otherTab.goto(site.origin)
      await fileLink(otherTab, 'hello.txt').waitFor()
      await selectFromAccountMenu(page, 'Disconnect…')
      const dialog = page.getByRole('dialog', { name: 'Disconnect Driveway?' })
      await dialog.getByText('Files in your Drive are kept').waitFor()
      await dialog.getByRole('button', { name: 'Cancel' }).click()
      await selectFromAccountMenu(page, 'Disconnect…')
      await dialog.getByRole('button', { name: 'Disconnect' }).click()
      await page.getByText('Driveway is disconnected').waitFor()
      expect(page.url()).toBe(`${site.origin}/`)
      const response = await fetch(`${site.origin}/files`, {
        headers: { authorization: `Bearer ${token}` },
      })
      expect(response.status).toBe(401)
      expect(pageErrors).toEqual([])
      await fileLink(otherTab, 'Projects').click()
      await otherTab.getByRole('link', { name: 'Sign in with Google' }).waitFor()
      expect(await otherTab.getByRole('table').count()).toBe(0)
    }),
)

browserTest('a partial grant shows the missing permission and a link to grant it', () =>
  withTab(async ({ page, pageErrors }) => {
    const cause = 'Driveway now needs to see all of your Drive.'
    const grant = { state: 'partial', missing: ['drive'], cause, reconnect: '/auth?reconnect=1' }
    const session = { signedIn: true, email: 'ada@example.com', profile: 'full', grant }
    await page.route('**/auth/session', (route) => route.fulfill({ json: session }))
    await page.goto(`${site.origin}/tokens`)
    await page.getByRole('heading', { name: 'A permission is missing' }).waitFor()
    await page.getByText(cause).waitFor()
    const link = page.getByRole('link', { name: 'Grant the missing permission' })
    expect(await link.getAttribute('href')).toBe('/auth?reconnect=1&return_to=%2Ftokens')
    expect(pageErrors).toEqual([])
  }),
)

browserTest('a callback URL without valid state shows an error page with a link back', () =>
  withTab(async ({ page }) => {
    await page.goto(`${site.origin}/callback?code=4/0abc&state=`)
    await page.getByRole('link', { name: 'Back to Driveway' }).waitFor()
  }),
)
