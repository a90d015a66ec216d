/** Metrics and spans at a collector, and failures of the collector. */
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { metrics } from '../../functions/telemetry/metrics.ts'
import { filePart, form, listen, send, startDriveway, uploadForm } from '../kit/environment.ts'
import type { Driveway, DrivewayOptions } from '../kit/environment.ts'
import { attributesOf, startCollector } from '../kit/otlp-collector.ts'
import type { Collector, Point } from '../kit/otlp-collector.ts'
import { waitFor } from '../kit/wait-for.ts'

const trace = '0af7651916cd43dd8448eb211c80319c'
const span = '00f067aa0ba902b7'
const traceparent = `00-${trace}-${span}-01`
const chunkBytes = 262_144

/** Starts a gateway after its exporter is loaded. */
async function startWithCollector(
  endpoint: string,
  options: DrivewayOptions = {},
): Promise<Driveway> {
  await import('../../functions/telemetry/otlp-exporter.ts')
  const env = { OTEL_EXPORTER_OTLP_ENDPOINT: endpoint, ...options.env }
  return startDriveway({ ...options, env })
}

const exportErrors = ({ logs }: Driveway): unknown[] =>
  logs.filter(({ message }) => message === 'telemetry_export_failed')

async function makeRequests(driveway: Driveway): Promise<void> {
  const { origin, bearer } = driveway
  for (const name of ['one', 'two', 'three']) {
    const put = { method: 'PUT', headers: bearer, body: name }
    expect((await send(origin, `/upload/${name}`, put)).status).toBe(201)
  }
  expect((await send(origin, '/files', { headers: bearer })).status).toBe(200)
}

