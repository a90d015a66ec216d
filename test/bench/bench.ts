/**
 * `npm run bench`: Driveway beside its peers, on this machine, in one run. What counts are the
 * ratios; the machine is whatever it is.
 *
 * `npm run bench -- latency size` measures only these; `SAVE=yes` puts what comes out into
 * `docs/bench.md`. MIB (1000) is the size of a large upload, a
 * little less than the usual way takes; ROUNDS (3) how often peers are measured beside each other,
 * medians being shown.
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
  { title: string; run(world: BenchEnvironment): Promise<string> }
> = {
  throughput: {
    title: `${mebibytes} MiB in one multipart form, no added latency`,
    run: (world) => measureThroughput(world, mebibytes, rounds),
  },
  small: { title: 'Small files', run: (world) => measureSmallFiles(world, rounds) },
  latency: {
    title: `${mebibytes} MiB, and a Drive that takes its time`,
    run: (world) => measureLatency(world, mebibytes),
  },
  parallel: {
    title: 'Uploads of 64 MiB at the same time',
    run: (world) => measureConcurrency(world, Math.min(64, mebibytes)),
  },
  size: { title: 'One upload, by its size', run: measureFileSize },
  cost: { title: 'What it costs', run: (world) => measureCost(world, Math.min(256, mebibytes)) },
  start: {
    title: 'Starting',
    run: ({ env, bearer }) => measureColdStart(env, bearer, rounds),
  },
}

/** What measures the same again. */
function commandFor(name: string): string {
  return `MIB=${mebibytes} ROUNDS=${rounds} npm run bench -- ${name}`
}

const wanted = process.argv.slice(2)
const unknown = wanted.filter((name) => !Object.hasOwn(measurements, name))
if (unknown.length > 0) {
  console.error(
    `There is no ${unknown.join(', ')}; choose from ${Object.keys(measurements).join(', ')}`,
  )
  process.exit(2)
}
await prepareDeployment()
const world = await startEnvironment()
try {
  const model = cpus()[0]?.model ?? 'unknown processor'
  console.log(`Node ${process.version}, ${cpus().length} × ${model}; medians of ${rounds}`)
  console.log(rcloneNote())
  for (const [name, { title, run }] of Object.entries(measurements)) {
    if (wanted.length > 0 && !wanted.includes(name)) continue
    console.log(`\n${title} (\`npm run bench -- ${name}\`):\n`)
    const tables = await run(world)
    console.log(tables)
    if (process.env['SAVE'] === 'yes') await saveTables(name, commandFor(name), tables)
  }
} finally {
  world.stop()
}
