/** Launches Chromium: the one from npm (Linux x64), otherwise an installed one. */
import type { Browser } from 'playwright-core'
import { chromium } from 'playwright-core'
import { execFile } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { mkdtemp, rename, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { root } from '../kit/process.ts'

interface Candidate {
  executablePath: string
  env?: Record<string, string>
}

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

/** @returns the browser, or the reason why none is available */
export async function launchChromium(): Promise<Browser | string> {
  const failures: string[] = []
  for (const findCandidate of [unpack, ...systemPaths.map((path) => () => findSystem(path))]) {
    try {
      const candidate = await findCandidate()
      if (!candidate) continue
      return await chromium.launch({ ...candidate, args: launchArgs })
    } catch (error) {
      failures.push(error instanceof Error ? (error.message.split('\n')[0] ?? '') : String(error))
    }
  }
  return failures.join('; ') || `no browser for ${process.platform} ${process.arch}`
}

function findSystem(executablePath: string): Candidate | undefined {
  return existsSync(executablePath) ? { executablePath } : undefined
}

/**
 * Unpacks npm's Chromium with its libraries and font into a folder that later runs reuse. The unpacker
 * accepts partially written files, so it writes to a staging folder that is renamed when complete.
 */
async function unpack(): Promise<Candidate | undefined> {
  if (process.platform !== 'linux' || process.arch !== 'x64') return undefined
  const manifest = join(root, 'node_modules/@sparticuz/chromium/package.json')
  if (!existsSync(manifest)) return undefined
  const { version } = JSON.parse(readFileSync(manifest, 'utf8')) as { version: string }
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
      ...(process.env as Record<string, string>),
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
function fontsConfig(installFolder: string): string {
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
