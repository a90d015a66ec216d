/**
 * Every state of the page on a wide and a narrow window, in light and dark: no horizontal overflow, no
 * touch target that is too small, no axe violations.
 * `SCREENSHOTS=folder npm test -- test/browser/visual` also saves a screenshot of each.
 */
import { expect } from '@jest/globals'
import type { Page } from 'playwright-core'
import { checkPage, screenshotFolder } from './visual-checks.ts'
import {
  setUpTests,
  uploadFiles,
  selectFromAccountMenu,
  goToConsent,
  browserTest,
  fileLink,
  openFileMenu,
  startSite,
  openTab,
} from './fixture.ts'
import type { Site } from './fixture.ts'

const windows = { wide: { width: 1280, height: 800 }, phone: { width: 360, height: 740 } }

let site: Site

setUpTests(
  async () => {},
  async () => {},
)

type Check = (view: string) => Promise<void>

for (const [windowName, viewport] of Object.entries(windows)) {
  browserTest(
    `on a ${windowName} window, every state of the page fits and has no axe violations, in light and dark`,
    async () => {
      site = await startSite(
        { oauth: { alwaysPrompt: true } },
        // The film is sent in one request, which exceeds the limit of a deployed function.
        { MEMORY_BYTES: '16777216', HOSTING: '', MAX_REQUEST_BYTES: 'none' },
      )
      const tab = await openTab({
        viewport,
        reducedMotion: 'reduce',
        deviceScaleFactor: screenshotFolder !== undefined && windowName === 'phone' ? 2 : 1,
      })
      const violations: string[] = []
      const check: Check = async (view) => {
        const pageViolations = await checkPage(tab.page, `${view}-${windowName}`)
        pageViolations.push(...(await tab.page.evaluate(findSmallTargets)))
        violations.push(...pageViolations.map((violation) => `${view}: ${violation}`))
      }
      try {
        await checkSignIn(tab.page, check)
        await checkFiles(tab.page, check)
        await checkUploads(tab.page, check)
        await checkTokens(tab.page, check)
        await checkReconnect(tab.page, check)
      } finally {
        await tab.close()
        await site.close()
      }
      expect(violations).toEqual([])
      expect(
        tab.pageErrors.filter((message) => !message.includes('responded with a status')),
      ).toEqual([])
    },
    180_000,
  )
}

async function checkSignIn(page: Page, check: Check): Promise<void> {
  await page.goto(site.origin)
  await page.getByRole('link', { name: 'Sign in with Google' }).waitFor()
  await check('signed-out')
  await goToConsent(page, site)
  await page.getByRole('button', { name: 'Cancel' }).click()
  await page.getByRole('link', { name: 'Back to Driveway' }).waitFor()
  await check('denied')
  await goToConsent(page, site)
  await page.getByRole('button', { name: 'Continue' }).click()
  await fileLink(page, 'hello.txt').waitFor()
  await check('listing')
}

async function checkFiles(page: Page, check: Check): Promise<void> {
  await openFileMenu(page, 'hello.txt')
  await check('file-menu')
  await page.keyboard.press('Escape')
  await page.getByRole('button', { name: /^Account / }).click()
  await page.getByRole('menu').waitFor()
  await check('account-menu')
  await page.keyboard.press('Escape')
  await page.getByText('You see the names of all files in your Drive').click()
  await check('access')
  await page.getByRole('button', { name: 'New folder' }).click()
  await page.getByLabel('Folder name').fill('Holiday')
  await check('new-folder')
  await page.getByRole('button', { name: 'Create folder' }).click()
  await fileLink(page, 'Holiday').click()
  await page.getByText('This folder is empty').waitFor()
  await check('empty')
  await page.goBack()
  await fileLink(page, 'Projects').click()
  await fileLink(page, 'notes.txt').waitFor()
  await check('closed-folder')
  await page.getByRole('searchbox').fill('plan')
  await page.getByRole('heading', { name: 'Results for “plan”' }).waitFor()
  await fileLink(page, 'The plan').waitFor()
  await check('search')
  await page.getByRole('searchbox').fill('nowhere')
  await page.getByText('No name contains “nowhere”').waitFor()
  await check('no-results')
  site.google.faults.add({ operation: 'drive.files.list', status: 403, times: 1 })
  await page.goto(site.origin)
  await page.getByText('The files cannot be listed').waitFor()
  await check('error')
  await page.getByRole('button', { name: 'Retry' }).click()
  await fileLink(page, 'hello.txt').waitFor()
}

