/**
 * Fake programs for setup. Each is a short bash script that calls the test process, and starts no other
 * process, because one run of setup calls fifty programs.
 */
import { chmod, mkdir, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import type { AddressInfo, Socket } from 'node:net'
import { join } from 'node:path'
import { emptyCloud, commandLine } from './fake-cloud.ts'
import type { FakeCloud } from './fake-cloud.ts'
import { runFakeProgram } from './fake-run.ts'

export interface ProgramCall {
  /** The arguments, joined by spaces. */
  line: string
  stdin: string
}

export interface FakePrograms {
  /** Their folder, for PATH. */
  path: string
  cloud(): FakeCloud
  change(changes: Partial<FakeCloud>): void
  /** Returns the calls since the last call of this function. */
  calls(): ProgramCall[]
  close(): Promise<void>
}

export async function installFakePrograms(folder: string): Promise<FakePrograms> {
  const cloud = structuredClone(emptyCloud)
  const calls: ProgramCall[] = []
  const server = createServer((socket) => {
    onCall(socket, ({ argv, stdin, cwd }) => {
      calls.push({ line: commandLine(argv), stdin })
      const result = runFakeProgram(cloud, argv, stdin, cwd)
      socket.end(`${result.isError ? 2 : 1}\n${result.code}\n${result.output}`)
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

/** Sends the number of arguments, the arguments, the folder and stdin; each ends with NUL. */
const program = (name: string, port: number): string => `#!/usr/bin/env bash
exec 3<>/dev/tcp/127.0.0.1/${port}
case "$*" in *--data-file=-*|*"storage cp - "*|*"--header @-"*) IFS= read -r -d '' input ;; *) input= ;; esac
printf '%s\\0' "$(($# + 1))" ${name} "$@" "$PWD" "$input" >&3
IFS= read -r stream <&3
IFS= read -r code <&3
IFS= read -r -d '' output <&3
printf %s "$output" >&"$stream"
exit "$code"
`

/** @param then called when a call is complete */
function onCall(
  socket: Socket,
  then: (call: { argv: string[]; cwd: string; stdin: string }) => void,
): void {
  let text = ''
  socket.setEncoding('utf8').on('data', (piece: string) => {
    text += piece
    const [count, ...fields] = text.split('\0')
    const argv = fields.slice(0, Number(count))
    const [cwd, stdin, rest] = fields.slice(argv.length)
    if (cwd !== undefined && stdin !== undefined && rest === '') then({ argv, cwd, stdin })
  })
}
