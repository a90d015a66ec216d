/** From starting the process to its first answer, each function beside one that does nothing. */
import { framework, freePort, startProgram } from './processes.ts'
import { median, ratio, table } from './report.ts'

/** The request that first needs Google: secret, store, token, Drive. */
interface FirstRequest {
  name: string
  args: string[]
  real?: { path: string; headers: Record<string, string>; method?: string; body?: FormData }
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
  const functions: FirstRequest[] = [
    { name: 'an empty function', args: framework('empty', 'dist/bench/baselines/empty.mjs') },
    { name: '`auth`', args: framework('auth'), real: { path: '/auth', headers: {} } },
    { name: '`callback`', args: framework('callback') },
    { name: '`files`', args: framework('files'), real: { path: '/files', headers } },
    {
      name: '`upload`',
      args: framework('upload'),
      real: { path: '/upload', headers, method: 'POST', body: form },
    },
  ]
  const answered = new Map<string, { first: number[]; real: number[] }>()
  for (let round = 0; round < rounds; round++) {
    for (const { name, args, real } of functions) {
      const times = answered.get(name) ?? { first: [], real: [] }
      answered.set(name, times)
      const port = await freePort()
      const before = performance.now()
      const program = await startProgram(args, env, port)
      try {
        times.first.push(performance.now() - before)
        if (!real) continue
        const { path, ...init } = real
        const answer = await fetch(program.origin + path, { ...init, redirect: 'manual' })
        await answer.arrayBuffer()
        if (answer.status >= 400) throw new Error(`${name} answered ${answer.status}`)
        times.real.push(performance.now() - before)
      } finally {
        await program.stop()
      }
    }
  }
  const empty = median(answered.get('an empty function')?.first ?? [])
  return table(
    ['from process start', 'first answer, ms', '× empty', 'first request to Google, ms', '× empty'],
    [...answered].map(([name, { first, real }]) => [
      name,
      median(first).toFixed(0),
      ratio(median(first) / empty),
      ...(real.length === 0 ? ['', ''] : [median(real).toFixed(0), ratio(median(real) / empty)]),
    ]),
  )
}
