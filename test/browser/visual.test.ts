/**
 * Every state of the page on a wide and a narrow window, light and dark: nothing sticks out
 * sideways, nothing to press is too small for a finger, and axe finds nothing.
 * `SCREENSHOTS=folder npm test -- test/browser/looks` also keeps a picture of each.
 */
import { expect } from '@jest/globals'
import type { Page } from 'playwright-core'
import { lookAt, pictures } from './visual-checks.ts'
import {
  aroundTests,
  choose,
  fromAccountMenu,
  goToConsent,
  inBrowser,
  listed,
  openMenuOf,
  startSite,
  visit,
} from './fixture.ts'
import type { Site } from './fixture.ts'

const windows = { wide: { width: 1280, height: 800 }, phone: { width: 360, height: 740 } }

let site: Site

aroundTests(
  async () => {},
  async () => {},
)

type Look = (view: string) => Promise<void>

for (const [shape, viewport] of Object.entries(windows)) {
  inBrowser(
    `on a ${shape} window, light and dark, every state fits and is accessible`,
    async () => {
      site = await startSite(
        { oauth: { alwaysAsk: true } },
        // The film goes in one request, which is larger than a deployed function may be sent.
        { MEMORY_BYTES: '16777216', HOSTING: '', MAX_REQUEST_BYTES: 'none' },
      )
      const here = await visit({
        viewport,
        reducedMotion: 'reduce',
        deviceScaleFactor: pictures !== undefined && shape === 'phone' ? 2 : 1,
      })
      const flaws: string[] = []
      const look: Look = async (view) => {
        const found = await lookAt(here.page, `${view}-${shape}`)
        found.push(...(await here.page.evaluate(tooSmall)))
        flaws.push(...found.map((flaw) => `${view}: ${flaw}`))
      }
      try {
        await seeSigningIn(here.page, look)
        await seeFiles(here.page, look)
        await seeUploads(here.page, look)
        await seeTokens(here.page, look)
        await seeEnds(here.page, look)
      } finally {
        await here.close()
        await site.close()
      }
      expect(flaws).toEqual([])
      expect(here.trouble.filter((words) => !words.includes('responded with a status'))).toEqual([])
    },
    180_000,
  )
}

async function seeSigningIn(page: Page, look: Look): Promise<void> {
  await page.goto(site.origin)
  await page.getByRole('link', { name: 'Sign in with Google' }).waitFor()
  await look('signed-out')
  await goToConsent(page, site)
  await page.getByRole('button', { name: 'Cancel' }).click()
  await page.getByRole('link', { name: 'Back to Driveway' }).waitFor()
  await look('denied')
  await goToConsent(page, site)
  await page.getByRole('button', { name: 'Continue' }).click()
  await listed(page, 'hello.txt').waitFor()
  await look('listing')
}

async function seeFiles(page: Page, look: Look): Promise<void> {
  await openMenuOf(page, 'hello.txt')
  await look('file-menu')
  await page.keyboard.press('Escape')
  await page.getByRole('button', { name: /^Account / }).click()
  await page.getByRole('menu').waitFor()
  await look('account-menu')
  await page.keyboard.press('Escape')
  await page.getByText('You see everything in your Drive').click()
  await look('access')
  await page.getByRole('button', { name: 'New folder' }).click()
  await page.getByLabel('Name of the folder').fill('Holiday')
  await look('new-folder')
  await page.getByRole('button', { name: 'Make folder' }).click()
  await listed(page, 'Holiday').click()
  await page.getByText('Nothing here yet').waitFor()
  await look('empty')
  await page.goBack()
  await listed(page, 'Projects').click()
  await listed(page, 'notes.txt').waitFor()
  await look('closed-folder')
  await page.getByRole('searchbox').fill('plan')
  await page.getByRole('heading', { name: 'Results for “plan”' }).waitFor()
  await listed(page, 'The plan').waitFor()
  await look('search')
  await page.getByRole('searchbox').fill('nowhere')
  await page.getByText('Nothing has “nowhere” in its name').waitFor()
  await look('nothing-found')
  site.google.faults.add({ operation: 'drive.files.list', status: 403, times: 1 })
  await page.goto(site.origin)
  await page.getByText('The files could not be listed').waitFor()
  await look('trouble')
  await page.getByRole('button', { name: 'Retry' }).click()
  await listed(page, 'hello.txt').waitFor()
}

