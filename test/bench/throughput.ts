/** One large multipart upload through each of three programs, turn by turn. */
import { randomBytes } from 'node:crypto'
import { request } from 'node:http'
import { framework, freePort, startProgram } from './processes.ts'
import type { Program } from './processes.ts'
import { median, ratio, table } from './tables.ts'

const mebibyte = 1024 * 1024

interface Contender {
  name: string
  args: string[]
}

interface Measured {
  mibPerSecond: number
  cpuSecondsPerGib: number
  peakRssMib: number
}

const contenders: Contender[] = [
  { name: 'Driveway', args: framework('upload') },
  { name: 'bare pipe with busboy', args: ['dist/bench/peers/bare-pipe.mjs'] },
  {
    name: '`rawBody` + `files.create`',
    args: framework('upload', 'dist/bench/peers/raw-body.mjs'),
  },
]

/**
 * @param env what the programs find the sandbox by
 * @param bearer a Driveway token
 * @returns a Markdown table of ratios
 */
export async function measureThroughput(
  env: Record<string, string>,
  bearer: string,
  mebibytes: number,
  rounds: number,
): Promise<string> {
  const results = new Map<string, Measured[]>(contenders.map(({ name }) => [name, []]))
  for (let round = 0; round < rounds; round++) {
    for (const { name, args } of contenders) {
      const program = await startProgram(args, env, await freePort())
      try {
        await upload(program, bearer, 1) // nobody is measured while loading
        results.get(name)?.push(await measure(program, bearer, mebibytes))
      } finally {
        await program.stop()
      }
    }
  }
  const medians = [...results].map(([name, all]) => ({
    name,
    speed: median(all.map((one) => one.mibPerSecond)),
    cpu: median(all.map((one) => one.cpuSecondsPerGib)),
    rss: median(all.map((one) => one.peakRssMib)),
  }))
  const pipe = medians[1]
  if (!pipe) return ''
  return table(
    ['one upload', 'MiB/s', '× pipe', 'CPU s/GiB', '× pipe', 'peak RSS, MiB'],
    medians.map(({ name, speed, cpu, rss }) => [
      name,
      speed.toFixed(0),
      ratio(speed / pipe.speed),
      cpu.toFixed(2),
      ratio(cpu / pipe.cpu),
      rss.toFixed(0),
    ]),
  )
}

async function measure(program: Program, bearer: string, mebibytes: number): Promise<Measured> {
  const cpuBefore = await program.cpuSeconds()
  const before = performance.now()
  await upload(program, bearer, mebibytes)
  const seconds = (performance.now() - before) / 1000
  const cpu = (await program.cpuSeconds()) - cpuBefore
  return {
    mibPerSecond: mebibytes / seconds,
    cpuSecondsPerGib: (cpu * 1024) / mebibytes,
    peakRssMib: (await program.peakRss()) / mebibyte,
  }
}

const piece = randomBytes(mebibyte)
const boundary = 'bench-0123456789abcdef'

/** Streams a form with one file of so many mebibytes. */
function upload({ origin }: Program, bearer: string, mebibytes: number): Promise<void> {
  const head =
    `--${boundary}\r\nContent-Disposition: form-data; name="file"; filename="bench.bin"\r\n` +
    'Content-Type: application/octet-stream\r\n\r\n'
  const tail = `\r\n--${boundary}--\r\n`
  return new Promise((resolve, reject) => {
    const req = request(
      `${origin}/upload`,
      {
        method: 'POST',
        headers: {
          authorization: `Bearer ${bearer}`,
          'content-type': `multipart/form-data; boundary=${boundary}`,
          'content-length': head.length + mebibytes * mebibyte + tail.length,
        },
      },
      (res) => {
        let body = ''
        res.setEncoding('utf8').on('data', (text: string) => (body += text))
        res.once('end', () => {
          if ((res.statusCode ?? 500) < 300) resolve()
          else reject(new Error(`An upload was answered with ${res.statusCode}: ${body}`))
        })
      },
    )
    req.once('error', reject)
    req.write(head)
    let sent = 0
    const send = (): void => {
      while (sent < mebibytes) {
        sent++
        if (!req.write(piece)) return void req.once('drain', send)
      }
      req.end(tail)
    }
    send()
  })
}
