/**
 * Launches one Chromium per worker before the browser tests: the one from npm (Linux x64), otherwise
 * an installed one. The workers connect to the endpoints in the environment variable CHROMIUM, or
 * skip their tests with the reason in it.
 */
import { chromium } from 'playwright-core'
import { execFile } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { mkdtemp, rename, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import createSigningKeys from '../kit/global-setup.mjs'

const root = fileURLToPath(new URL('../../', import.meta.url))

const launchArgs = [
  '--no-sandbox', // not available to root
  '--disable-gpu',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
  '--no-first-run',
  '--no-pings',
]

const systemPaths = [
  '/usr/bin/google-chrome',
  '/usr/bin/google-chrome-stable',
  '/usr/bin/chromium',
  '/usr/bin/chromium-browser',
  '/Applications/Google Chrome.app/Contents/MacOS/Google Chrome',
  '/Applications/Chromium.app/Contents/MacOS/Chromium',
  String.raw`C:\Program Files\Google\Chrome\Application\chrome.exe`,
  String.raw`C:\Program Files (x86)\Google\Chrome\Application\chrome.exe`,
  String.raw`C:\Program Files (x86)\Microsoft\Edge\Application\msedge.exe`,
]

let servers = []

/** Jest's global setup. */
export default async function launchBrowsers({ maxWorkers }) {
  await createSigningKeys()
  const candidate = await findChromium()
  if (typeof candidate === 'string') {
    process.env.CHROMIUM = JSON.stringify({ endpoints: [], reason: candidate })
    return
  }
  servers = await Promise.all(
    Array.from({ length: maxWorkers }, () =>
      chromium.launchServer({ ...candidate, args: launchArgs }),
    ),
  )
  process.env.CHROMIUM = JSON.stringify({ endpoints: servers.map((server) => server.wsEndpoint()) })
}

export async function closeBrowsers() {
  await Promise.all(servers.map((server) => server.close()))
}

/** @returns the launch options of a browser that starts, or the reason why none does */
async function findChromium() {
  const failures = []
  for (const findCandidate of [unpack, ...systemPaths.map((path) => () => findSystem(path))]) {
    try {
      const candidate = await findCandidate()
      if (!candidate) continue
      const browser = await chromium.launch({ ...candidate, args: launchArgs })
      await browser.close()
      return candidate
    } catch (error) {
      failures.push(error instanceof Error ? (error.message.split('\n')[0] ?? '') : String(error))
    }
  }
  return failures.join('; ') || `no browser for ${process.platform} ${process.arch}`
}

function findSystem(executablePath) {
  return existsSync(executablePath) ? { executablePath } : undefined
}

/**
 * Unpacks npm's Chromium with its libraries and font into a folder that later runs reuse. The unpacker
 * accepts partially written files, so it writes to a staging folder that is renamed when complete.
 */
async function unpack() {
  if (process.platform !== 'linux' || process.arch !== 'x64') return undefined
  const manifest = join(root, 'node_modules/@sparticuz/chromium/package.json')
  if (!existsSync(manifest)) return undefined
  const { version } = JSON.parse(readFileSync(manifest, 'utf8'))
  const installFolder = join(tmpdir(), `driveway-chromium-${version}`)
  if (!existsSync(installFolder)) {
    const stagingFolder = await mkdtemp(`${installFolder}-`)
    await promisify(execFile)(process.execPath, ['--input-type=module', '-e', unpackScript], {
      cwd: root,
      // This runtime name makes it unpack its bundled libraries.
      env: { ...process.env, TMPDIR: stagingFolder, AWS_LAMBDA_JS_RUNTIME: 'nodejs22.x' },
    })
    await writeFile(join(stagingFolder, 'fonts.conf'), fontsConfig(installFolder))
    await rename(stagingFolder, installFolder).catch(() => rm(stagingFolder, { recursive: true })) // another process was faster
  }
  return {
    executablePath: join(installFolder, 'chromium'),
    env: {
      ...process.env,
      LD_LIBRARY_PATH: join(installFolder, 'al2023', 'lib'),
      FONTCONFIG_FILE: join(installFolder, 'fonts.conf'),
    },
  }
}

const unpackScript = `
import chromium from '@sparticuz/chromium'
await chromium.executablePath()
`

/** The same font on every machine, so that screenshots are comparable. */
function fontsConfig(installFolder) {
  return `<?xml version="1.0"?>
<fontconfig>
  <dir>${installFolder}/fonts</dir>
  <dir>/usr/share/fonts</dir>
  <cachedir>${installFolder}/fonts-cache</cachedir>
  <alias binding="same"><family>system-ui</family><prefer><family>Open Sans</family></prefer></alias>
  <alias binding="same"><family>sans-serif</family><prefer><family>Open Sans</family></prefer></alias>
  <alias><family>monospace</family><prefer><family>DejaVu Sans Mono</family></prefer></alias>
</fontconfig>
`
}
