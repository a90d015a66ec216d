/** Runs the built program of setup with fake programs, in a folder like a clone of the repository. */
import { cp, mkdir, mkdtemp, readFile, readdir, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { environment, root, run } from '../../kit/process.ts'
import type { FakeCloud } from './fake-cloud.ts'
import { installFakePrograms } from './fake-programs.ts'

export const project = 'my-driveway'
export const client = clientFile('https://my-driveway.web.app')
export const firstArgs = [`--project=${project}`, '--client=client_id.json', '--yes']

export function clientFile(origin: string, secret = 'GOCSPX-not-to-be-seen'): string {
  return JSON.stringify({
    web: {
      client_id: '1.apps.googleusercontent.com',
      client_secret: secret,
      redirect_uris: [`${origin}/callback`],
    },
  })
}

/** Read-only commands. */
const readOnly =
  /^(?:gcloud version|gcloud auth (?:list|print-access-token|application-default print-access-token)|gcloud [a-z -]+ (?:describe|list|access|get-iam-policy) |gcloud storage (?:ls|cat) |terraform (?:version$|init |plan |show |output |state list)|firebase (?:--version|login:list|projects:list|hosting:sites:list)|curl )/

export interface SetupRun {
  code: number | string
  output: string
}

export interface SetupFixture {
  /** The root of the clone. */
  folder: string
  cloud(): FakeCloud
  change(changes: Partial<FakeCloud>): void
  setup(...args: string[]): Promise<SetupRun>
  teardown(...args: string[]): Promise<SetupRun>
  /** Every command since the last call. */
  commands(): { line: string; stdin: string }[]
  /** The commands since the last call that change something. */
  changes(): string[]
  /** Terraform's variables, as setup has written them. */
  variables(env?: string): Promise<Record<string, unknown>>
  write(file: string, text: string): Promise<void>
  /** Makes another clone of the repository, for the same cloud. */
  useSecondClone(): Promise<void>
  /** Sets up once, and restores that state for each later caller. */
  alreadySetUp(): Promise<void>
  close(): Promise<void>
}

async function cloneInto(folder: string): Promise<void> {
  for (const part of ['package.json', 'firebase.json', 'infra/container/Dockerfile']) {
    await cp(join(root, part), join(folder, part))
  }
  for (const part of ['dist/web', 'dist/container', 'dist/local/setup.mjs']) {
    await cp(join(root, part), join(folder, part), { recursive: true })
  }
  await symlink(join(root, 'node_modules'), join(folder, 'node_modules'))
  await mkdir(join(folder, 'infra/google'))
  const terraform = await readdir(join(root, 'infra/google'))
  for (const name of terraform.filter((each) => each.endsWith('.tf'))) {
    await cp(join(root, 'infra/google', name), join(folder, 'infra/google', name))
  }
  await writeFile(join(folder, 'client_id.json'), client)
}

let firstCloud: FakeCloud | undefined

export async function createSetupFixture(): Promise<SetupFixture> {
  const base = await mkdtemp(join(tmpdir(), 'driveway-setup-'))
  const programs = await installFakePrograms(join(base, 'bin'))
  let folder = join(base, 'clone')
  await cloneInto(folder)

  async function start(...args: string[]): Promise<SetupRun> {
    const { PATH = '' } = process.env
    const env = environment({ PATH: `${programs.path}:${PATH}`, HOME: base })
    const program = ['dist/local/setup.mjs', ...args]
    const started = run(process.execPath, program, { cwd: folder, env })
    const code = await started.exited
    return { code, output: started.output }
  }

  const fixture: SetupFixture = {
    get folder() {
      return folder
    },
    cloud: programs.cloud,
    change: programs.change,
    setup: (...args) => start('--retry-wait=0', ...args),
    teardown: (...args) => start('teardown', ...args),
    commands: programs.calls,
    changes: () =>
      programs
        .calls()
        .map(({ line }) => line)
        .filter((line) => !readOnly.test(line)),
    async variables(env = 'production') {
      const text = await readFile(join(folder, `.driveway/${env}.tfvars.json`), 'utf8')
      return JSON.parse(text) as Record<string, unknown>
    },
    write: (file, text) => writeFile(join(folder, file), text),
    async useSecondClone() {
      folder = join(base, 'second-clone')
      await cloneInto(folder)
    },
    async alreadySetUp() {
      if (firstCloud) programs.change(firstCloud)
      else await expectSuccess(fixture.setup(...firstArgs))
      firstCloud ??= programs.cloud()
      // The pointer to the project, which the first run on a machine writes.
      await mkdir(join(folder, '.driveway'), { recursive: true })
      await writeFile(join(folder, '.driveway/production.tfvars.json'), JSON.stringify({ project }))
      programs.calls()
    },
    async close() {
      await programs.close()
      await rm(base, { recursive: true })
    },
  }
  return fixture
}

async function expectSuccess(started: Promise<SetupRun>): Promise<void> {
  const { code, output } = await started
  if (code !== 0) throw new Error(output)
}
