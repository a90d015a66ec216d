/** Browser tests against the built server in its own process and the Google sandbox. */
import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { chromium } from 'playwright-core'
import type { Browser, BrowserContextOptions, Locator, Page } from 'playwright-core'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Google, GoogleOptions } from '../../infra/sandbox/index.ts'
import { startGoogle } from '../../infra/sandbox/index.ts'
import { end, environment, freePort, run } from '../kit/process.ts'
import { signingKeys } from '../kit/signing-keys.ts'

const { endpoints, reason = '' } = JSON.parse(process.env['CHROMIUM'] ?? '{"endpoints":[]}') as {
  endpoints: string[]
  reason?: string
}
const endpoint = endpoints[Number(process.env['JEST_WORKER_ID'] ?? 1) % endpoints.length]
if (endpoint === undefined) console.warn(`No browser for these tests: ${reason}`)

/** The browser of this worker; for use inside `browserTest` only. Each test opens its own context. */
export const browser = (
  endpoint === undefined ? undefined : await chromium.connect(endpoint)
) as Browser

/** A test that is skipped, with the reason, when no browser is available. */
export function browserTest(name: string, body: () => Promise<void>, timeoutMs = 60_000): void {
  if (endpoint === undefined) test.skip(`${name} (no browser: ${reason})`, body)
  else test(name, body, timeoutMs)
}

/** Folders of uploaded files, removed after the tests. */
const temporaryFolders: string[] = []

/** Runs hooks before and after the tests of a file, when a browser is available. */
export function setUpTests(before: () => Promise<void>, after: () => Promise<void>): void {
  if (endpoint === undefined) return
  beforeAll(before, 60_000)
  afterAll(async () => {
    await after()
    await browser.close() // disconnects
    for (const folder of temporaryFolders.splice(0)) await rm(folder, { recursive: true })
  })
}

export interface Site {
  origin: string
  google: Google
  /** The first account of the sandbox. */
  user: { sub: string; email: string }
  close(): Promise<void>
}

const deployedEnv = { HOSTING: 'strict', MAX_REQUEST_BYTES: String(32 * 1024 * 1024) }

/**
 * Starts the built server (`npm run build`) as `npm start` does, with the limits of Firebase Hosting
 * and of a deployed function.
 *
 * @param env additional settings of the gateway
 */
export async function startSite(
  options: Partial<GoogleOptions> = {},
  env: Record<string, string> = {},
): Promise<Site> {
  const port = await freePort()
  const origin = `http://localhost:${port}`
  const google = await startGoogle({ publicUrl: origin, signingKeys, ...options })
  const server = run(process.execPath, ['dist/local/server.mjs'], {
    env: environment({ ...google.env, ...deployedEnv, ...env, PORT: String(port) }),
    ipc: true,
  })
  await new Promise((resolve, reject) => {
    server.child.once('message', resolve)
    void server.exited.then((code) =>
      reject(new Error(`The server exited (${code}). Run npm run build first. ${server.output}`)),
    )
  })
  const { sub = '', email = '' } = google.oauth.users[0] ?? {}
  return {
    origin,
    google,
    user: { sub, email },
    async close() {
      await end(server)
      await google.close()
    },
  }
}

export interface Tab {
  page: Page
  /** Console errors and warnings, CSP violations, dialogs, and requests to other hosts. */
  pageErrors: string[]
  close(): Promise<void>
}

/** Opens a page in a new browser context, without cookies. */
export async function openTab(options: BrowserContextOptions = {}): Promise<Tab> {
  const context = await browser.newContext({
    viewport: { width: 1280, height: 800 },
    locale: 'en-GB',
    ...options,
  })
  context.setDefaultTimeout(20_000)
  const pageErrors: string[] = []
  await context.addInitScript(() => {
    document.addEventListener('securitypolicyviolation', ({ violatedDirective, blockedURI }) =>
      console.error(`CSP violation: ${violatedDirective} ${blockedURI}`),
    )
  })
  context.on('console', (message) => {
    if (['error', 'warning'].includes(message.type())) {
      pageErrors.push(`${message.text()} (${message.location().url})`)
    }
  })
  context.on('weberror', (error) => pageErrors.push(String(error.error())))
  context.on('dialog', (dialog) => {
    pageErrors.push(`dialog: ${dialog.message()}`)
    void dialog.dismiss()
  })
  context.on('request', (request) => {
    const { protocol, hostname } = new URL(request.url())
    if (protocol.startsWith('http') && !['localhost', '127.0.0.1'].includes(hostname)) {
      pageErrors.push(`external request: ${request.url()}`)
    }
  })
  const page = await context.newPage()
  return { page, pageErrors, close: () => context.close() }
}

/** Starts the sign-in and stops at Google's consent page. */
export async function goToConsent(page: Page, { origin, user }: Site): Promise<void> {
  await page.goto(origin)
  await page.getByRole('link', { name: 'Sign in with Google' }).click()
  await page.getByRole('button', { name: user.email }).click()
  await page.getByRole('button', { name: 'Continue' }).waitFor()
}

/** Completes the sign-in with the consent page. */
export async function signIn(page: Page, site: Site): Promise<void> {
  await goToConsent(page, site)
  await page.getByRole('button', { name: 'Continue' }).click()
  await page.getByRole('heading', { level: 1, name: 'My Drive' }).waitFor()
  await page.getByRole('table').getByRole('link').first().waitFor()
}

/** Selects an item of the account menu. */
export async function selectFromAccountMenu(page: Page, item: string | RegExp): Promise<void> {
  await page.getByRole('button', { name: /^Account / }).click()
  await page.getByRole('menuitem', { name: item }).click()
}

export async function signOut(page: Page): Promise<void> {
  await selectFromAccountMenu(page, 'Sign out')
  await page.getByRole('link', { name: 'Sign in with Google' }).waitFor()
}

/** Opens the actions menu of a file. */
export async function openFileMenu(page: Page, name: string): Promise<Locator> {
  await page.getByRole('button', { name: `Actions for ${name}`, exact: true }).click()
  return page.getByRole('menu')
}

/** Matches Chromium's own console error about an HTTP status. */
export const consoleErrorFor = (status: number): unknown =>
  expect.stringContaining(`responded with a status of ${status}`)

/** Uploads files with the page's picker, from a temporary folder. */
export async function uploadFiles(
  page: Page,
  files: Record<string, Buffer | string>,
): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'driveway-upload-'))
  temporaryFolders.push(folder)
  const paths = Object.keys(files).map((name) => join(folder, name))
  for (const [name, content] of Object.entries(files)) await writeFile(join(folder, name), content)
  await page.locator('input[type=file][multiple]').first().setInputFiles(paths)
}

/** The link of a file in the table. */
export function fileLink(page: Page, name: string): Locator {
  return page.getByRole('table').getByRole('link', { name, exact: true })
}
