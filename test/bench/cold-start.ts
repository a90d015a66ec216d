/** Cold start: the time from process start to the first response, compared with an empty function. */
import { framework, freePort, startProgram } from './processes.ts'
import { median, ratio, table } from './report.ts'

/** A function, and a request that needs Google's services: secret, store, token, Drive. */
interface ColdStart {
  name: string
  args: string[]
  googleRequest?: {
    path: string
    headers: Record<string, string>
    method?: string
    body?: FormData
  }
}

/** @returns a Markdown table of ratios */
export async function measureColdStart(
  env: Record<string, string>,
  bearer: string,
  rounds: number,
): Promise<string> {
  const headers = { authorization: `Bearer ${bearer}` }
  const form = new FormData()
  form.append('file', new Blob(['hello']), 'hello.txt')
  const functions: ColdStart[] = [
    { name: 'empty function', args: framework('empty', 'dist/bench/baselines/empty.mjs') },
    { name: '`auth`', args: framework('auth'), googleRequest: { path: '/auth', headers: {} } },
    { name: '`callback`', args: framework('callback') },
    { name: '`files`', args: framework('files'), googleRequest: { path: '/files', headers } },
    {
      name: '`upload`',
      args: framework('upload'),
      googleRequest: { path: '/upload', headers, method: 'POST', body: form },
    },
  ]
  const times = new Map<string, { first: number[]; google: number[] }>()
  for (let round = 0; round < rounds; round++) {
    for (const { name, args, googleRequest } of functions) {
      const samples = times.get(name) ?? { first: [], google: [] }
      times.set(name, samples)
      const port = await freePort()
      const startedAt = performance.now()
      const program = await startProgram(args, env, port)
      try {
        samples.first.push(performance.now() - startedAt)
        if (!googleRequest) continue
        const { path, ...init } = googleRequest
        const response = await fetch(program.origin + path, { ...init, redirect: 'manual' })
        await response.arrayBuffer()
        if (response.status >= 400) throw new Error(`${name} returned ${response.status}`)
        samples.google.push(performance.now() - startedAt)
      } finally {
        await program.stop()
      }
    }
  }
  const empty = median(times.get('empty function')?.first ?? [])
  return table(
    [
      'time from process start',
      'first response, ms',
      '× empty',
      'first response that needs Google, ms',
      '× empty',
    ],
    [...times].map(([name, { first, google }]) => [
      name,
      median(first).toFixed(0),
      ratio(median(first) / empty),
      ...(google.length === 0
        ? ['', '']
        : [median(google).toFixed(0), ratio(median(google) / empty)]),
    ]),
  )
}
