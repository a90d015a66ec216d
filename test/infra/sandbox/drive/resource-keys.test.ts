/** Items that are shared by a link which needs a resource key. */
import { beforeAll, describe, expect, test } from '@jest/globals'
import { withDrive } from './fixture.ts'

const fixture = withDrive()
const { send } = fixture
const key = '0-keyOfTheLink'

let folder: string
let file: string

beforeAll(async () => {
  const ids = await fixture.drive.seed('ada', [
    { name: 'Linked', folder: [{ name: 'inside.txt', content: 'inside' }] },
  ])
  folder = ids['Linked'] ?? ''
  file = ids['Linked/inside.txt'] ?? ''
  fixture.drive.shareByLink(folder, 'writer', key)
})

const keyed = (value: string) => ({ 'x-goog-drive-resource-keys': value })
const asBen = (method: string, path: string, headers = {}, body?: object) =>
  send(method, path, { as: 'ben', headers, ...(body ? { body } : {}) })
const childrenQuery = (): string =>
  `/drive/v3/files?q=${encodeURIComponent(`'${folder}' in parents`)}`

describe('an item with a resource key', () => {
  test('does not exist for a user who has only the link, without the key', async () => {
    for (const headers of [{}, keyed(`${folder}/another`), keyed(`${file}/${key}`), keyed(key)]) {
      expect((await asBen('GET', `/drive/v3/files/${folder}`, headers)).status).toBe(404)
      expect((await asBen('GET', `/drive/v3/files/${file}?alt=media`, headers)).status).toBe(404)
      expect((await asBen('GET', childrenQuery(), headers)).status).toBe(404)
      const body = { name: 'new', parents: [folder] }
      expect((await asBen('POST', '/drive/v3/files', headers, body)).status).toBe(404)
    }
  })

  test('is accessible with the key, also among others', async () => {
    const headers = keyed(`1abc/0-other,${folder}/${key}`)
    const { json } = await asBen(
      'GET',
      `/drive/v3/files/${folder}?fields=resourceKey,webViewLink`,
      headers,
    )
    expect(json).toMatchObject({
      resourceKey: key,
      webViewLink: expect.stringContaining(`resourcekey=${key}`),
    })
    expect((await asBen('GET', `/drive/v3/files/${file}?alt=media`, headers)).text).toBe('inside')
    expect((await asBen('GET', childrenQuery(), headers)).json.files).toHaveLength(1)
    const body = { name: 'new', parents: [folder] }
    expect((await asBen('POST', '/drive/v3/files', headers, body)).status).toBe(200)
  })

  test('needs no key for its owner, and for a user it is shared with', async () => {
    expect((await send('GET', `/drive/v3/files/${folder}`)).status).toBe(200)
    fixture.drive.share(folder, 'ben', 'reader')
    expect((await asBen('GET', `/drive/v3/files/${folder}`)).status).toBe(200)
  })
})
