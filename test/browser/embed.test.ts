/** `<driveway-upload>` on a page of another site: whatever people do to uploads, Drive ends up right. */
import { expect } from '@jest/globals'
import { join } from 'node:path'
import {
  dropOn,
  noise,
  openDemo,
  pick,
  sha256,
  stands,
  startDemoSite,
  withFiles,
} from './demo-fixture.ts'
import type { DemoSite } from './demo-fixture.ts'
import { aroundTests, inBrowser, visit } from './fixture.ts'
import type { Visit } from './fixture.ts'

let site: DemoSite
let here: Visit

aroundTests(
  async () => {
    site = await startDemoSite({ MEMORY_BYTES: '33554432' })
    here = await visit()
    await openDemo(here.page, site)
  },
  async () => {
    await here.close()
    await site.close()
  },
)

const stored = () => site.google.drive.filesOf(site.person.sub)
const named = (name: string) => stored().filter((file) => file.name === name)
const parentOf = (name: string) => {
  const [file] = named(name)
  return stored().find(({ id }) => id === file?.parents[0])
}

inBrowser('a folder is dropped with its tree, and the tree is in Drive', () =>
  withFiles(
    {
      'Trip/map.txt': 'the map',
      'Trip/Day 1/beach.jpg': noise(30_000),
      'Trip/Day 1/Åre ☀.jpg': noise(20_000),
      'Trip/Day 2/hut.jpg': noise(10_000),
      'beside.txt': 'beside the folder',
    },
    async (folder) => {
      const { page } = here
      await dropOn(page.locator('.zone'), join(folder, 'Trip'), join(folder, 'beside.txt'))
      await page.getByText('5 of 5 in Drive').waitFor()
      expect(parentOf('map.txt')?.name).toBe('Trip')
      expect(parentOf('Trip')?.name).toBe('Inbox')
      expect([parentOf('beach.jpg')?.name, parentOf('Åre ☀.jpg')?.name]).toEqual(['Day 1', 'Day 1'])
      expect(parentOf('hut.jpg')?.name).toBe('Day 2')
      expect(parentOf('Day 2')?.id).toBe(parentOf('map.txt')?.id)
      expect(parentOf('beside.txt')?.name).toBe('Inbox')
      expect(named('Trip')).toHaveLength(1)
      await page.getByRole('link', { name: 'Open in Drive: hut.jpg' }).waitFor()
      await page.getByRole('button', { name: 'Clear finished' }).click()
    },
  ),
)

inBrowser('an upload is paused, stands still, and goes on to the right bytes', () => {
  const bytes = noise(24_000_000)
  return withFiles({ 'slow.bin': bytes }, async (folder) => {
    const { page } = here
    site.google.faults.add({ operation: 'drive.upload.chunk', latency: 300, times: 1000 })
    await pick(page, join(folder, 'slow.bin'))
    await stands(page, 'slow.bin', 'sending')
    await page.getByRole('button', { name: 'Pause slow.bin' }).click()
    await stands(page, 'slow.bin', 'paused')
    expect(named('slow.bin')).toEqual([])
    site.google.faults.clear()
    await page.getByRole('button', { name: 'Resume slow.bin' }).click()
    await stands(page, 'slow.bin', 'stored')
    expect(named('slow.bin').map((file) => file.sha256)).toEqual([sha256(bytes)])
  })
})

inBrowser('a cancelled upload leaves nothing in Drive, neither file nor session', () =>
  withFiles({ 'unwanted.bin': noise(24_000_000) }, async (folder) => {
    const { page } = here
    site.google.faults.add({ operation: 'drive.upload.chunk', latency: 300, times: 1000 })
    await pick(page, join(folder, 'unwanted.bin'))
    await stands(page, 'unwanted.bin', 'sending')
    await page.getByRole('button', { name: 'Cancel unwanted.bin' }).click()
    await stands(page, 'unwanted.bin', 'cancelled')
    site.google.faults.clear()
    while (site.google.drive.openSessions() > 0) await page.waitForTimeout(50)
    expect(named('unwanted.bin')).toEqual([])
  }),
)
