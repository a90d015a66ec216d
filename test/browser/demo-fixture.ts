/** The demo page on another site than the gateway, and helpers for its uploads. */
import { createHash, randomBytes } from 'node:crypto'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import type { Locator, Page } from 'playwright-core'
import { startDemoServer } from '../../infra/local/demo-server.ts'
import { mintToken, signIn } from '../../infra/local/sign-in.ts'
import { freePorts } from '../kit/process.ts'
import { waitFor } from '../kit/wait-for.ts'
import { startSite } from './fixture.ts'
import type { Site } from './fixture.ts'

export interface DemoSite extends Site {
  demo: string
  /** A token of the user. */
  token: string
}

export async function startDemoSite(env: Record<string, string> = {}): Promise<DemoSite> {
  const [port = 0] = await freePorts(1)
  const origin = `http://127.0.0.1:${port}`
  const site = await startSite({}, { ALLOWED_ORIGINS: origin, RETURN_URLS: `${origin}/`, ...env })
  const demo = await startDemoServer(port, site.origin, site.google.url)
  const cookie = await signIn(site.origin, site.user.email)
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

/** Opens the demo page with a token, so that no sign-in is needed. */
export async function openDemo(page: Page, { demo, token }: DemoSite): Promise<void> {
  await page.goto(demo)
  await page.locator('driveway-upload').evaluate((node, value) => {
    ;(node as HTMLElement & { token: string }).token = value
  }, token)
  await page.getByRole('button', { name: 'Choose files' }).waitFor()
}

/** Creates files by their paths in a temporary folder, and removes it after the callback. */
export async function withFiles(
  files: Record<string, Buffer | string>,
  callback: (folder: string) => Promise<void>,
): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'driveway-files-'))
  try {
    for (const [path, content] of Object.entries(files)) {
      await mkdir(dirname(join(folder, path)), { recursive: true })
      await writeFile(join(folder, path), content)
    }
    await callback(folder)
  } finally {
    await rm(folder, { recursive: true })
  }
}

/** Sets the files of the picker. */
export function pickFiles(page: Page, ...paths: string[]): Promise<void> {
  return page.locator('input[data-picker=files]').setInputFiles(paths)
}

/** Drops local files and folders on an element. */
export async function dropFiles(target: Locator, ...paths: string[]): Promise<void> {
  const page = target.page()
  await target.scrollIntoViewIfNeeded()
  const bounds = await target.boundingBox()
  const point = { x: (bounds?.x ?? 0) + 20, y: (bounds?.y ?? 0) + 20 }
  const dragData = { items: [], files: paths, dragOperationsMask: 1 }
  const session = await page.context().newCDPSession(page)
  for (const type of ['dragEnter', 'dragOver', 'drop'] as const) {
    await session.send('Input.dispatchDragEvent', { type, ...point, data: dragData })
  }
  await session.detach()
}

/** The row of an upload. */
export function uploadRow(page: Page, name: string): Locator {
  return page.locator('.upload', { has: page.getByText(name, { exact: true }) })
}

/** Waits for an upload's state. */
export function waitForState(
  page: Page,
  name: string,
  state: string,
  timeoutMs = 30_000,
): Promise<void> {
  const row = page.locator(`.upload[data-state=${state}]`, {
    has: page.getByText(name, { exact: true }),
  })
  return row.waitFor({ timeout: timeoutMs })
}

/** Waits until an upload has sent more than a share of its bytes. */
export async function waitForProgress(page: Page, name: string, share: number): Promise<void> {
  const progressBar = uploadRow(page, name).getByRole('progressbar')
  await page.waitForFunction(
    ({ node, minShare }) => {
      const { value, max } = node as HTMLProgressElement
      return value > minShare * max
    },
    { node: await progressBar.elementHandle(), minShare: share },
    { timeout: 60_000 },
  )
}

/** Waits until the browser has persisted at least `count` files. */
export const waitForPersistedFiles = (page: Page, count: number): Promise<void> =>
  waitFor(async () => (await readPersisted(page, 'files')).length >= count, { intervalMs: 100 })

/** Waits until the persisted upload metadata contains a text. */
export const waitForPersistedMetadata = (page: Page, text: string): Promise<void> =>
  waitFor(async () => JSON.stringify(await readPersisted(page, 'metadata')).includes(text), {
    intervalMs: 100,
  })

/** Reads Golden Retriever's IndexedDB: keys of the files, or the metadata. */
function readPersisted(page: Page, store: 'files' | 'metadata'): Promise<unknown[]> {
  return page.evaluate(
    (name) =>
      new Promise<unknown[]>((resolve) => {
        const openRequest = indexedDB.open('uppy-blobs')
        openRequest.addEventListener('success', () => {
          const { result } = openRequest
          const entries = result.transaction(name).objectStore(name)
          const readRequest = name === 'files' ? entries.getAllKeys() : entries.getAll()
          readRequest.addEventListener('success', () => resolve(readRequest.result))
          result.close()
        })
      }),
    store,
  )
}

export const sha256 = (bytes: Buffer): string => createHash('sha256').update(bytes).digest('hex')

/** Incompressible content. */
export const randomContent = (size: number): Buffer => randomBytes(size)