describe('the collector', () => {
  let collector: Collector
  let driveway: Driveway

  beforeAll(async () => {
    collector = await startCollector()
    driveway = await startWithCollector(collector.origin, {
      gateway: { chunkBytes, sleep: async () => {} },
    })
    const { origin, bearer, google } = driveway
    const big = Buffer.alloc(3 * chunkBytes + 5, 7)
    google.faults.add({ operation: 'drive.upload.chunk', status: 503 })
    google.faults.add({ operation: 'drive.files.list', status: 401 }) // so that the token is refreshed
    const headers = { ...bearer, traceparent }
    await send(origin, '/upload/canary-name.txt', { method: 'PUT', headers: bearer, body: 'raw' })
    const stored = await send(origin, '/upload/canary-big.bin', {
      method: 'PUT',
      headers,
      body: big,
    })
    expect(stored.status).toBe(201)
    const { id } = JSON.parse(stored.body) as { id: string }
    await uploadForm(driveway, form('b', filePart('canary-form', '12')))
    await send(origin, '/files', { headers })
    await send(origin, `/files/${id}/content`, { headers: bearer })
    await send(origin, '/files?canary-unknown=1', {})
    await send(origin, '/nowhere', {})
    await driveway.gateway.stop()
  })
  afterAll(async () => {
    await driveway.close()
    await collector.close()
  })

  const points = (name: string): Point[] => {
    const metric = collector.metrics.get(name)
    return (metric?.sum ?? metric?.histogram)?.dataPoints ?? []
  }
  /** The sums of a counter or the counts of a histogram, by attributes. */
  const totals = (name: string): [Record<string, unknown>, number][] =>
    points(name).map((point) => [attributesOf(point), Number(point.asInt ?? point.count)])

  test('receives every metric with the unit, kind and attributes of its definition', () => {
    expect([...collector.metrics.keys()].toSorted()).toEqual(Object.keys(metrics).toSorted())
    for (const [name, { unit, kind, description, attributes }] of Object.entries(metrics)) {
      const metric = collector.metrics.get(name)
      expect(metric).toMatchObject({ unit, description })
      const data = kind === 'counter' ? metric?.sum : metric?.histogram
      expect(data?.aggregationTemporality).toBe(2)
      expect(metric?.sum?.isMonotonic).toBe(kind === 'counter' ? true : undefined)
      for (const point of data?.dataPoints ?? []) {
        const used = Object.keys(attributesOf(point))
        expect([
          name,
          used.filter((key) => !(attributes as readonly string[]).includes(key)),
        ]).toEqual([name, []])
        expect(BigInt(point.startTimeUnixNano)).toBeLessThanOrEqual(BigInt(point.timeUnixNano))
        if (kind === 'counter') continue
        expect(point.bucketCounts).toHaveLength((point.explicitBounds?.length ?? 0) + 1)
        const inBuckets = point.bucketCounts?.reduce((sum, count) => sum + Number(count), 0)
        expect(inBuckets).toBe(Number(point.count))
      }
    }
  })

  test('receives uploads and bytes by upload method', () => {
    const raw = { 'driveway.upload.method': 'raw' }
    const inForm = { 'driveway.upload.method': 'form' }
    expect(totals('driveway.uploads')).toEqual([
      [raw, 2],
      [inForm, 1],
    ])
    expect(totals('driveway.uploaded_bytes')).toEqual([
      [raw, 3 + 3 * chunkBytes + 5],
      [inForm, 2],
    ])
  })

  test('receives chunk sizes, buffer sizes, retries and token refreshes', () => {
    const [chunks] = points('driveway.drive.chunk_size')
    expect(chunks?.max).toBe(chunkBytes)
    expect(chunks?.sum).toBeGreaterThanOrEqual(3 * chunkBytes + 5)
    const [window] = points('driveway.upload.buffer')
    expect(Number(window?.count)).toBe(3)
    expect(window?.max).toBeGreaterThanOrEqual(chunkBytes)
    expect(totals('driveway.drive.retries')).toEqual([[{}, expect.any(Number)]])
    expect(totals('driveway.token.refreshes')).toEqual([
      [{ 'driveway.result': 'refreshed' }, expect.any(Number)],
    ])
  })

  test('receives the quota units of requests to Drive', () => {
    const units = new Map(
      totals('driveway.drive.quota_units').map(([is, sum]) => [is['driveway.drive.method'], sum]),
    )
    expect(units.get('files.list')).toBe(200) // rejected and retried: both count
    expect(units.get('files.get_media')).toBe(200)
    expect(Number(units.get('files.create')) % 50).toBe(0)
    expect(Number(units.get('files.generateIds')) % 5).toBe(0)
    expect([...units.keys()]).not.toContain('other')
    expect([...units.keys()]).not.toContain('session.chunk')
  })

  test('receives request durations by function and status', () => {
    const requests = totals('http.server.request.duration')
    const of = (name: string, method: string, status: number): number | undefined =>
      requests.find(
        ([is]) =>
          is['driveway.function'] === name &&
          is['http.request.method'] === method &&
          is['http.response.status_code'] === status,
      )?.[1]
    expect(of('upload', 'PUT', 201)).toBe(2)
    expect(of('upload', 'POST', 201)).toBe(1)
    expect(of('files', 'GET', 200)).toBe(2)
    expect(of('files', 'GET', 401)).toBe(1)
    expect(of('none', 'GET', 404)).toBe(1)
  })

  test('receives the span of a request and child spans of its requests to Drive', () => {
    const ours = collector.spans.filter(({ traceId }) => traceId === trace)
    const put = ours.find(({ name }) => name === 'PUT /upload')
    expect(put).toMatchObject({ kind: 2, parentSpanId: span, status: {} })
    expect(attributesOf(put ?? { attributes: [] })).toEqual({
      'driveway.function': 'upload',
      'http.request.method': 'PUT',
      'http.response.status_code': 201,
    })
    const children = ours.filter(({ parentSpanId }) => parentSpanId === put?.spanId)
    const names = children.map(({ name }) => name)
    expect(names).toContain('drive files.create')
    expect(names.filter((name) => name === 'drive session.chunk').length).toBeGreaterThanOrEqual(4)
    expect(new Set(children.map(({ kind }) => kind))).toEqual(new Set([3]))
    for (const { startTimeUnixNano, endTimeUnixNano, spanId, traceId } of collector.spans) {
      expect(BigInt(startTimeUnixNano)).toBeLessThanOrEqual(BigInt(endTimeUnixNano))
      expect(spanId).toMatch(/^[0-9a-f]{16}$/)
      expect(traceId).toMatch(/^[0-9a-f]{32}$/)
    }
    const list = ours.find(({ name }) => name === 'GET /files')
    expect(ours.find(({ name }) => name === 'drive files.list')?.parentSpanId).toBe(list?.spanId)
  })

  test('receives a failed span with the status of Drive', () => {
    const failed = collector.spans.filter(({ status }) => status.code === 2)
    expect(failed.map((failedSpan) => attributesOf(failedSpan)['error.type'])).toContain('503')
  })

  test('receives the resource attributes with each export', () => {
    for (const resource of collector.resources) {
      expect(attributesOf(resource)).toEqual({
        'service.name': 'driveway',
        'faas.name': 'driveway',
        'cloud.account.id': 'sandbox',
        'service.instance.id': expect.stringMatching(/^[0-9a-f-]{36}$/),
      })
    }
    expect(collector.resources.length).toBeGreaterThan(1)
  })

  test('receives no secret, file name, address or user identifier', () => {
    const all = collector.bodies.join('\n')
    const { bearer, session, sub } = driveway
    const [, token = ''] = (bearer['authorization'] ?? '').split(' ')
    const [, cookie = ''] = (session['cookie'] ?? '').split('=')
    for (const secret of [token, cookie, sub]) {
      expect(secret.length).toBeGreaterThan(8)
      expect(all).not.toContain(secret)
    }
    expect(all).not.toMatch(/canary|ya29|1\/\/|GOCSPX|dwd?_|eyJ|upload_id|Bearer|@|https?:\/\//)
    for (const id of driveway.google.oauth.users.map(({ email }) => email)) {
      expect(all).not.toContain(id)
    }
  })
})

describe('an unsampled trace', () => {
  test('exports metrics and no spans', async () => {
    const collector = await startCollector()
    const driveway = await startWithCollector(collector.origin, { isSignedIn: false })
    await send(driveway.origin, '/files', {
      headers: { 'x-cloud-trace-context': `${trace}/1;o=0` },
    })
    await waitFor(() => collector.metrics.has('http.server.request.duration'))
    await driveway.close()
    expect(collector.spans).toEqual([])
    await collector.close()
  })
})

describe('the remaining data', () => {
  test('is exported when the last active request ends', async () => {
    const collector = await startCollector()
    const driveway = await startWithCollector(collector.origin, { isSignedIn: false })
    await send(driveway.origin, '/files', {})
    await waitFor(() => collector.spans.length === 1)
    expect(collector.spans[0]?.name).toBe('GET /files')
    await driveway.close()
    await collector.close()
  })
})

describe('requests succeed with a collector', () => {
  test('that is down', async () => {
    const server = createServer()
    await listen(server)
    const { port } = server.address() as AddressInfo
    await new Promise((resolve) => server.close(resolve))
    const driveway = await startWithCollector(`http://127.0.0.1:${port}`)
    await makeRequests(driveway)
    await waitFor(() => exportErrors(driveway).length > 0)
    await driveway.close()
    // Logged once, not for every request.
    expect(exportErrors(driveway)).toEqual([expect.objectContaining({ severity: 'WARNING' })])
  })

  test('that returns 403', async () => {
    const collector = await startCollector((_req, res) => void res.writeHead(403).end('no'))
    const driveway = await startWithCollector(collector.origin)
    await makeRequests(driveway)
    await waitFor(() => exportErrors(driveway).length > 0)
    await driveway.close()
    expect(exportErrors(driveway)).toEqual([
      expect.objectContaining({ reason: 'The collector returned 403' }),
    ])
    await collector.close()
  })

  test('that redirects, and nothing is sent to the other URL', async () => {
    const otherCollector = await startCollector()
    const collector = await startCollector((_req, res) => {
      res.writeHead(307, { location: `${otherCollector.origin}/v1/metrics` }).end()
    })
    const driveway = await startWithCollector(collector.origin)
    await makeRequests(driveway)
    await waitFor(() => exportErrors(driveway).length > 0)
    await driveway.close()
    expect(otherCollector.bodies).toEqual([])
    await Promise.all([collector.close(), otherCollector.close()])
  })

  test('that does not respond', async () => {
    const collector = await startCollector(() => {})
    const driveway = await startWithCollector(collector.origin, {
      gateway: { timeouts: { lastExport: 200 } },
    })
    await makeRequests(driveway)
    await waitFor(() => collector.bodies.length > 0)
    // The shutdown waits for it with a timeout.
    await driveway.close()
    await collector.close()
  })

  test('that recovers, and then receives all counts and the buffered spans', async () => {
    let isDown = true
    const recovered = await startCollector()
    const collector = await startCollector(async (req, res) => {
      if (isDown) {
        res.writeHead(503).end()
        return
      }
      const body = collector.bodies.at(-1) ?? ''
      const headers = { 'content-type': 'application/json' }
      await fetch(`${recovered.origin}${req.url ?? ''}`, { method: 'POST', headers, body })
      res.writeHead(200).end('{}')
    })
    const driveway = await startWithCollector(collector.origin)
    await makeRequests(driveway)
    await waitFor(() => exportErrors(driveway).length > 0)
    isDown = false
    await driveway.gateway.stop()
    const uploads = recovered.metrics.get('driveway.uploads')?.sum?.dataPoints[0]?.asInt
    expect(uploads).toBe('3')
    expect(recovered.spans.filter(({ name }) => name === 'PUT /upload')).toHaveLength(3)
    await driveway.close()
    await Promise.all([collector.close(), recovered.close()])
  })
})

describe('a collector with an API key', () => {
  const key = 'canary-key 0123'
  const env = { OTEL_EXPORTER_OTLP_HEADERS: `api-key=${encodeURIComponent(key)}` }

  test('receives the key with every export, and the data and the log do not contain it', async () => {
    const collector = await startCollector()
    const driveway = await startWithCollector(collector.origin, { env })
    await makeRequests(driveway)
    await driveway.gateway.stop()
    await driveway.close()
    await collector.close()
    expect(new Set(collector.headers.map((headers) => headers['api-key']))).toEqual(new Set([key]))
    expect(collector.metrics.size).toBeGreaterThan(0)
    expect(JSON.stringify([collector.bodies, driveway.logs])).not.toContain('canary-key')
  })

  test('is not followed to another URL, and the log does not contain the key', async () => {
    const otherCollector = await startCollector()
    const collector = await startCollector((_, res) => {
      res.writeHead(307, { location: `${otherCollector.origin}/v1/metrics` }).end()
    })
    const driveway = await startWithCollector(collector.origin, { env })
    await makeRequests(driveway)
    await driveway.gateway.stop()
    await driveway.close()
    await collector.close()
    await otherCollector.close()
    expect(otherCollector.bodies).toEqual([])
    expect(exportErrors(driveway)).toHaveLength(1)
    expect(JSON.stringify(driveway.logs)).not.toContain('canary-key')
  })
})
