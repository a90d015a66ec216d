/**
 * Cost on Cloud Run: measured CPU seconds and requests times the prices of request-based billing in a
 * Tier 1 region, without the free tier.
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
/** The price of one second of an instance with one vCPU and 512 MiB, in dollars. */
const instanceSecond = dollars.vcpuSecond + 0.5 * dollars.gibSecond
/** The upload rate of a single client, in MiB/s. */
const clientRate = 10

interface UploadMethod {
  name: string
  /** The number of requests to Driveway. */
  requests(mebibytes: number): number
  /** Whether Driveway streams the bytes, and so is billed during the transfer. */
  isStreamed: boolean
  upload(program: Program, bearer: string, bytes: number): Promise<unknown>
}

const tusChunkMib = 16

const uploadMethods: UploadMethod[] = [
  {
    name: 'streamed (form)',
    requests: () => 1,
    isStreamed: true,
    upload: (program, bearer, bytes) =>
      bytes < mebibyte
        ? uploadSmall(program, bearer, { files: 1, bytes, concurrency: 1 })
        : upload(program, bearer, bytes / mebibyte),
  },
  {
    name: `tus, ${tusChunkMib} MiB chunks`,
    requests: (mebibytes) => 1 + (mebibytes < 1 ? 0 : Math.ceil(mebibytes / tusChunkMib)),
    isStreamed: true,
    upload: (program, bearer, bytes) =>
      uploadByTus(program, bearer, bytes, Math.min(bytes, tusChunkMib * mebibyte)),
  },
  { name: 'ticket', requests: () => 2, isStreamed: false, upload: uploadByTicket },
]

/** @returns two Markdown tables: a large file, and very many small ones */
export async function measureCost(
  environment: BenchEnvironment,
  mebibytes: number,
): Promise<string> {
  const large: string[][] = []
  const small: string[][] = []
  const files = 400
  for (const method of uploadMethods) {
    const single = await measure(environment, driveway, async (program) => {
      await method.upload(program, environment.bearer, mebibytes * mebibyte)
    })
    // The cost of a ticket does not depend on the file size.
    const cpu = single.cpuSeconds * (method.isStreamed ? 1024 / mebibytes : 1)
    const requests = method.requests(1024)
    const requestCost = requests * dollars.request
    // A client alone on an instance pays for the whole transfer.
    const billedSeconds = method.isStreamed ? Math.max(cpu, 1024 / clientRate) : requests * 0.1
    large.push([
      method.name,
      cpu.toFixed(2),
      String(requests),
      cents(cpu * instanceSecond + requestCost),
      cents(billedSeconds * instanceSecond + requestCost),
    ])

    const many = await measure(environment, driveway, async (program) => {
      let remaining = files
      const worker = async (): Promise<void> => {
        while (remaining-- > 0) await method.upload(program, environment.bearer, 10 * 1024)
      }
      await Promise.all(Array.from({ length: 8 }, worker))
    })
    const cpuEach = many.cpuSeconds / files
    const requestsEach = method.requests(0)
    // On an instance that is not shared, each request is rounded up to 100 ms.
    small.push([
      method.name,
      (cpuEach * 1000).toFixed(2),
      String(requestsEach),
      `$${(1e6 * (cpuEach * instanceSecond + requestsEach * dollars.request)).toFixed(2)}`,
      `$${(1e6 * requestsEach * (0.1 * instanceSecond + dollars.request)).toFixed(2)}`,
    ])
  }
  return [
    table(
      ['1 GiB', 'CPU s', 'requests', 'busy instance', `one client at ${clientRate} MiB/s`],
      large,
    ),
    table(
      [
        '1,000,000 files of 10 KiB',
        'CPU ms/file',
        'requests/file',
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
