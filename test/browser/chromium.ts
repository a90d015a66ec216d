/** A Chromium to drive: the one that comes with npm (Linux on x64), else one of the system. */
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

const quiet = [
  '--no-sandbox', // as root there is none to be had
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

/** @returns a browser that runs, or why there is none on this machine */
export async function launchChromium(): Promise<Browser | string> {
  const failures: string[] = []
  for (const find of [unpack, ...systemPaths.map((path) => () => findSystem(path))]) {
    try {
      const candidate = await find()
      if (!candidate) continue
      return await chromium.launch({ ...candidate, args: quiet })
    } catch (error) {
      failures.push(error instanceof Error ? (error.message.split('\n')[0] ?? '') : String(error))
    }
  }
  return failures.join('; ') || `nothing runs on ${process.platform} ${process.arch}`
}

function findSystem(executablePath: string): Candidate | undefined {
  return existsSync(executablePath) ? { executablePath } : undefined
}

/**
 * Unpacks npm's Chromium, with the libraries and the font that it needs, into a folder of its own
 * that the next run finds again. The unpacker takes a half-written file for a whole one, so it
 * works in a fresh folder, which gets its name when it is complete.
 */
async function unpack(): Promise<Candidate | undefined> {
  if (process.platform !== 'linux' || process.arch !== 'x64') return undefined
  const manifest = join(root, 'node_modules/@sparticuz/chromium/package.json')
  if (!existsSync(manifest)) return undefined
  const { version } = JSON.parse(readFileSync(manifest, 'utf8')) as { version: string }
  const home = join(tmpdir(), `driveway-chromium-${version}`)
  if (!existsSync(home)) {
    const fresh = await mkdtemp(`${home}-`)
    await promisify(execFile)(process.execPath, ['--input-type=module', '-e', unpacking], {
      cwd: root,
      // The runtime's name makes it unpack its own libraries, for machines that have none.
      env: { ...process.env, TMPDIR: fresh, AWS_LAMBDA_JS_RUNTIME: 'nodejs22.x' },
    })
    await writeFile(join(fresh, 'fonts.conf'), fontsIn(home))
    await rename(fresh, home).catch(() => rm(fresh, { recursive: true })) // somebody was faster
  }
  return {
    executablePath: join(home, 'chromium'),
    env: {
      ...(process.env as Record<string, string>),
      LD_LIBRARY_PATH: join(home, 'al2023', 'lib'),
      FONTCONFIG_FILE: join(home, 'fonts.conf'),
    },
  }
}

const unpacking = `
import chromium from '@sparticuz/chromium'
await chromium.executablePath()
`

/** One font everywhere, so that a page looks the same on every machine. */
function fontsIn(home: string): string {
  return `<?xml version="1.0"?>
<fontconfig>
  <dir>${home}/fonts</dir>
  <dir>/usr/share/fonts</dir>
  <cachedir>${home}/fonts-cache</cachedir>
  <alias binding="same"><family>system-ui</family><prefer><family>Open Sans</family></prefer></alias>
  <alias binding="same"><family>sans-serif</family><prefer><family>Open Sans</family></prefer></alias>
  <alias><family>monospace</family><prefer><family>DejaVu Sans Mono</family></prefer></alias>
</fontconfig>
`
}
