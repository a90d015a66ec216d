/** `<driveway-upload>` signs a visitor in by redirects with PKCE. */
import { expect, jest } from '@jest/globals'
import { createHash } from 'node:crypto'
import { join } from 'node:path'
import type { Page } from 'playwright-core'
import {
  waitForPersistedFiles,
  pickFiles,
  waitForPersistedMetadata,
  waitForState,
  startDemoSite,
  withFiles,
} from './demo-fixture.ts'
import type { DemoSite } from './demo-fixture.ts'
import { setUpTests, browserTest, consoleErrorFor, openTab } from './fixture.ts'

jest.setTimeout(60_000)

let site: DemoSite

setUpTests(
  async () => {
    site = await startDemoSite()
  },
  () => site.close(),
)

interface RecordedSignIn {
  authorization: URL
  exchange: URLSearchParams
  origin: string | undefined
}

/** Mocks the gateway's sign-in, which succeeds immediately, and records its requests. */
async function mockSignIn(page: Page, status = 200): Promise<Partial<RecordedSignIn>> {
  const recorded: Partial<RecordedSignIn> = {}
  const isSignIn = ({ origin, pathname }: URL) => origin === site.origin && pathname === '/auth'
  await page.route(isSignIn, (route) => {
    recorded.authorization = new URL(route.request().url())
    const returnTo = recorded.authorization.searchParams.get('return_to') ?? ''
    // Playwright cannot fulfill a route with a redirect to another origin.
    const body = `<script>location.replace(${JSON.stringify(`${returnTo}#code=the-code`)})</script>`
    return route.fulfill({ contentType: 'text/html', body })
  })
  await page.route(`${site.origin}/auth/token`, async (route) => {
    recorded.exchange = new URLSearchParams(route.request().postData() ?? '')
    recorded.origin = route.request().headers()['origin']
    const body = { access_token: site.token, token_type: 'Bearer', expires_in: 3600 }
    await route.fulfill({
      status,
      headers: { 'access-control-allow-origin': site.demo },
      json:
        status === 200
          ? body
          : { title: 'The code is invalid or used. Request a new one.', code: 'invalid_grant' },
    })
  })
  return recorded
}

browserTest('a visitor returns to the same URL after sign-in and stays signed in for the tab', () =>
  withFiles({ 'hello.txt': 'from elsewhere' }, async (folder) => {
    const { page, pageErrors, close } = await openTab()
    const recorded = await mockSignIn(page)
    await page.goto(`${site.demo}/?a=b`)
    await page.getByRole('button', { name: 'Sign in with Google' }).click()
    await page.getByText(`Signed in as ${site.user.email}`).waitFor()
    expect(page.url()).toBe(`${site.demo}/?a=b`)

    const query = recorded.authorization?.searchParams
    expect(query?.get('return_to')).toBe(`${site.demo}/?a=b`)
    expect(query?.get('code_challenge_method')).toBe('S256')
    const verifier = recorded.exchange?.get('code_verifier') ?? ''
    expect(verifier).toMatch(/^[\w-]{43}$/)
    const challenge = createHash('sha256').update(verifier).digest('base64url')
    expect(query?.get('code_challenge')).toBe(challenge)
    expect(recorded.exchange?.get('grant_type')).toBe('authorization_code')
    expect([recorded.exchange?.get('code'), recorded.origin]).toEqual(['the-code', site.demo])

    await page.reload()
    await page.getByText(`Signed in as ${site.user.email}`).waitFor()
    await pickFiles(page, join(folder, 'hello.txt'))
    await waitForState(page, 'hello.txt', 'stored')
    expect(pageErrors).toEqual([])
    await close()
  }),
)

browserTest(
  'the element keeps the page’s own URL fragment when no sign-in is pending',
  async () => {
    const { page, close } = await openTab()
    await page.goto(`${site.demo}/#code=a-page-of-its-own`)
    await page.getByRole('button', { name: 'Sign in with Google' }).waitFor()
    expect(page.url()).toBe(`${site.demo}/#code=a-page-of-its-own`)
    await close()
  },
)

browserTest(
  'the element shows the error and a retry button when the gateway rejects the code',
  async () => {
    const { page, pageErrors, close } = await openTab()
    await mockSignIn(page, 400)
    await page.goto(site.demo)
    await page.getByRole('button', { name: 'Sign in with Google' }).click()
    await page.getByText('The code is invalid or used. Request a new one.').waitFor()
    expect(pageErrors).toEqual([consoleErrorFor(400)])
    await page.getByRole('button', { name: 'Retry' }).click()
    await page.getByRole('button', { name: 'Sign in with Google' }).waitFor()
    await close()
  },
)

browserTest(
  'the element requests sign-in when the bearer has expired, and keeps uploads on hold',
  () =>
    withFiles({ 'on hold.bin': Buffer.alloc(6_000_000, 'on hold ') }, async (folder) => {
      const { page, close } = await openTab()
      await mockSignIn(page)
      await page.goto(site.demo)
      await page.getByRole('button', { name: 'Sign in with Google' }).click()
      await page.getByText(`Signed in as ${site.user.email}`).waitFor()
      const refusal = {
        title: 'Authentication is required. Sign in with Google.',
        code: 'login_required',
        retryable: false,
      }
      await page.route(`${site.origin}/upload/tus`, (route) =>
        route.request().method() === 'POST'
          ? route.fulfill({
              status: 401,
              headers: { 'access-control-allow-origin': site.demo },
              json: refusal,
            })
          : route.continue(),
      )
      await pickFiles(page, join(folder, 'on hold.bin'))
      await page.getByText('Waiting until you are signed in').waitFor()
      await page.unroute(`${site.origin}/upload/tus`)
      await waitForPersistedFiles(page, 1)
      await waitForPersistedMetadata(page, 'on hold.bin')
      await page.getByRole('button', { name: 'Sign in with Google' }).click()
      await waitForState(page, 'on hold.bin', 'stored')
      await close()
    }),
)

browserTest('a visitor signs in through the gateway and Google, uploads a file and signs out', () =>
  withFiles({ 'for real.txt': 'signed in on another site' }, async (folder) => {
    const { page, pageErrors, close } = await openTab()
    await page.goto(site.demo)
    await page.getByRole('button', { name: 'Sign in with Google' }).click()
    await page.getByRole('button', { name: site.user.email }).click()
    await page.getByText(`Signed in as ${site.user.email}`).waitFor()
    expect(page.url()).toBe(`${site.demo}/`)
    await pickFiles(page, join(folder, 'for real.txt'))
    await waitForState(page, 'for real.txt', 'stored')
    await page.getByRole('button', { name: 'Sign out' }).click()
    await page.getByRole('button', { name: 'Sign in with Google' }).waitFor()
    expect(await page.evaluate(() => sessionStorage.length)).toBe(0)
    expect(pageErrors).toEqual([])
    await close()
  }),
)
