/** The demo page, on another site than the gateway, and ways to get files into it. */
import { createHash, randomBytes } from 'node:crypto'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import type { Locator, Page } from 'playwright-core'
import { startDemoServer } from '../../infra/local/demo-server.ts'
import { mintToken, signIn } from '../../infra/local/sign-in.ts'
import { freePorts } from '../kit/process.ts'
import { until } from '../kit/wait-for.ts'
import { startSite } from './fixture.ts'
import type { Site } from './fixture.ts'

export interface DemoSite extends Site {
  demo: string
  /** A token of the person's. */
  token: string
}

export async function startDemoSite(env: Record<string, string> = {}): Promise<DemoSite> {
  const [port = 0] = await freePorts(1)
  const site = await startSite({}, { ALLOWED_ORIGINS: `http://127.0.0.1:${port}`, ...env })
  const demo = await startDemoServer(port, site.origin, site.google.url)
  const cookie = await signIn(site.origin, site.person.email)
  return {
    ...site,
    demo: demo.origin,
    token: await mintToken(site.origin, cookie, 'the demo'),
    async close() {
      demo.close()
      await site.close()
    },
  }
}

/** Opens the demo page as somebody for whom the page has a token already. */
export async function openDemo(page: Page, { demo, token }: DemoSite): Promise<void> {
  await page.goto(demo)
  await page.locator('driveway-upload').evaluate((node, given) => {
    ;(node as HTMLElement & { token: string }).token = given
  }, token)
  await page.getByRole('button', { name: 'Choose files' }).waitFor()
}

/** Files in a folder of their own on this machine, by their paths in it. */
export async function withFiles(
  files: Record<string, Buffer | string>,
  use: (folder: string) => Promise<void>,
): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'driveway-files-'))
  try {
    for (const [path, content] of Object.entries(files)) {
      await mkdir(dirname(join(folder, path)), { recursive: true })
      await writeFile(join(folder, path), content)
    }
    await use(folder)
  } finally {
    await rm(folder, { recursive: true })
  }
}

/** Chooses files as with the button. */
export function pick(page: Page, ...paths: string[]): Promise<void> {
  return page.locator('input[data-choice=files]').setInputFiles(paths)
}

/** Drags files and folders of this machine over a place and lets go, as a person does. */
export async function dropOn(place: Locator, ...paths: string[]): Promise<void> {
  const page = place.page()
  await place.scrollIntoViewIfNeeded()
  const box = await place.boundingBox()
  const at = { x: (box?.x ?? 0) + 20, y: (box?.y ?? 0) + 20 }
  const data = { items: [], files: paths, dragOperationsMask: 1 }
  const session = await page.context().newCDPSession(page)
  for (const type of ['dragEnter', 'dragOver', 'drop'] as const) {
    await session.send('Input.dispatchDragEvent', { type, ...at, data })
  }
  await session.detach()
}

/** The row of an upload. */
export function row(page: Page, name: string): Locator {
  return page.locator('.upload', { has: page.getByText(name, { exact: true }) })
}

/** Waits until an upload stands so. */
export function stands(page: Page, name: string, state: string, patience = 30_000): Promise<void> {
  const wanted = page.locator(`.upload[data-state=${state}]`, {
    has: page.getByText(name, { exact: true }),
  })
  return wanted.waitFor({ timeout: patience })
}

/** Waits until an upload has sent more than a share of its bytes. */
export async function passes(page: Page, name: string, share: number): Promise<void> {
  const bar = row(page, name).getByRole('progressbar')
  await page.waitForFunction(
    ({ node, least }) => {
      const { value, max } = node as HTMLProgressElement
      return value > least * max
    },
    { node: await bar.elementHandle(), least: share },
    { timeout: 60_000 },
  )
}

/** Waits until the browser has copies of so many files for the next page. */
export const keeps = (page: Page, count: number): Promise<void> =>
  until(async () => (await kept(page, 'files')).length >= count, { everyMs: 100 })

/** Waits until the browser has written down where an upload is, for the next page. */
export const remembers = (page: Page, word: string): Promise<void> =>
  until(async () => JSON.stringify(await kept(page, 'metadata')).includes(word), { everyMs: 100 })

/** What the browser keeps of uploads for the next page: their bytes, or how they stand. */
function kept(page: Page, store: 'files' | 'metadata'): Promise<unknown[]> {
  return page.evaluate(
    (name) =>
      new Promise<unknown[]>((resolve) => {
        const opening = indexedDB.open('uppy-blobs')
        opening.addEventListener('success', () => {
          const { result } = opening
          const entries = result.transaction(name).objectStore(name)
          const asking = name === 'files' ? entries.getAllKeys() : entries.getAll()
          asking.addEventListener('success', () => resolve(asking.result))
          result.close()
        })
      }),
    store,
  )
}

export const sha256 = (bytes: Buffer): string => createHash('sha256').update(bytes).digest('hex')

/** Bytes that nothing on the way can guess. */
export const noise = (size: number): Buffer => randomBytes(size)
