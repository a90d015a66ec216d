/** The scripts of examples/, run as they are written against the sandbox. */
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { createServer } from 'node:http'
import { cp, mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parse } from 'yaml'
import { listen, startDriveway } from '../kit/environment.ts'
import type { Driveway } from '../kit/environment.ts'
import { jobToken, setPolicy } from '../kit/policies.ts'
import { environment, root, run } from '../kit/process.ts'
import { pseudoRandomBytes } from '../kit/random.ts'

let driveway: Driveway
let folder = ''

beforeAll(async () => {
  driveway = await startDriveway()
  folder = await mkdtemp(join(tmpdir(), 'driveway-examples-'))
})
afterAll(async () => {
  await driveway.close()
  await rm(folder, { recursive: true })
})

const token = (): string => driveway.bearer['authorization']?.slice('Bearer '.length) ?? ''

/** Runs a program in the temporary folder until it ends. */
async function runExample(
  command: string,
  args: string[],
  env: Record<string, string> = {},
): Promise<{ code: number | string; output: string }> {
  const program = run(command, args, {
    cwd: folder,
    env: environment({ DRIVEWAY: driveway.origin, TOKEN: token(), ...env }),
    isInteractive: true,
  })
  const code = await program.exited
  return { code, output: program.output }
}

async function list(query = ''): Promise<{ name: string; size: number; id: string }[]> {
  const response = await fetch(`${driveway.origin}/files${query}`, { headers: driveway.bearer })
  return ((await response.json()) as { files: { name: string; size: number; id: string }[] }).files
}

async function filesIn(path: string): Promise<{ name: string; size: number }[]> {
  const parent = (await list()).find(({ name }) => name === path)
  return parent ? list(`?folder=${parent.id}`) : []
}

describe('examples/backup.sh', () => {
  const script = join(root, 'examples/backup.sh')

  beforeAll(async () => {
    await mkdir(join(folder, 'photos'))
    await writeFile(join(folder, 'photos/a.jpg'), pseudoRandomBytes(300_000, 1))
  })

  test('it stores a tar archive of the folder once, also when it runs twice', async () => {
    for (let times = 0; times < 2; times++) {
      const { code, output } = await runExample('sh', [script, 'photos'])
      expect([code, output]).toEqual([0, expect.stringMatching(/^photos-[\d-]{10}\.tar\t/m)])
    }
    const archives = await filesIn('Backups')
    expect(archives).toHaveLength(1)
    expect(archives[0]?.size).toBeGreaterThan(300_000)
  })

  test('it fails with a message when the gateway refuses the token', async () => {
    const { code, output } = await runExample('sh', [script, 'photos'], {
      TOKEN: 'dw_wrong',
      RETRY_SECONDS: '0',
    })
    expect(code).toBe(1)
    expect(output).toContain('The backup of photos failed after three attempts.')
  })
})

describe('examples/node-tus/upload.mjs', () => {
  const script = 'upload.mjs'

  beforeAll(async () => {
    await cp(join(root, 'examples/node-tus/upload.mjs'), join(folder, script))
    await symlink(join(root, 'node_modules'), join(folder, 'node_modules'))
    await writeFile(join(folder, 'movie.bin'), pseudoRandomBytes(9 * 1024 * 1024, 2))
  })

  test('it uploads a file and prints its link', async () => {
    const { code, output } = await runExample(process.execPath, [script, 'movie.bin'])
    expect([code, output]).toEqual([0, expect.stringMatching(/100 %\nStored: https?:/)])
    expect(await filesIn('Uploads')).toEqual([
      expect.objectContaining({ name: 'movie.bin', size: 9 * 1024 * 1024 }),
    ])
  })

  test('it resumes after its process was killed', async () => {
    await writeFile(join(folder, 'again.bin'), pseudoRandomBytes(24 * 1024 * 1024, 3))
    const first = run(process.execPath, [script, 'again.bin'], {
      cwd: folder,
      env: environment({ DRIVEWAY: driveway.origin, TOKEN: token() }),
      isInteractive: true,
    })
    await first.waitForOutput(/3\d %/)
    first.child.kill('SIGKILL')
    await first.exited
    const { code, output } = await runExample(process.execPath, [script, 'again.bin'])
    expect([code, output]).toEqual([0, expect.stringContaining('Stored: ')])
    expect(output).not.toMatch(/^[0-9] %$/m)
    const names = (await filesIn('Uploads')).map(({ name }) => name)
    expect(names.filter((name) => name === 'again.bin')).toHaveLength(1)
  })

  test('it prints its usage without a token', async () => {
    const { code, output } = await runExample(process.execPath, [script, 'movie.bin'], {
      TOKEN: '',
    })
    expect([code, output]).toEqual([2, expect.stringContaining('Usage: ')])
  })
})

describe('examples/github-actions/upload.yml', () => {
  test('its upload step stores the build under the commit’s name', async () => {
    const workflow = parse(
      await readFile(join(root, 'examples/github-actions/upload.yml'), 'utf8'),
    ) as { jobs: { upload: { steps: { name?: string; run?: string }[] } } }
    const { run: script = '' } =
      workflow.jobs.upload.steps.find(({ name }) => name === 'Upload') ?? {}
    const policy = await setPolicy(driveway, 'build', { scopes: ['upload'], path: 'Builds' })
    await writeFile(join(folder, 'build.zip'), pseudoRandomBytes(50_000, 4))
    // GitHub's endpoint for OpenID Connect tokens.
    const issuer = createServer((req, res) => {
      const audience = new URL(req.url ?? '', 'http://issuer').searchParams.get('audience')
      expect(req.headers.authorization).toBe('bearer request-token')
      void jobToken(driveway, audience).then((value) => res.end(JSON.stringify({ value })))
    })
    const origin = await listen(issuer)
    try {
      const { code, output } = await runExample('bash', ['-e', '-o', 'pipefail', '-c', script], {
        AUDIENCE: policy.audience,
        ACTIONS_ID_TOKEN_REQUEST_URL: `${origin}/token?api-version=2`,
        ACTIONS_ID_TOKEN_REQUEST_TOKEN: 'request-token',
        GITHUB_SHA: 'c0ffee',
      })
      expect([code, output]).toEqual([0, expect.stringMatching(/^c0ffee\.zip\t/m)])
    } finally {
      issuer.close()
      issuer.closeAllConnections()
    }
    expect(await filesIn('Builds')).toEqual([
      expect.objectContaining({ name: 'c0ffee.zip', size: 50_000 }),
    ])
  })
})
