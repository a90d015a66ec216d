/** `<driveway-upload>` signs its visitor in: there and back by redirects, with PKCE. */
import { expect, jest } from '@jest/globals'
import { createHash } from 'node:crypto'
import { join } from 'node:path'
import type { Page } from 'playwright-core'
import { keeps, pick, remembers, stands, startDemoSite, withFiles } from './demo-fixture.ts'
import type { DemoSite } from './demo-fixture.ts'
import { aroundTests, inBrowser, refused, visit } from './fixture.ts'

jest.setTimeout(60_000)

let site: DemoSite

aroundTests(
  async () => {
    site = await startDemoSite()
  },
  () => site.close(),
)

interface Asked {
  authorization: URL
  exchange: URLSearchParams
  origin: string | undefined
}

/** A gateway's sign-in that lets everybody in at once, and writes down what it heard. */
async function standIn(page: Page, status = 200): Promise<Partial<Asked>> {
  const asked: Partial<Asked> = {}
  const isSignIn = ({ origin, pathname }: URL) => origin === site.origin && pathname === '/auth'
  await page.route(isSignIn, (route) => {
    asked.authorization = new URL(route.request().url())
    const back = asked.authorization.searchParams.get('return_to') ?? ''
    // Playwright passes on no redirect of its own.
    const body = `<script>location.replace(${JSON.stringify(`${back}#code=the-code`)})</script>`
    return route.fulfill({ contentType: 'text/html', body })
  })
  await page.route(`${site.origin}/auth/token`, async (route) => {
    asked.exchange = new URLSearchParams(route.request().postData() ?? '')
    asked.origin = route.request().headers()['origin']
    const body = { access_token: site.token, token_type: 'Bearer', expires_in: 3600 }
    await route.fulfill({
      status,
      headers: { 'access-control-allow-origin': site.demo },
      json: status === 200 ? body : { title: 'This sign-in is over', code: 'invalid_grant' },
    })
  })
  return asked
}

inBrowser(
  'a visitor signs in, comes back to the same address, and stays signed in for the tab',
  () =>
    withFiles({ 'hello.txt': 'from elsewhere' }, async (folder) => {
      const { page, trouble, close } = await visit()
      const asked = await standIn(page)
      await page.goto(`${site.demo}/?a=b`)
      await page.getByRole('button', { name: 'Sign in with Google' }).click()
      await page.getByText(`Signed in as ${site.person.email}`).waitFor()
      expect(page.url()).toBe(`${site.demo}/?a=b`)

      const query = asked.authorization?.searchParams
      expect(query?.get('return_to')).toBe(`${site.demo}/?a=b`)
      expect(query?.get('code_challenge_method')).toBe('S256')
      const verifier = asked.exchange?.get('code_verifier') ?? ''
      expect(verifier).toMatch(/^[\w-]{43}$/)
      const challenge = createHash('sha256').update(verifier).digest('base64url')
      expect(query?.get('code_challenge')).toBe(challenge)
      expect(asked.exchange?.get('grant_type')).toBe('authorization_code')
      expect([asked.exchange?.get('code'), asked.origin]).toEqual(['the-code', site.demo])

      await page.reload()
      await page.getByText(`Signed in as ${site.person.email}`).waitFor()
      await pick(page, join(folder, 'hello.txt'))
      await stands(page, 'hello.txt', 'stored')
      expect(trouble).toEqual([])
      await close()
    }),
)

inBrowser('a page’s own fragment is left alone where nobody has gone to sign in', async () => {
  const { page, close } = await visit()
  await page.goto(`${site.demo}/#code=a-page-of-its-own`)
  await page.getByRole('button', { name: 'Sign in with Google' }).waitFor()
  expect(page.url()).toBe(`${site.demo}/#code=a-page-of-its-own`)
  await close()
})

inBrowser('a code that is not taken leads to words, and to another try', async () => {
  const { page, trouble, close } = await visit()
  await standIn(page, 400)
  await page.goto(site.demo)
  await page.getByRole('button', { name: 'Sign in with Google' }).click()
  await page.getByText('This sign-in is over').waitFor()
  expect(trouble).toEqual([refused(400)])
  await page.getByRole('button', { name: 'Retry' }).click()
  await page.getByRole('button', { name: 'Sign in with Google' }).waitFor()
  await close()
})

inBrowser('a bearer that has ended asks to sign in again; what is under way waits for it', () =>
  withFiles({ 'patient.bin': Buffer.alloc(6_000_000, 'patience') }, async (folder) => {
    const { page, close } = await visit()
    await standIn(page)
    await page.goto(site.demo)
    await page.getByRole('button', { name: 'Sign in with Google' }).click()
    await page.getByText(`Signed in as ${site.person.email}`).waitFor()
    const refusal = { title: 'Sign in with Google first', code: 'login_required', retryable: false }
    await page.route(`${site.origin}/upload/tus`, (route) =>
      route.request().method() === 'POST'
        ? route.fulfill({
            status: 401,
            headers: { 'access-control-allow-origin': site.demo },
            json: refusal,
          })
        : route.continue(),
    )
    await pick(page, join(folder, 'patient.bin'))
    await page.getByText('Waiting until you are signed in').waitFor()
    await page.unroute(`${site.origin}/upload/tus`)
    await keeps(page, 1)
    await remembers(page, 'patient.bin')
    await page.getByRole('button', { name: 'Sign in with Google' }).click()
    await stands(page, 'patient.bin', 'stored')
    await close()
  }),
)

inBrowser('the real sign-in: to the gateway, to Google, and back to the page', () =>
  withFiles({ 'for real.txt': 'signed in on another site' }, async (folder) => {
    const { page, trouble, close } = await visit()
    await page.goto(site.demo)
    await page.getByRole('button', { name: 'Sign in with Google' }).click()
    await page.getByRole('button', { name: site.person.email }).click()
    await page.getByText(`Signed in as ${site.person.email}`).waitFor()
    expect(page.url()).toBe(`${site.demo}/`)
    await pick(page, join(folder, 'for real.txt'))
    await stands(page, 'for real.txt', 'stored')
    await page.getByRole('button', { name: 'Sign out' }).click()
    await page.getByRole('button', { name: 'Sign in with Google' }).waitFor()
    expect(await page.evaluate(() => sessionStorage.length)).toBe(0)
    expect(trouble).toEqual([])
    await close()
  }),
)
