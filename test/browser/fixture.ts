/** A real browser at a real Driveway: the built server in a process of its own, a sandbox beside it. */
import { afterAll, beforeAll, expect, test } from '@jest/globals'
import type { Browser, BrowserContextOptions, Locator, Page } from 'playwright-core'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Google, GoogleOptions } from '../../infra/sandbox/index.ts'
import { startGoogle } from '../../infra/sandbox/index.ts'
import { end, environment, freePort, run } from '../kit/process.ts'
import { launchChromium } from './chromium.ts'

const launched = await launchChromium()
if (typeof launched === 'string') console.warn(`No browser for these tests: ${launched}`)

/** The browser of this test file; only for use inside of `inBrowser`. */
export const browser = launched as Browser

/** Reported as skipped, with the reason, where no browser runs. */
export function inBrowser(name: string, body: () => Promise<void>, patience = 60_000): void {
  if (typeof launched === 'string') test.skip(`${name} (no browser: ${launched})`, body)
  else test(name, body, patience)
}

/** Folders of files that were chosen for uploading. */
const chosen: string[] = []

/** Before and after the tests of a file, where there is a browser to test with. */
export function aroundTests(before: () => Promise<void>, after: () => Promise<void>): void {
  if (typeof launched === 'string') return
  beforeAll(before, 60_000)
  afterAll(async () => {
    await after()
    await launched.close()
    for (const folder of chosen.splice(0)) await rm(folder, { recursive: true })
  })
}

export interface Site {
  origin: string
  google: Google
  /** The first person of the sandbox. */
  person: { sub: string; email: string }
  close(): Promise<void>
}

const asDeployed = { HOSTING: 'strict', MAX_REQUEST_BYTES: String(32 * 1024 * 1024) }

/**
 * Starts the built server (`npm run build`) as `npm start` does, with all limits of Hosting and of
 * a deployed function.
 *
 * @param env further settings of the gateway
 */
export async function startSite(
  options: Partial<GoogleOptions> = {},
  env: Record<string, string> = {},
): Promise<Site> {
  const port = await freePort()
  const origin = `http://localhost:${port}`
  const google = await startGoogle({ publicUrl: origin, ...options })
  const server = run(process.execPath, ['dist/local/server.mjs'], {
    env: environment({ ...google.env, ...asDeployed, ...env, PORT: String(port) }),
    ipc: true,
  })
  await new Promise((resolve, reject) => {
    server.child.once('message', resolve)
    void server.ended.then((code) =>
      reject(new Error(`No server (${code}), is it built? ${server.output}`)),
    )
  })
  const { sub = '', email = '' } = google.oauth.users[0] ?? {}
  return {
    origin,
    google,
    person: { sub, email },
    async close() {
      await end(server)
      await google.close()
    },
  }
}

export interface Visit {
  page: Page
  /** What no visit may bring: errors in the console, broken rules of the page's policy, dialogs. */
  trouble: string[]
  close(): Promise<void>
}

/** Somebody new at the door: no cookies yet. */
export async function visit(options: BrowserContextOptions = {}): Promise<Visit> {
  const context = await browser.newContext({
    viewport: { width: 1280, height: 800 },
    locale: 'en-GB',
    ...options,
  })
  context.setDefaultTimeout(20_000)
  const trouble: string[] = []
  await context.addInitScript(() => {
    document.addEventListener('securitypolicyviolation', ({ violatedDirective, blockedURI }) =>
      console.error(`policy broken: ${violatedDirective} ${blockedURI}`),
    )
  })
  context.on('console', (message) => {
    if (['error', 'warning'].includes(message.type())) {
      trouble.push(`${message.text()} (${message.location().url})`)
    }
  })
  context.on('weberror', (error) => trouble.push(String(error.error())))
  context.on('dialog', (dialog) => {
    trouble.push(`dialog: ${dialog.message()}`)
    void dialog.dismiss()
  })
  context.on('request', (request) => {
    const { protocol, hostname } = new URL(request.url())
    if (protocol.startsWith('http') && !['localhost', '127.0.0.1'].includes(hostname)) {
      trouble.push(`left this machine: ${request.url()}`)
    }
  })
  const page = await context.newPage()
  return { page, trouble, close: () => context.close() }
}

/** From the page to Google's, where a person has been chosen already. */
export async function goToConsent(page: Page, { origin, person }: Site): Promise<void> {
  await page.goto(origin)
  await page.getByRole('link', { name: 'Sign in with Google' }).click()
  await page.getByRole('button', { name: person.email }).click()
  await page.getByRole('button', { name: 'Continue' }).waitFor()
}

/** From the page through the consent page, and back. */
export async function signIn(page: Page, site: Site): Promise<void> {
  await goToConsent(page, site)
  await page.getByRole('button', { name: 'Continue' }).click()
  await page.getByRole('heading', { level: 1, name: 'My Drive' }).waitFor()
  await page.getByRole('table').getByRole('link').first().waitFor()
}

/** Opens the menu of the person who is signed in, and presses one of its items. */
export async function fromAccountMenu(page: Page, item: string | RegExp): Promise<void> {
  await page.getByRole('button', { name: /^Account / }).click()
  await page.getByRole('menuitem', { name: item }).click()
}

export async function signOut(page: Page): Promise<void> {
  await fromAccountMenu(page, 'Sign out')
  await page.getByRole('link', { name: 'Sign in with Google' }).waitFor()
}

/** Opens the menu of a file in the list. */
export async function openMenuOf(page: Page, name: string): Promise<Locator> {
  await page.getByRole('button', { name: `Actions for ${name}`, exact: true }).click()
  return page.getByRole('menu')
}

/** What Chromium itself says in the console about an answer that is an error. */
export const refused = (status: number): unknown =>
  expect.stringContaining(`responded with a status of ${status}`)

/** Chooses files for the page's control; the browser reads them from a folder as a person's would. */
export async function choose(page: Page, files: Record<string, Buffer | string>): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'driveway-chosen-'))
  chosen.push(folder)
  const paths = Object.keys(files).map((name) => join(folder, name))
  for (const [name, content] of Object.entries(files)) await writeFile(join(folder, name), content)
  await page.locator('input[type=file][multiple]').first().setInputFiles(paths)
}

/** The link of a file in the table. */
export function listed(page: Page, name: string): Locator {
  return page.getByRole('table').getByRole('link', { name, exact: true })
}
