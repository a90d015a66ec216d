/** `Sec-Fetch-Dest`: no response of the gateway becomes a part of a page. */
import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { problemCode, send, startDriveway } from '../kit/environment.ts'
import type { Driveway } from '../kit/environment.ts'
import { parseJson, uploadFile } from '../kit/requests.ts'
import type { FileResult } from '../kit/requests.ts'

let driveway: Driveway
let content: string

beforeAll(async () => {
  driveway = await startDriveway()
  const stored = await uploadFile(driveway, 'run.js', 'alert(1)', {
    'content-type': 'text/javascript',
  })
  content = `/files/${parseJson<FileResult>(stored).id}/content`
})
afterAll(() => driveway.close())

function load(path: string, destination: string) {
  const headers = {
    ...driveway.session,
    'sec-fetch-site': 'same-origin',
    'sec-fetch-dest': destination,
  }
  return send(driveway.origin, path, { headers })
}

test.each([
  'script',
  'style',
  'worker',
  'sharedworker',
  'serviceworker',
  'audioworklet',
  'paintworklet',
  'object',
  'embed',
  'iframe',
  'frame',
  'fencedframe',
  'xslt',
  'json',
  'manifest',
  'font',
  'a destination of the future',
])('GET /files/{id}/content refuses the destination %s', async (destination) => {
  const response = await load(content, destination)
  expect([response.status, problemCode(response)]).toEqual([403, 'destination_not_allowed'])
})

test.each(['empty', 'document', 'image', 'audio', 'video', 'track'])(
  'GET /files/{id}/content accepts the destination %s',
  async (destination) => {
    const { status, body } = await load(content, destination)
    expect([status, body]).toEqual([200, 'alert(1)'])
  },
)

test.each(['/auth', '/auth/session', '/callback?code=x', '/files'])(
  '%s refuses to be a script or a frame',
  async (path) => {
    for (const destination of ['script', 'iframe']) {
      expect(problemCode(await load(path, destination))).toBe('destination_not_allowed')
    }
  },
)
