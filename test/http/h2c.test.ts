/** The handlers over HTTP/2 without TLS, where Cloud Run has no request size limit. */
import { afterAll, afterEach, beforeAll, expect, test } from '@jest/globals'
import { createHash, randomBytes } from 'node:crypto'
import { once } from 'node:events'
import type { ClientHttp2Stream } from 'node:http2'
import { connect } from 'node:net'
import { problemCode, filePart, form, send } from '../kit/environment.ts'
import { connectH2c } from '../kit/h2c.ts'
import type { H2cResponse, H2cClient } from '../kit/h2c.ts'
import type { UploadGateway } from '../kit/upload.ts'
import { expectNothingStored, startUploadGateway, waitFor } from '../kit/upload.ts'

const mebibyte = 1024 * 1024
const formType = { 'content-type': 'multipart/form-data; boundary=b' }
const raw = (path: string) => ({ ':method': 'PUT', ':path': `/upload/${path}` })

let driveway: UploadGateway
let h2: H2cClient

beforeAll(async () => {
  driveway = await startUploadGateway({
    google: { drive: { storeBytes: false } },
    env: { MAX_FILE_BYTES: String(120 * mebibyte) },
  })
  h2 = await connectH2c(driveway.origin)
})

afterAll(async () => {
  await h2.close()
  await driveway.close()
})

afterEach(() => {
  driveway.google.faults.clear()
  driveway.resetUploads()
})

/** Returns the first file of a form's response, or the file of a raw upload's response. */
function parseFile({ body }: H2cResponse): { size: number; sha256: string } | undefined {
  const response = JSON.parse(body) as { files?: { size: number; sha256: string }[] }
  return response.files ? response.files[0] : (response as { size: number; sha256: string })
}

const block = randomBytes(mebibyte)
function* blocks(count: number): Generator<Buffer> {
  for (let index = 0; index < count; index++) yield block
}
function digestOf(pieces: Iterable<Buffer>): string {
  const hash = createHash('sha256')
  for (const piece of pieces) hash.update(piece)
  return hash.digest('hex')
}

/** Sends until the stream is destroyed. */
function keepSending(stream: ClientHttp2Stream): void {
  const more = (): void => {
    while (!stream.destroyed && stream.write(block));
  }
  stream.on('drain', more)
  more()
}

test('100 MiB in one request arrive unchanged, as a form and raw', async () => {
  const sha256 = digestOf(blocks(100))
  const [head = '', tail = ''] = form('b', filePart('large.bin', '|')).toString().split('|')
  function* asForm(): Generator<Buffer> {
    yield Buffer.from(head)
    yield* blocks(100)
    yield Buffer.from(tail)
  }
  const length = { 'content-length': 100 * mebibyte }
  for (const response of [
    await h2.request({ ...driveway.bearer, ...formType }, asForm()),
    await h2.request({ ...driveway.bearer, ...raw('large.bin'), ...length }, blocks(100)),
  ]) {
    expect(response.status).toBe(201)
    expect(parseFile(response)).toMatchObject({ size: 100 * mebibyte, sha256 })
  }
  expect(driveway.uploaded().map((file) => file.sha256)).toEqual([sha256, sha256])
})

test('tus uploads and tickets work over HTTP/2', async () => {
  const body = randomBytes(700_000)
  const tus = { ...driveway.bearer, 'tus-resumable': '1.0.0' }
  const created = await h2.request({
    ...tus,
    ':path': '/upload/tus',
    'upload-length': body.length,
    'upload-metadata': `filename ${Buffer.from('tus.bin').toString('base64')}`,
  })
  expect(created.status).toBe(201)
  const patched = await h2.request(
    {
      ...tus,
      ':method': 'PATCH',
      ':path': new URL(created.headers.location ?? '', driveway.origin).pathname,
      'content-type': 'application/offset+octet-stream',
      'upload-offset': 0,
    },
    body,
  )
  expect([patched.status, patched.headers['upload-offset']]).toEqual([204, String(body.length)])

  const tickets = { ...driveway.bearer, ':path': '/upload/tickets' }
  const request = JSON.stringify({ name: 'direct.bin', size: body.length })
  const opened = await h2.request({ ...tickets, 'content-type': 'application/json' }, request)
  const { uploadUrl, completeUrl } = JSON.parse(opened.body) as Record<string, string>
  await fetch(uploadUrl ?? '', { method: 'PUT', body: new Uint8Array(body) })
  const { pathname } = new URL(completeUrl ?? '')
  expect((await h2.request({ ...tickets, ':path': pathname })).status).toBe(201)
  expect(driveway.uploaded().map((file) => [file.name, file.sha256])).toEqual([
    ['tus.bin', digestOf([body])],
    ['direct.bin', digestOf([body])],
  ])
})

test('ten concurrent uploads on one session store their own bytes', async () => {
  const bodies = Array.from({ length: 10 }, (_, index) => randomBytes(3 * mebibyte + index))
  const responses = await Promise.all(
    bodies.map((body, index) =>
      h2.request({ ...driveway.bearer, ...formType }, form('b', filePart(`${index}.bin`, body))),
    ),
  )
  expect(responses.map((response) => response.status)).toEqual(Array(10).fill(201))
  expect(responses.map((response) => parseFile(response)?.sha256)).toEqual(
    bodies.map((body) => digestOf([body])),
  )
})

