/** What a program takes for a piece of work: time, CPU and memory. */
import { mebibyte, upload } from './load.ts'
import { framework, freePort, startProgram } from './processes.ts'
import type { Program } from './processes.ts'
import { median } from './report.ts'
import type { BenchEnvironment } from './environment.ts'

export interface Candidate {
  name: string
  args: string[]
}

export interface Measurement {
  seconds: number
  cpuSeconds: number
  peakRssMib: number
}

export const driveway: Candidate = { name: 'Driveway', args: framework('upload') }
export const barePipe: Candidate = {
  name: 'bare pipe with busboy',
  args: ['dist/bench/baselines/bare-pipe.mjs'],
}
export const hashPipe: Candidate = {
  name: 'the same pipe with SHA-256',
  args: ['dist/bench/baselines/hash-pipe.mjs'],
}
export const rawBody: Candidate = {
  name: '`rawBody` + `files.create`',
  args: framework('upload', 'dist/bench/baselines/raw-body.mjs'),
}
export const fixedChunks: Candidate = {
  name: 'chunks of 8 MiB, always',
  args: ['dist/bench/baselines/fixed-chunks.mjs'],
}

/** Starts a program of its own for the work; nobody is measured while loading. */
export async function measure(
  { env, bearer }: BenchEnvironment,
  { args }: Candidate,
  work: (program: Program) => Promise<void>,
): Promise<Measurement> {
  const program = await startProgram(args, env, await freePort())
  try {
    await upload(program, bearer, 1)
    const cpuBefore = await program.cpuSeconds()
    const before = performance.now()
    await work(program)
    const seconds = (performance.now() - before) / 1000
    const cpuSeconds = (await program.cpuSeconds()) - cpuBefore
    return { seconds, cpuSeconds, peakRssMib: (await program.peakRss()) / mebibyte }
  } finally {
    await program.stop()
  }
}

/** Turn by turn, so that what else the machine does falls on all alike; medians of the rounds. */
export async function compare(
  world: BenchEnvironment,
  contenders: readonly Candidate[],
  rounds: number,
  work: (program: Program) => Promise<void>,
): Promise<Measurement[]> {
  const results = contenders.map((): Measurement[] => [])
  for (let round = 0; round < rounds; round++) {
    for (const [index, contender] of contenders.entries()) {
      results[index]?.push(await measure(world, contender, work))
    }
  }
  return results.map((all) => ({
    seconds: median(all.map((one) => one.seconds)),
    cpuSeconds: median(all.map((one) => one.cpuSeconds)),
    peakRssMib: median(all.map((one) => one.peakRssMib)),
  }))
}
