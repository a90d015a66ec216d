/** The whole page on another site than the gateway: the files of `dist/web`, with one line changed. */
import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { HostingConfig } from '../../infra/local/hosting.ts'
import { createHosting } from '../../infra/local/hosting.ts'
import { freePort, root } from '../kit/process.ts'
import { startSite } from './fixture.ts'
import type { Site } from './fixture.ts'

export interface ElsewhereSite extends Site {
  /** The origin of the page. */
  page: string
}

/** As docs/page.md tells an operator to do it. */
export async function startElsewhere(env: Record<string, string> = {}): Promise<ElsewhereSite> {
  const port = await freePort()
  const page = `http://127.0.0.1:${port}`
  const site = await startSite({}, { ALLOWED_ORIGINS: page, ...env })
  const folder = await mkdtemp(join(tmpdir(), 'driveway-page-'))
  await cp(join(root, 'dist/web'), join(folder, 'web'), { recursive: true })
  const index = join(folder, 'web/index.html')
  const html = await readFile(index, 'utf8')
  const setting = '<meta name="driveway-gateway" content="'
  await writeFile(index, html.replace(setting, setting + site.origin))

  const text = await readFile(join(root, 'firebase.json'), 'utf8')
  const connect = `connect-src 'self' ${site.origin} ${site.google.url}`
  const { hosting } = JSON.parse(
    text.replace("connect-src 'self' https://www.googleapis.com", connect),
  ) as { hosting: HostingConfig }
  // No function is behind this host: what is no file and no place of the page is not there.
  const rewrites = hosting.rewrites?.filter((rewrite) => 'destination' in rewrite) ?? []
  const config = { ...hosting, public: 'web', rewrites }
  const server = createServer(await createHosting(config, folder, (_name, _req, res) => res.end()))
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve))
  return {
    ...site,
    page,
    async close() {
      server.close()
      server.closeAllConnections()
      await site.close()
      await rm(folder, { recursive: true })
    },
  }
}
