/**
 * `npm run bench`: benchmarks Driveway and its baselines on this machine. The ratios are comparable
 * between machines, the absolute numbers are not.
 *
 * `npm run bench -- latency size` runs only these topics; `SAVE=yes` writes the tables into
 * `docs/bench.md`. `MIB` is the size of a large upload (default 1000, slightly below the maximum of
 * the `rawBody` baseline); `ROUNDS` is the number of rounds of a comparison (default 3), of which the
 * tables show the median.
 */
import { cpus } from 'node:os'
import { measureColdStart } from './cold-start.ts'
import { measureCost } from './cost.ts'
import { prepareDeployment } from './processes.ts'
import { rcloneNote } from './rclone.ts'
import { measureSmallFiles } from './small-files.ts'
import { measureLatency, measureConcurrency, measureFileSize } from './scaling.ts'
import { measureThroughput } from './throughput.ts'
import { saveTables } from './report.ts'
import { startEnvironment } from './environment.ts'
import type { BenchEnvironment } from './environment.ts'

const mebibytes = Number(process.env['MIB'] ?? 1000)
const rounds = Number(process.env['ROUNDS'] ?? 3)

const measurements: Record<
  string,
  { title: string; run(environment: BenchEnvironment): Promise<string> }
> = {
  throughput: {
    title: `${mebibytes} MiB in one multipart form, no added latency`,
    run: (environment) => measureThroughput(environment, mebibytes, rounds),
  },
  small: { title: 'Small files', run: (environment) => measureSmallFiles(environment, rounds) },
  latency: {
    title: `${mebibytes} MiB, by the latency of Drive`,
    run: (environment) => measureLatency(environment, mebibytes),
  },
  parallel: {
    title: 'Concurrent uploads of 64 MiB',
    run: (environment) => measureConcurrency(environment, Math.min(64, mebibytes)),
  },
  size: { title: 'One upload, by file size', run: measureFileSize },
  cost: {
    title: 'Cost on Cloud Run',
    run: (environment) => measureCost(environment, Math.min(256, mebibytes)),
  },
  start: {
    title: 'Cold start',
    run: ({ env, bearer }) => measureColdStart(env, bearer, rounds),
  },
}

/** Returns the command that repeats a measurement. */
function commandFor(name: string): string {
  return `MIB=${mebibytes} ROUNDS=${rounds} npm run bench -- ${name}`
}

const selected = process.argv.slice(2)
const unknown = selected.filter((name) => !Object.hasOwn(measurements, name))
if (unknown.length > 0) {
  console.error(
    `Unknown topic: ${unknown.join(', ')}. Choose from ${Object.keys(measurements).join(', ')}`,
  )
  process.exit(2)
}
await prepareDeployment()
const environment = await startEnvironment()
try {
  const model = cpus()[0]?.model ?? 'unknown processor'
  console.log(`Node ${process.version}, ${cpus().length} × ${model}; median of ${rounds} rounds`)
  console.log(rcloneNote())
  for (const [name, { title, run }] of Object.entries(measurements)) {
    if (selected.length > 0 && !selected.includes(name)) continue
    console.log(`\n${title} (\`npm run bench -- ${name}\`):\n`)
    const tables = await run(environment)
    console.log(tables)
    if (process.env['SAVE'] === 'yes') await saveTables(name, commandFor(name), tables)
  }
} finally {
  environment.stop()
}
