import { describe, expect, test } from '@jest/globals'
import { reasonOf, withDrive } from './fixture.ts'

const fixture = withDrive()
const { send } = fixture

interface Part {
  id?: string
  request: string
  headers?: string[]
  body?: string
}

/** Sends a batch; `lineBreak` is what its lines end with. */
function batch(
  parts: Part[],
  { lineBreak = '\r\n', as = 'full' }: { lineBreak?: string; as?: string | null } = {},
) {
  const lines = parts.flatMap(({ id, request, headers = [], body = '' }) => [
    '--b1',
    'Content-Type: application/http',
    ...(id === undefined ? [] : [`Content-ID: <${id}>`]),
    '',
    `${request} HTTP/1.1`,
    ...headers,
    '',
    body,
  ])
  return send('POST', '/batch/drive/v3', {
    as,
    headers: { 'content-type': 'multipart/mixed; boundary="b1"' },
    body: [...lines, '--b1--'].join(lineBreak),
  })
}

/** Reads status, id and JSON of each part of the response. */
function readParts({ headers, text }: { headers: Headers; text: string }) {
  const [, boundary = ''] =
    /^multipart\/mixed; boundary=(\S+)$/.exec(headers.get('content-type') ?? '') ?? []
  return text
    .split(`--${boundary}`)
    .slice(1, -1)
    .map((part) => {
      const [head = '', answer = '', ...body] = part.split('\r\n\r\n')
      const json = body.join('\r\n\r\n').trim()
      return {
        id: /Content-ID: (\S+)/.exec(head)?.[1],
        status: Number(/^HTTP\/1\.1 (\d+)/.exec(answer)?.[1]),
        json: json === '' ? undefined : (JSON.parse(json) as { id: string; name: string }),
      }
    })
}

const type = 'Content-Type: application/json'

describe('a batch request', () => {
  test.each(['\r\n', '\n'])('with the line break %j returns each response', async (lineBreak) => {
    const response = await batch(
      [
        { id: 'item-1', request: 'POST /drive/v3/files', headers: [type], body: '{"name":"a"}' },
        { id: 'x + 2', request: 'GET /drive/v3/files/absent' },
        { request: 'GET /drive/v3/about?fields=user/me' },
      ],
      { lineBreak },
    )
    expect(response.status).toBe(200)
    const parts = readParts(response)
    expect(parts.map(({ status }) => status)).toEqual([200, 404, 200])
    expect(parts[0]).toMatchObject({ id: '<response-item-1>', json: { name: 'a' } })
    expect(response.text).toContain('Content-ID: <response-x + 2>')
    expect(parts[2]?.json).toEqual({ user: { me: true } })
    expect(fixture.drive.file(parts[0]?.json?.id ?? '')?.name).toBe('a')
  })

  test('deletes, and uses the token of a part before that of the batch', async () => {
    const { json } = await send('POST', '/drive/v3/files', { body: {} })
    const request = `DELETE /drive/v3/files/${json.id}`
    const [ben, full] = readParts(
      await batch([{ request, headers: ['Authorization: Bearer ben'] }, { request }]),
    )
    expect([ben?.status, full?.status]).toEqual([404, 204])
    const [anonymous] = readParts(await batch([{ request }], { as: null }))
    expect(anonymous?.status).toBe(401)
  })

  test('redirects to a download, and has no uploads', async () => {
    const ids = await fixture.drive.seed('ada', [{ name: 'd', content: 'downloaded' }])
    const path = `/drive/v3/files/${ids['d']}?alt=media`
    const response = await batch([
      { request: `GET ${path}` },
      { request: 'GET /drive/v3/files/absent?alt=media' },
      { request: 'POST /upload/drive/v3/files?uploadType=media', body: 'x' },
    ])
    expect(readParts(response).map(({ status }) => status)).toEqual([302, 404, 400])
    const [, location = ''] = /Location: (\S+)/.exec(response.text) ?? []
    expect((await send('GET', location)).text).toBe('downloaded')
  })

  test('is rejected with over 100 calls, without an end and with another type', async () => {
    const call = { request: 'GET /drive/v3/about?fields=kind' }
    expect((await batch(Array.from({ length: 101 }, () => call))).status).toBe(400)
    expect((await batch([])).status).toBe(400)
    const headers = { 'content-type': 'multipart/mixed; boundary=b1' }
    const open = await send('POST', '/batch/drive/v3', {
      headers,
      body: '--b1\r\n\r\nGET / HTTP/1.1',
    })
    expect([open.status, reasonOf(open)]).toEqual([400, 'badRequest'])
    expect((await send('POST', '/batch/drive/v3', { body: {} })).status).toBe(400)
  })
})