async function seeUploads(page: Page, look: Look): Promise<void> {
  await page.getByRole('button', { name: 'More ways to upload' }).click()
  await look('upload-menu')
  await page.keyboard.press('Escape')
  await choose(page, { 'minutes.txt': 'We met.', 'invoices.zip': Buffer.alloc(3_000_000) })
  await page.getByText('2 of 2 in Drive').waitFor()
  // A connection that takes its time with the film: the picture is taken meanwhile.
  const devtools = await page.context().newCDPSession(page)
  const throttle = (uploadThroughput: number) =>
    devtools.send('Network.emulateNetworkConditions', {
      offline: false,
      latency: 0,
      downloadThroughput: -1,
      uploadThroughput,
    })
  await throttle(4_000_000)
  await choose(page, { 'A walk along the coast, second take.mp4': Buffer.alloc(40_000_000) })
  await page.locator('.upload-words', { hasText: /of 40 MB · .*\/s/ }).waitFor()
  await look('uploading')
  await throttle(-1)
  await page.getByText('3 of 3 in Drive').waitFor()
  await look('done')
}

async function seeTokens(page: Page, look: Look): Promise<void> {
  await fromAccountMenu(page, 'Tokens')
  await page.getByText('There are none').waitFor()
  await page.getByText('Limits').click()
  await look('tokens')
  await page.getByRole('button', { name: 'Make a token' }).click()
  await page.getByRole('heading', { name: /^Your token “/ }).waitFor()
  await look('token-made')
  await page.getByRole('button', { name: 'Revoke curl' }).click()
  await look('revoke')
  await page.keyboard.press('Escape')
  await fromAccountMenu(page, 'Approve a device')
  await look('device')
  await page.getByLabel('Code').fill('bcdfghjk')
  await page.getByRole('button', { name: 'Next' }).click()
  await page.getByText('There is no such code').waitFor()
  await look('device-unknown')
  const asked = await fetch(`${site.origin}/auth/device`, {
    method: 'POST',
    body: new URLSearchParams({ client_name: 'backup on nas', scope: 'files:read upload' }),
  })
  const { user_code: code } = (await asked.json()) as { user_code: string }
  await page.getByLabel('Code').fill(code)
  await page.getByRole('button', { name: 'Next' }).click()
  await page.getByText('backup on nas').waitFor()
  await look('device-asks')
  await page.getByRole('button', { name: 'Approve' }).click()
  await page.getByRole('heading', { name: 'The device is approved' }).waitFor()
  await look('device-approved')
}

async function seeEnds(page: Page, look: Look): Promise<void> {
  await fromAccountMenu(page, 'Disconnect…')
  await look('disconnect')
  await page.keyboard.press('Escape')
  const revoked = await fetch(`${site.google.url}/sandbox/oauth`, {
    method: 'POST',
    body: JSON.stringify({ action: 'revoke', sub: site.person.sub }),
  })
  expect(revoked.ok).toBe(true)
  await fromAccountMenu(page, 'My files')
  await page.getByRole('heading', { name: 'Reconnect your Drive' }).waitFor()
  await look('reconnect')
  await page.route('**/auth/session', (route) => route.fulfill({ json: partial }))
  await page.goto(site.origin)
  await page.getByRole('heading', { name: 'A permission is missing' }).waitFor()
  await look('partial')
}

/** What the gateway says where the operator has begun to ask for more than a person gave. */
const partial = {
  signedIn: true,
  email: 'ada@example.com',
  profile: 'full',
  grant: {
    state: 'partial',
    missing: ['https://www.googleapis.com/auth/drive'],
    cause: 'Driveway now needs the permission to open all of your Drive.',
    reconnect: '/auth?reconnect=1',
  },
}

/** What a finger needs: 44 pixels, for all but links in running text and boxes inside of a label. */
const tooSmall = (): string[] =>
  [...document.querySelectorAll<HTMLElement>('button, select, input, a, summary')]
    .filter((node) => node.checkVisibility({ visibilityProperty: true }) && !node.closest('.skip'))
    .filter((node) => node.getBoundingClientRect().width > 1) // shown to those who listen only
    .filter((node) => !(node instanceof HTMLInputElement && node.closest('label')))
    .filter((node) => !node.matches('a.name, p a'))
    .filter((node) => node.getBoundingClientRect().height < 43.5)
    .map((node) => `too small: ${node.outerHTML.slice(0, 120)}`)
