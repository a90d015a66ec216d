/** One large multipart upload through each of several programs, turn by turn. */
import { upload } from './load.ts'
import { barePipe, compare, driveway, hashPipe, rawBody } from './measure.ts'
import { ratio, table } from './report.ts'
import type { BenchEnvironment } from './environment.ts'

/** @returns a Markdown table of ratios; a pipe that proves nothing is shown beside them */
export async function measureThroughput(
  world: BenchEnvironment,
  mebibytes: number,
  rounds: number,
): Promise<string> {
  const contenders = [driveway, hashPipe, barePipe, rawBody]
  const results = await compare(world, contenders, rounds, async (program) => {
    await upload(program, world.bearer, mebibytes)
  })
  const speedOf = (index: number): number => mebibytes / (results[index]?.seconds ?? NaN)
  const cpuOf = (index: number): number => ((results[index]?.cpuSeconds ?? NaN) * 1024) / mebibytes
  return table(
    ['one upload', 'MiB/s', '× pipe with hash', 'CPU s/GiB', '× pipe with hash', 'peak RSS, MiB'],
    contenders.map(({ name }, index) => [
      name,
      speedOf(index).toFixed(0),
      ratio(speedOf(index) / speedOf(1)),
      cpuOf(index).toFixed(2),
      ratio(cpuOf(index) / cpuOf(1)),
      results[index]?.peakRssMib.toFixed(0) ?? '',
    ]),
  )
}
