/** Small files over keep-alive connections. */
import { uploadSmall } from './load.ts'
import { barePipe, compare, driveway, rawBody } from './measure.ts'
import { ratio, table } from './report.ts'
import type { BenchEnvironment } from './environment.ts'

const load = { files: 2_000, bytes: 10 * 1024, concurrency: 8 }

export async function measureSmallFiles(
  environment: BenchEnvironment,
  rounds: number,
): Promise<string> {
  const candidates = [driveway, barePipe, rawBody]
  const results = await compare(environment, candidates, rounds, (program) =>
    uploadSmall(program, environment.bearer, load),
  )
  const pipe = results[1]?.seconds ?? NaN
  return table(
    [
      `${load.files} files of 10 KiB, ${load.concurrency} concurrent`,
      'files/s',
      '× pipe',
      'CPU ms/file',
    ],
    candidates.map(({ name }, index) => {
      const { seconds = NaN, cpuSeconds = NaN } = results[index] ?? {}
      return [
        name,
        (load.files / seconds).toFixed(0),
        ratio(pipe / seconds),
        ((cpuSeconds * 1000) / load.files).toFixed(2),
      ]
    }),
  )
}
