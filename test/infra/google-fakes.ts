/**
 * Programs that setup calls, made up: a cloud in a file, and a list of every call. They do what the
 * real ones are asked for here, and fail on everything else.
 */
import { chmod, mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

export interface Call {
  /** The whole line, words joined by blanks. */
  line: string
  stdin: string
}

export interface Cloud {
  signedIn: boolean
  billing: boolean
  services: string[]
  buckets: string[]
  versioned: boolean
  /** Of each secret that there is, the values. */
  secrets: Record<string, string[]>
  database: boolean
  repository: boolean
  images: string[]
  boosted: string[]
  /** Addresses in Terraform's state. */
  state: string[]
  /** The variables that were applied last. */
  applied: string
  firebase: boolean
  /** The version.txt that is published; nothing where Hosting is off. */
  site: string
  /** A line that starts so fails. */
  broken: string
}

export interface Fakes {
  path: string
  cloud(): Promise<Cloud>
  change(changes: Partial<Cloud>): Promise<void>
  /** Every call since it was last asked. */
  calls(): Promise<Call[]>
}

const empty: Cloud = {
  signedIn: true,
  billing: true,
  services: [],
  buckets: [],
  versioned: false,
  secrets: {},
  database: false,
  repository: false,
  images: [],
  boosted: [],
  state: [],
  applied: '',
  firebase: false,
  site: '',
  broken: '',
}

const program = fileURLToPath(new URL('./google-fake.mjs', import.meta.url))

export async function makeFakes(folder: string): Promise<Fakes> {
  await mkdir(folder, { recursive: true })
  const file = join(folder, 'cloud.json')
  const log = join(folder, 'calls')
  await writeFile(file, JSON.stringify(empty))
  await writeFile(log, '')
  for (const name of ['gcloud', 'terraform', 'firebase', 'curl']) {
    const words = [process.execPath, program, name, file, log].map((word) => `'${word}'`)
    await writeFile(join(folder, name), `#!/bin/sh\nexec ${words.join(' ')} "$@"\n`)
    await chmod(join(folder, name), 0o755)
  }
  const cloud = async (): Promise<Cloud> => JSON.parse(await readFile(file, 'utf8')) as Cloud
  let read = 0
  return {
    path: folder,
    cloud,
    async change(changes) {
      await writeFile(file, JSON.stringify({ ...(await cloud()), ...changes }))
    },
    async calls() {
      const lines = (await readFile(log, 'utf8')).split('\n').filter((text) => text !== '')
      const fresh = lines.slice(read).map((text) => JSON.parse(text) as Call)
      read = lines.length
      return fresh
    },
  }
}
