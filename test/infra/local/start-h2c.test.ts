/** `npm run start:h2c`: prints curl commands that use HTTP/2 with prior knowledge. */
import { expect, test } from '@jest/globals'
import { execFile, execFileSync } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { connectH2c } from '../../kit/h2c.ts'
import { end, environment, freePort, root, run } from '../../kit/process.ts'

const shell = promisify(execFile)

function curlSupportsHttp2(): boolean {
  try {
    return /^Features:.*\bHTTP2\b/m.test(execFileSync('curl', ['--version'], { encoding: 'utf8' }))
  } catch {
    return false
  }
}

test('npm run start:h2c prints commands for HTTP/2, and serves the page over HTTP/1.1 and HTTP/2', async () => {
  const { scripts } = JSON.parse(await readFile(join(root, 'package.json'), 'utf8')) as {
    scripts: Record<string, string>
  }
  const args = (scripts['start:h2c'] ?? '').split(' ').slice(-2)
  expect(args).toEqual(['dist/local/start.mjs', '--h2c'])
  const started = run(process.execPath, args, {
    env: environment({
      PORT: String(await freePort()),
      FIRESTORE: 'embedded',
      CLIENT_ID_FILE: 'none.json',
    }),
  })
  try {
    const output = await started.waitForOutput(/Press Ctrl-C to stop/)
    const line = (label: string): string =>
      new RegExp(`^ {2}${label} +(.*)$`, 'm').exec(output)?.[1] ?? ''
    for (const label of ['List', 'Upload', 'Pipe']) {
      expect(line(label)).toContain('curl --http2-prior-knowledge ')
    }
    if (curlSupportsHttp2()) {
      const pasted = `${line('Upload')} -sS -w '%{http_version} %{response_code}'`
      expect((await shell('sh', ['-c', pasted], { cwd: root })).stdout).toMatch(/2 201$/)
    }
    const { request, close } = await connectH2c(line('Page'))
    const page = await request({ ':method': 'GET', ':path': '/' })
    expect([page.status, page.body]).toEqual([200, await (await fetch(line('Page'))).text()])
    await close()
  } finally {
    started.child.kill('SIGTERM')
    expect(await started.exited).toBe(0)
    await end(started)
  }
})
