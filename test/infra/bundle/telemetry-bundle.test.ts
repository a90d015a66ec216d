/** The bundle with an OTLP collector: it exports telemetry, and the rest on SIGTERM. */
import { afterAll, expect, test } from '@jest/globals'
import { join } from 'node:path'
import type { Google } from '../../../infra/sandbox/index.ts'
import { startGoogle } from '../../../infra/sandbox/index.ts'
import { startCollector } from '../../kit/otlp-collector.ts'
import type { Collector } from '../../kit/otlp-collector.ts'
import { waitFor } from '../../kit/wait-for.ts'
import { end, environment, freePorts, root, run } from '../../kit/process.ts'
import type { RunningProgram } from '../../kit/process.ts'
import { signingKeys } from '../../kit/signing-keys.ts'

const framework = join(root, 'node_modules/@google-cloud/functions-framework/build/src/main.js')

let google: Google | undefined
let collector: Collector | undefined
let started: RunningProgram | undefined

afterAll(async () => {
  if (started) await end(started)
  await collector?.close()
  await google?.close()
})

test('a bundled function exports all telemetry before it exits on SIGTERM', async () => {
  const [port = 0] = await freePorts(1)
  const origin = `http://127.0.0.1:${port}`
  let isDown = true
  let accepted = ''
  google = await startGoogle({ publicUrl: origin, signingKeys })
  const { bodies, ...listening } = (collector = await startCollector((_, res) => {
    if (!isDown) accepted += bodies.at(-1)
    res.writeHead(isDown ? 503 : 200).end()
  }))
  const fn = run(process.execPath, [framework, '--target=files', `--port=${port}`], {
    env: environment({
      ...google.env,
      NODE_ENV: 'production',
      OTEL_EXPORTER_OTLP_ENDPOINT: `${listening.origin}/`,
      OTEL_EXPORTER_OTLP_HEADERS: 'api-key=canary-key',
    }),
  })
  started = fn
  // The first export follows a request and fails; the next one waits for its interval.
  await waitFor(async () => {
    if (fn.child.exitCode !== null) throw new Error(fn.output)
    const response = await fetch(`${origin}/files`).catch(() => undefined)
    if (response) expect(response.status).toBe(401)
    return bodies.length > 0
  })
  await fn.waitForOutput(/telemetry_export_failed/)
  isDown = false
  fn.child.kill('SIGTERM')
  expect(await fn.exited).toBe(0)
  expect(accepted).toContain('"http.server.request.duration"')
  expect(accepted).toContain('"resourceSpans"')
  expect(accepted).toContain('{"key":"service.name","value":{"stringValue":"driveway"}}')
  expect(listening.headers.every((headers) => headers['api-key'] === 'canary-key')).toBe(true)
  expect(fn.output).not.toContain('canary-key')
})
