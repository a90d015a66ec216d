/** Measures how rate, CPU and memory depend on Drive's latency, the concurrency and the file size. */
import { upload } from './load.ts'
import { driveway, fixedChunks, measure } from './measure.ts'
import type { Candidate, Measurement } from './measure.ts'
import { savePlot } from './plot.ts'
import { ratio, table } from './report.ts'
import type { BenchEnvironment } from './environment.ts'

export async function measureLatency(
  environment: BenchEnvironment,
  mebibytes: number,
): Promise<string> {
  const latencies = [0, 30, 150]
  const candidates: Candidate[] = [driveway, fixedChunks]
  const speeds = candidates.map((): number[] => [])
  const peaks = candidates.map((): number[] => [])
  try {
    for (const latency of latencies) {
      await environment.setDriveLatency(latency)
      for (const [index, candidate] of candidates.entries()) {
        const { seconds, peakRssMib } = await measure(environment, candidate, async (program) => {
          await upload(program, environment.bearer, mebibytes)
        })
        speeds[index]?.push(mebibytes / seconds)
        peaks[index]?.push(peakRssMib)
      }
    }
  } finally {
    await environment.setDriveLatency(0)
  }
  await savePlot('latency', {
    title: `One upload of ${mebibytes} MiB, with milliseconds added to each Drive request`,
    x: latencies.map((ms) => `${ms} ms`),
    y: 'MiB/s',
    lines: candidates.map(({ name }, index) => ({ name, values: speeds[index] ?? [] })),
  })
  return table(
    [
      'added latency',
      ...candidates.flatMap(({ name }) => [`${name}, MiB/s`, '× 0 ms', 'peak RSS, MiB']),
    ],
    latencies.map((latency, row) => [
      `${latency} ms`,
      ...candidates.flatMap((_, index) => {
        const speed = speeds[index]?.[row] ?? NaN
        const baseline = speeds[index]?.[0] ?? NaN
        return [speed.toFixed(0), ratio(speed / baseline), (peaks[index]?.[row] ?? NaN).toFixed(0)]
      }),
    ]),
  )
}

export async function measureConcurrency(
  environment: BenchEnvironment,
  mebibytes: number,
): Promise<string> {
  const counts = [1, 8, 50, 200]
  const results: (Measurement & { refused: number })[] = []
  for (const count of counts) {
    let refused = 0
    const measured = await measure(environment, driveway, async (program) => {
      const all = Array.from({ length: count }, () =>
        upload(program, environment.bearer, mebibytes),
      )
      refused = (await Promise.all(all)).filter((stored) => !stored).length
    })
    results.push({ ...measured, refused })
  }
  await savePlot('parallel', {
    title: `Concurrent uploads of ${mebibytes} MiB`,
    x: counts.map(String),
    y: 'peak RSS, MiB',
    lines: [{ name: 'Driveway', values: results.map(({ peakRssMib }) => peakRssMib) }],
  })
  return table(
    ['concurrent uploads', 'MiB/s', 'CPU s/GiB', 'peak RSS, MiB', 'refused (503)'],
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

export async function measureFileSize(environment: BenchEnvironment): Promise<string> {
  const sizes = [16, 256, 1024, 5120]
  const results: Measurement[] = []
  for (const mebibytes of sizes) {
    results.push(
      await measure(environment, driveway, async (program) => {
        await upload(program, environment.bearer, mebibytes)
      }),
    )
  }
  const names = sizes.map((size) => (size < 1024 ? `${size} MiB` : `${size / 1024} GiB`))
  await savePlot('size', {
    title: 'One upload, by file size',
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