test('other responses are identical to those over HTTP/1', async () => {
  const get = (path: string, headers = {}): Promise<H2cResponse> =>
    h2.request({ ':method': 'GET', ':path': path, ...headers })
  for (const [path, headers] of [
    ['/files', driveway.bearer],
    ['/files', {}],
    ['/auth/session', driveway.session],
    ['/upload/nothing', {}],
    ['/nothing', {}],
    ['/authx', {}],
    ['/files?a=%zz', {}],
  ] as const) {
    const [over2, over1] = [
      await get(path, headers),
      await send(driveway.origin, path, { headers }),
    ]
    expect([path, over2.status, over2.rstCode]).toEqual([path, over1.status, 0])
    if (over1.status >= 400) expect([path, problemCode(over2)]).toEqual([path, problemCode(over1)])
    else expect([path, over2.body]).toEqual([path, over1.body])
    for (const name of Object.keys(over1.headers)) {
      if (['connection', 'keep-alive', 'transfer-encoding', 'content-length'].includes(name))
        continue
      expect(over2.headers).toHaveProperty(name)
    }
  }
  const options = await h2.request({ ':method': 'OPTIONS' })
  expect([options.status, options.headers['allow']]).toEqual([204, expect.stringContaining('POST')])
  expect((await h2.request({ ':method': 'HEAD', ':path': '/nothing' })).status).toBe(404)
})

test('the session serves the next request after an early error', async () => {
  const small = form('b', filePart('a', 'b'))
  const refusals: [
    next: H2cResponse,
    status: number,
    code: string,
    response: Promise<H2cResponse>,
  ][] = []
  for (const [headers, status, code] of [
    [formType, 401, 'login_required'],
    [{ ...driveway.bearer, 'content-type': 'text/plain' }, 415, 'unsupported_media_type'],
    [{ ...driveway.bearer, ...raw('a'), 'content-length': 200 * mebibyte }, 413, 'too_large'],
    [{ ...driveway.bearer, ...raw('a') }, 411, 'length_required'],
  ] as const) {
    // The client still sends, and gets the whole response.
    const { stream, response } = h2.startRequest(headers)
    keepSending(stream)
    await once(stream, 'end')
    refusals.push([
      await h2.request({ ...driveway.bearer, ...formType }, small),
      status,
      code,
      response,
    ])
  }
  for (const [next, status, code, response] of refusals) {
    const refused = await response
    expect([refused.status, problemCode(refused), refused.rstCode]).toEqual([status, code, 0])
    expect(next.status).toBe(201)
  }
})

test('a too large file is rejected during the upload and nothing is stored', async () => {
  const { stream, response } = h2.startRequest({ ...driveway.bearer, ...formType })
  stream.write(form('b', filePart('a', '|')).toString().split('|')[0])
  keepSending(stream)
  const refused = await response
  expect([refused.status, problemCode(refused), refused.rstCode]).toEqual([413, 'too_large', 0])
  await driveway.settled()
  expectNothingStored(driveway)
})

test('Expect: 100-continue gets 100 Continue when the handler reads the body, and not before', async () => {
  const body = form('b', filePart('a', 'b'))
  const expecting = { ...formType, 'content-length': body.length, expect: '100-continue' }
  const accepted = h2.startRequest({ ...driveway.bearer, ...expecting })
  await once(accepted.stream, 'continue')
  accepted.stream.end(body)
  expect((await accepted.response).status).toBe(201)

  const rejected = h2.startRequest(expecting)
  let hasContinued = false
  rejected.stream.once('continue', () => (hasContinued = true))
  expect([(await rejected.response).status, hasContinued]).toEqual([401, false])
})

test('a connection that is neither HTTP/1 nor HTTP/2 is closed', async () => {
  for (const bytes of ['PRI', 'PRI * HTTP/2.0\r\n\r\nXX\r\n\r\n', '\0\0\0', 'PR\r\n\r\n']) {
    const { hostname, port } = new URL(driveway.origin)
    const socket = connect(Number(port), hostname)
    socket.on('error', () => {}).resume()
    socket.write(bytes)
    if (bytes === 'PRI') socket.end()
    await once(socket, 'close')
  }
  expect(
    (await h2.request({ ':method': 'GET', ':path': '/files', ...driveway.bearer })).status,
  ).toBe(200)
})

test('a shutdown sends GOAWAY, finishes active uploads and ends stalled ones with 503 after 1 s, in which a busy machine can finish the others', async () => {
  const stopping = await startUploadGateway({
    gateway: { graceMs: 1_000, flushMs: 100, linger: { idleMs: 50 } },
  })
  const [{ google, bearer }, upload] = [stopping, { ...stopping.bearer, ...formType }]
  const session = await connectH2c(stopping.origin)
  const whole = form('b', filePart('a', 'finishes'))
  google.faults.add({ operation: 'drive.upload.multipart', hold: 'request' })
  const finishing = session.request(upload, whole)
  const { stream, response } = session.startRequest(upload)
  stream.write(whole.subarray(0, -9)) // and nothing more
  const idle = await connectH2c(stopping.origin)
  await idle.request({ ':method': 'GET', ':path': '/files', ...bearer })
  await waitFor(() => stopping.driveCalls().includes('drive.upload.multipart'))

  const goaways = Promise.all([session, idle].map((client) => once(client.session, 'goaway')))
  const closed = Promise.all([session, idle].map((client) => once(client.socket, 'close')))
  const stopped = stopping.gateway.stop()
  await goaways
  const late = await session.request(upload, whole).catch(() => ({ status: 0 }))
  expect(late.status).toBe(0)
  google.faults.release()
  expect((await finishing).status).toBe(201)
  const refused = await response
  expect([refused.status, problemCode(refused), refused.rstCode]).toEqual([503, 'shutting_down', 0])
  await stopped
  await closed
  await stopping.settled(1)
  await stopping.close()
})
