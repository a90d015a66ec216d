/** One large multipart upload through each candidate. */
import { upload } from './load.ts'
import { barePipe, compare, driveway, hashPipe, rawBody } from './measure.ts'
import { ratio, table } from './report.ts'
import type { BenchEnvironment } from './environment.ts'

/** @returns a Markdown table; the ratios are relative to the pipe with SHA-256 */
export async function measureThroughput(
  environment: BenchEnvironment,
  mebibytes: number,
  rounds: number,
): Promise<string> {
  const candidates = [driveway, hashPipe, barePipe, rawBody]
  const results = await compare(environment, candidates, rounds, async (program) => {
    await upload(program, environment.bearer, mebibytes)
  })
  const speedOf = (index: number): number => mebibytes / (results[index]?.seconds ?? NaN)
  const cpuOf = (index: number): number => ((results[index]?.cpuSeconds ?? NaN) * 1024) / mebibytes
  return table(
    [
      'one upload',
      'MiB/s',
      '× pipe with SHA-256',
      'CPU s/GiB',
      '× pipe with SHA-256',
      'peak RSS, MiB',
    ],
    candidates.map(({ name }, index) => [
      name,
      speedOf(index).toFixed(0),
      ratio(speedOf(index) / speedOf(1)),
      cpuOf(index).toFixed(2),
      ratio(cpuOf(index) / cpuOf(1)),
      results[index]?.peakRssMib.toFixed(0) ?? '',
    ]),
  )
}
