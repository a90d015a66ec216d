/** How cost grows: with Drive's latency, with uploads at the same time, with the file's size. */
import { upload } from './load.ts'
import { driveway, fixedChunks, measure } from './measure.ts'
import type { Candidate, Measurement } from './measure.ts'
import { savePlot } from './plot.ts'
import { ratio, table } from './report.ts'
import type { BenchEnvironment } from './environment.ts'

export async function measureLatency(world: BenchEnvironment, mebibytes: number): Promise<string> {
  const latencies = [0, 30, 150]
  const contenders: Candidate[] = [driveway, fixedChunks]
  const speeds = contenders.map((): number[] => [])
  const peaks = contenders.map((): number[] => [])
  try {
    for (const latency of latencies) {
      await world.setDriveLatency(latency)
      for (const [index, contender] of contenders.entries()) {
        const { seconds, peakRssMib } = await measure(world, contender, async (program) => {
          await upload(program, world.bearer, mebibytes)
        })
        speeds[index]?.push(mebibytes / seconds)
        peaks[index]?.push(peakRssMib)
      }
    }
  } finally {
    await world.setDriveLatency(0)
  }
  await savePlot('latency', {
    title: `One upload of ${mebibytes} MiB, with milliseconds added to each Drive request`,
    x: latencies.map((ms) => `${ms} ms`),
    y: 'MiB/s',
    lines: contenders.map(({ name }, index) => ({ name, values: speeds[index] ?? [] })),
  })
  return table(
    ['added latency', ...contenders.flatMap(({ name }) => [name, '× none', 'peak RSS, MiB'])],
    latencies.map((latency, row) => [
      `${latency} ms`,
      ...contenders.flatMap((_, index) => {
        const speed = speeds[index]?.[row] ?? NaN
        const none = speeds[index]?.[0] ?? NaN
        return [speed.toFixed(0), ratio(speed / none), (peaks[index]?.[row] ?? NaN).toFixed(0)]
      }),
    ]),
  )
}

export async function measureConcurrency(
  world: BenchEnvironment,
  mebibytes: number,
): Promise<string> {
  const counts = [1, 8, 50, 200]
  const results: (Measurement & { refused: number })[] = []
  for (const count of counts) {
    let refused = 0
    const measured = await measure(world, driveway, async (program) => {
      const all = Array.from({ length: count }, () => upload(program, world.bearer, mebibytes))
      refused = (await Promise.all(all)).filter((stored) => !stored).length
    })
    results.push({ ...measured, refused })
  }
  await savePlot('parallel', {
    title: `Uploads of ${mebibytes} MiB at the same time`,
    x: counts.map(String),
    y: 'peak RSS, MiB',
    lines: [{ name: 'Driveway', values: results.map(({ peakRssMib }) => peakRssMib) }],
  })
  return table(
    ['uploads at once', 'MiB/s', 'CPU s/GiB', 'peak RSS, MiB', 'refused (503)'],
    results.map(({ seconds, cpuSeconds, peakRssMib, refused }, row) => {
      const stored = ((counts[row] ?? 0) - refused) * mebibytes
      return [
        String(counts[row]),
        (stored / seconds).toFixed(0),
        ((cpuSeconds * 1024) / stored).toFixed(2),
        peakRssMib.toFixed(0),
        String(refused),
      ]
    }),
  )
}

export async function measureFileSize(world: BenchEnvironment): Promise<string> {
  const sizes = [16, 256, 1024, 5120]
  const results: Measurement[] = []
  for (const mebibytes of sizes) {
    results.push(
      await measure(world, driveway, async (program) => {
        await upload(program, world.bearer, mebibytes)
      }),
    )
  }
  const names = sizes.map((size) => (size < 1024 ? `${size} MiB` : `${size / 1024} GiB`))
  await savePlot('size', {
    title: 'One upload, by its size',
    x: names,
    y: 'peak RSS, MiB',
    lines: [{ name: 'Driveway', values: results.map(({ peakRssMib }) => peakRssMib) }],
  })
  return table(
    ['one upload', 'MiB/s', 'CPU s/GiB', 'peak RSS, MiB'],
    results.map(({ seconds, cpuSeconds, peakRssMib }, row) => {
      const size = sizes[row] ?? NaN
      const cpu = (cpuSeconds * 1024) / size
      return [names[row] ?? '', (size / seconds).toFixed(0), cpu.toFixed(2), peakRssMib.toFixed(0)]
    }),
  )
}
