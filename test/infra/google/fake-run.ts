/**
 * Runs a fake program: `gcloud`, `terraform`, `firebase` and `curl` change the fake cloud as their documentation
 * and sources say. Unknown commands fail.
 */
import { commandLine, fail, ProgramExit } from './fake-cloud.ts'
import type { FakeCloud, ProgramRun } from './fake-cloud.ts'
import { runCurl, runFirebase } from './fake-firebase.ts'
import { runGcloud } from './fake-gcloud.ts'
import { runTerraform } from './fake-terraform.ts'

/** The exit code and the output: on stdout unless `isError`. */
export interface ProgramResult {
  code: number
  output: string
  isError: boolean
}

const programs: Record<string, (run: ProgramRun) => string | void> = {
  gcloud: runGcloud,
  terraform: runTerraform,
  firebase: runFirebase,
  curl: runCurl,
}

/** @param folder the program's working directory */
export function runFakeProgram(
  cloud: FakeCloud,
  argv: string[],
  stdin: string,
  folder: string,
): ProgramResult {
  const [program = '', ...args] = argv
  const line = commandLine(argv)
  try {
    const failure = cloud.failures.find(
      ({ command, times }) => times > 0 && line.startsWith(command),
    )
    if (failure) {
      failure.times -= 1
      fail(1, failure.message)
    }
    const run = programs[program] ?? (() => fail(2, `unknown: ${line}`))
    return { code: 0, output: run({ cloud, args, line, stdin, folder }) ?? '', isError: false }
  } catch (error) {
    if (!(error instanceof ProgramExit)) throw error
    return { code: error.code, output: `${error.message}\n`, isError: error.isError }
  }
}
