/** Measures the time, CPU and memory of a program for a workload. */
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
  name: 'busboy pipe',
  args: ['dist/bench/baselines/bare-pipe.mjs'],
}
export const hashPipe: Candidate = {
  name: 'busboy pipe with SHA-256',
  args: ['dist/bench/baselines/hash-pipe.mjs'],
}
export const rawBody: Candidate = {
  name: '`rawBody` + `files.create`',
  args: framework('upload', 'dist/bench/baselines/raw-body.mjs'),
}
export const fixedChunks: Candidate = {
  name: 'fixed chunks of 8 MiB',
  args: ['dist/bench/baselines/fixed-chunks.mjs'],
}

/** Starts a new process for the workload. A first upload, which is not measured, loads its code. */
export async function measure(
  { env, bearer }: BenchEnvironment,
  { args }: Candidate,
  work: (program: Program) => Promise<void>,
): Promise<Measurement> {
  const program = await startProgram(args, env, await freePort())
  try {
    await upload(program, bearer, 1)
    const cpuBefore = await program.cpuSeconds()
    const startedAt = performance.now()
    await work(program)
    const seconds = (performance.now() - startedAt) / 1000
    const cpuSeconds = (await program.cpuSeconds()) - cpuBefore
    return { seconds, cpuSeconds, peakRssMib: (await program.peakRss()) / mebibyte }
  } finally {
    await program.stop()
  }
}

/** Measures the candidates in turn, so that other load affects all alike; returns the medians. */
export async function compare(
  environment: BenchEnvironment,
  candidates: readonly Candidate[],
  rounds: number,
  work: (program: Program) => Promise<void>,
): Promise<Measurement[]> {
  const results = candidates.map((): Measurement[] => [])
  for (let round = 0; round < rounds; round++) {
    for (const [index, candidate] of candidates.entries()) {
      results[index]?.push(await measure(environment, candidate, work))
    }
  }
  return results.map((samples) => ({
    seconds: median(samples.map(({ seconds }) => seconds)),
    cpuSeconds: median(samples.map(({ cpuSeconds }) => cpuSeconds)),
    peakRssMib: median(samples.map(({ peakRssMib }) => peakRssMib)),
  }))
}
