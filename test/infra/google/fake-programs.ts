/**
 * Programs that setup calls, made up. Each is a few lines of bash that ask the process of the test,
 * and start nothing: one run of setup calls fifty.
 */
import { chmod, mkdir, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import type { AddressInfo, Socket } from 'node:net'
import { join } from 'node:path'
import { runFakeProgram, emptyCloud, lineOf } from './fake-cloud.ts'
import type { FakeCloud } from './fake-cloud.ts'

export interface ProgramCall {
  /** The whole line, words joined by blanks. */
  line: string
  stdin: string
}

export interface FakePrograms {
  /** Where they are. */
  path: string
  cloud(): FakeCloud
  change(changes: Partial<FakeCloud>): void
  /** Every call since it was last asked. */
  calls(): ProgramCall[]
  close(): Promise<void>
}

export async function installFakePrograms(folder: string): Promise<FakePrograms> {
  const cloud = structuredClone(emptyCloud)
  const calls: ProgramCall[] = []
  const server = createServer((socket) => {
    onCall(socket, ({ words, stdin, cwd }) => {
      calls.push({ line: lineOf(words), stdin })
      const ending = runFakeProgram(cloud, words, stdin, cwd)
      socket.end(`${ending.code}\n${ending.words}`)
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  await mkdir(folder, { recursive: true })
  for (const name of ['gcloud', 'terraform', 'firebase', 'curl']) {
    await writeFile(join(folder, name), program(name, port))
    await chmod(join(folder, name), 0o755)
  }
  return {
    path: folder,
    cloud: () => structuredClone(cloud),
    change: (changes) => void Object.assign(cloud, structuredClone(changes)),
    calls: () => calls.splice(0),
    close: () => new Promise((resolve) => server.close(() => resolve())),
  }
}

/** Sends how many words follow, the words, where it is and what it is told; NUL ends each. */
const program = (name: string, port: number): string => `#!/usr/bin/env bash
exec 3<>/dev/tcp/127.0.0.1/${port}
case "$*" in *--data-file=-*) IFS= read -r -d '' input ;; *) input= ;; esac
printf '%s\\0' "$(($# + 1))" ${name} "$@" "$PWD" "$input" >&3
IFS= read -r code <&3
IFS= read -r -d '' words <&3
if [ "$code" = 0 ]; then printf %s "$words"; else printf %s "$words" >&2; fi
exit "$code"
`

/** @param then called when all of a call is there */
function onCall(
  socket: Socket,
  then: (call: { words: string[]; cwd: string; stdin: string }) => void,
): void {
  let text = ''
  socket.setEncoding('utf8').on('data', (piece: string) => {
    text += piece
    const [count, ...fields] = text.split('\0')
    const words = fields.slice(0, Number(count))
    const [cwd, stdin, rest] = fields.slice(words.length)
    if (cwd !== undefined && stdin !== undefined && rest === '') then({ words, cwd, stdin })
  })
}
