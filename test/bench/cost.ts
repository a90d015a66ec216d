/**
 * What Cloud Run would ask for: measured CPU seconds and requests, priced. The prices are those of
 * request-based billing in a Tier 1 region, without what is free each month.
 *
 * @see Google Cloud, "Cloud Run pricing", as of 2026-10-01
 */
import { mebibyte } from './load.ts'
import { uploadByTicket, uploadByTus, upload, uploadSmall } from './load.ts'
import { driveway, measure } from './measure.ts'
import type { Program } from './processes.ts'
import { table } from './report.ts'
import type { BenchEnvironment } from './environment.ts'

const dollars = { vcpuSecond: 0.000024, gibSecond: 0.0000025, request: 0.4 / 1e6 }
/** The instance that is paid for: one vCPU, 512 MiB. */
const second = dollars.vcpuSecond + 0.5 * dollars.gibSecond
/** What a caller on a good line brings, in MiB/s. */
const lineRate = 10

interface UploadMethod {
  name: string
  /** Requests that reach Driveway. */
  requests(mebibytes: number): number
  /** Whether the bytes pass through Driveway, so that it is paid for while they do. */
  streams: boolean
  upload(program: Program, bearer: string, bytes: number): Promise<unknown>
}

const tusChunk = 16

const uploadMethods: UploadMethod[] = [
  {
    name: 'streamed (a form)',
    requests: () => 1,
    streams: true,
    upload: (program, bearer, bytes) =>
      bytes < mebibyte
        ? uploadSmall(program, bearer, { files: 1, bytes, atOnce: 1 })
        : upload(program, bearer, bytes / mebibyte),
  },
  {
    name: `tus, in chunks of ${tusChunk} MiB`,
    requests: (mebibytes) => 1 + (mebibytes < 1 ? 0 : Math.ceil(mebibytes / tusChunk)),
    streams: true,
    upload: (program, bearer, bytes) =>
      uploadByTus(program, bearer, bytes, Math.min(bytes, tusChunk * mebibyte)),
  },
  { name: 'a ticket', requests: () => 2, streams: false, upload: uploadByTicket },
]

/** @returns two Markdown tables: a large file, and very many small ones */
export async function measureCost(world: BenchEnvironment, mebibytes: number): Promise<string> {
  const large: string[][] = []
  const small: string[][] = []
  const files = 400
  for (const way of uploadMethods) {
    const one = await measure(world, driveway, async (program) => {
      await way.upload(program, world.bearer, mebibytes * mebibyte)
    })
    // A ticket costs the same whatever it is for.
    const cpu = one.cpuSeconds * (way.streams ? 1024 / mebibytes : 1)
    const requests = way.requests(1024)
    const asked = requests * dollars.request
    // Alone on its instance a caller pays for as long as its line takes.
    const alone = way.streams ? Math.max(cpu, 1024 / lineRate) : requests * 0.1
    large.push([
      way.name,
      cpu.toFixed(2),
      String(requests),
      cents(cpu * second + asked),
      cents(alone * second + asked),
    ])

    const many = await measure(world, driveway, async (program) => {
      let left = files
      const worker = async (): Promise<void> => {
        while (left-- > 0) await way.upload(program, world.bearer, 10 * 1024)
      }
      await Promise.all(Array.from({ length: 8 }, worker))
    })
    const each = many.cpuSeconds / files
    const requestsEach = way.requests(0)
    // Each request is rounded up to a tenth of a second where nobody shares the instance.
    small.push([
      way.name,
      (each * 1000).toFixed(2),
      String(requestsEach),
      `$${(1e6 * (each * second + requestsEach * dollars.request)).toFixed(2)}`,
      `$${(1e6 * requestsEach * (0.1 * second + dollars.request)).toFixed(2)}`,
    ])
  }
  return [
    table(['1 GiB', 'CPU s', 'requests', 'busy instance', `alone, at ${lineRate} MiB/s`], large),
    table(
      [
        'a million files of 10 KiB',
        'CPU ms each',
        'requests each',
        'busy instance',
        'one at a time',
      ],
      small,
    ),
  ].join('\n\n')
}

function cents(value: number): string {
  return `${(value * 100).toFixed(3)} ¢`
}
