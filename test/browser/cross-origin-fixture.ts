/** Serves `dist/web` from another site than the gateway, with the `driveway-gateway` setting. */
import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { HostingConfig } from '../../infra/local/hosting.ts'
import { createHosting } from '../../infra/local/hosting.ts'
import { freePort, root } from '../kit/process.ts'
import { startSite } from './fixture.ts'
import type { Site } from './fixture.ts'

export interface CrossOriginSite extends Site {
  /** The origin of the page. */
  page: string
}

/** Sets up the page as docs/page.md describes. */
export async function startCrossOriginSite(
  env: Record<string, string> = {},
): Promise<CrossOriginSite> {
  const port = await freePort()
  const page = `http://127.0.0.1:${port}`
  const site = await startSite({}, { ALLOWED_ORIGINS: page, RETURN_URLS: `${page}/`, ...env })
  const folder = await mkdtemp(join(tmpdir(), 'driveway-page-'))
  await cp(join(root, 'dist/web'), join(folder, 'web'), { recursive: true })
  const index = join(folder, 'web/index.html')
  const html = await readFile(index, 'utf8')
  const metaPrefix = '<meta name="driveway-gateway" content="'
  await writeFile(index, html.replace(metaPrefix, metaPrefix + site.origin))

  const text = await readFile(join(root, 'firebase.json'), 'utf8')
  const connectSrc = `connect-src 'self' ${site.origin} ${site.google.url}`
  const { hosting } = JSON.parse(
    text.replace("connect-src 'self' https://www.googleapis.com", connectSrc),
  ) as { hosting: HostingConfig }
  // This host has no functions: other paths than files and client-side routes return 404.
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