async function checkUploads(page: Page, check: Check): Promise<void> {
  await page.getByRole('button', { name: 'More upload options' }).click()
  await check('upload-menu')
  await page.keyboard.press('Escape')
  await uploadFiles(page, { 'minutes.txt': 'We met.', 'invoices.zip': Buffer.alloc(3_000_000) })
  await page.getByText('2 of 2 in Drive').waitFor()
  // Throttles the film's upload, so that the state uploading can be captured.
  const devtools = await page.context().newCDPSession(page)
  const throttle = (uploadThroughput: number) =>
    devtools.send('Network.emulateNetworkConditions', {
      offline: false,
      latency: 0,
      downloadThroughput: -1,
      uploadThroughput,
    })
  await throttle(4_000_000)
  await uploadFiles(page, { 'A walk along the coast, second take.mp4': Buffer.alloc(40_000_000) })
  await page.locator('.upload-status', { hasText: /of 40 MB · .*\/s/ }).waitFor()
  await check('uploading')
  await throttle(-1)
  await page.getByText('3 of 3 in Drive').waitFor()
  await check('done')
}

async function checkTokens(page: Page, check: Check): Promise<void> {
  await selectFromAccountMenu(page, 'Tokens')
  await page.getByText('You have no tokens').waitFor()
  await page.getByText('Limits').click()
  await check('tokens')
  await page.getByRole('button', { name: 'Create token' }).click()
  await page.getByRole('heading', { name: /^Your token “/ }).waitFor()
  await check('token-created')
  await page.getByRole('button', { name: 'Revoke curl' }).click()
  await check('revoke')
  await page.keyboard.press('Escape')
  await selectFromAccountMenu(page, 'Approve a device')
  await check('device')
  await page.getByLabel('Code').fill('bcdfghjk')
  await page.getByRole('button', { name: 'Next' }).click()
  await page.getByText('The code is unknown or has expired').waitFor()
  await check('device-unknown')
  const response = await fetch(`${site.origin}/auth/device`, {
    method: 'POST',
    body: new URLSearchParams({ client_name: 'backup on nas', scope: 'files:read upload' }),
  })
  const { user_code: code } = (await response.json()) as { user_code: string }
  await page.getByLabel('Code').fill(code)
  await page.getByRole('button', { name: 'Next' }).click()
  await page.getByText('backup on nas').waitFor()
  await check('device-request')
  await page.getByRole('button', { name: 'Approve' }).click()
  await page.getByRole('heading', { name: 'The device is approved' }).waitFor()
  await check('device-approved')
}

async function checkReconnect(page: Page, check: Check): Promise<void> {
  await selectFromAccountMenu(page, 'Disconnect…')
  await check('disconnect')
  await page.keyboard.press('Escape')
  const revoked = await fetch(`${site.google.url}/sandbox/oauth`, {
    method: 'POST',
    body: JSON.stringify({ action: 'revoke', sub: site.user.sub }),
  })
  expect(revoked.ok).toBe(true)
  await selectFromAccountMenu(page, 'My files')
  await page.getByRole('heading', { name: 'Reconnect your Drive' }).waitFor()
  await check('reconnect')
  await page.route('**/auth/session', (route) => route.fulfill({ json: partialSession }))
  await page.goto(site.origin)
  await page.getByRole('heading', { name: 'A permission is missing' }).waitFor()
  await check('partial')
}

/** The session when the operator requires a scope that the user has not granted. */
const partialSession = {
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

/** Finds touch targets below 44 pixels, except links in text and checkboxes inside a label. */
const findSmallTargets = (): string[] =>
  [...document.querySelectorAll<HTMLElement>('button, select, input, a, summary')]
    .filter(
      (node) => node.checkVisibility({ visibilityProperty: true }) && !node.closest('.skip-link'),
    )
    .filter((node) => node.getBoundingClientRect().width > 1) // visually hidden
    .filter((node) => !(node instanceof HTMLInputElement && node.closest('label')))
    .filter((node) => !node.matches('a.name, p a'))
    .filter((node) => node.getBoundingClientRect().height < 43.5)
    .map((node) => `too small: ${node.outerHTML.slice(0, 120)}`)
