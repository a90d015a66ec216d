import { describe, expect, test } from '@jest/globals'
import { OAuth2Client } from 'google-auth-library'
import { drive_v3 } from 'googleapis/build/src/apis/drive/v3.js'
import { Readable } from 'node:stream'
import { withDrive } from './fixture.ts'

const fixture = withDrive()

function client(token: string) {
  const auth = new OAuth2Client()
  auth.setCredentials({ access_token: token })
  const rootUrl = `${fixture.sandbox.url}/`
  // Media uploads go to Google itself unless each call has a root URL.
  return { drive: new drive_v3.Drive({ auth, rootUrl }), call: { rootUrl } }
}

describe('the googleapis client', () => {
  test('creates, lists, reads, exports and deletes files', async () => {
    const { drive, call } = client('full')
    const created = await drive.files.create(
      {
        requestBody: { name: 'a.txt', mimeType: 'text/plain' },
        media: { mimeType: 'text/plain', body: Readable.from(['one ', 'two']) },
        fields: 'id,size,parents',
      },
      call,
    )
    expect(created.data).toMatchObject({ size: '7', parents: [fixture.drive.rootOf('ada')] })
    const fileId = created.data.id ?? ''
    const listed = await drive.files.list({
      q: "name contains 'a' and trashed = false",
      orderBy: 'folder,name',
      pageSize: 10,
      fields: 'nextPageToken, files(id, name)',
    })
    expect(listed.data).toEqual({ files: [{ id: fileId, name: 'a.txt' }] })
    const media = await drive.files.get({ fileId, alt: 'media' }, { responseType: 'text' })
    expect(media.data).toBe('one two')
    const renamed = await drive.files.update({ fileId, requestBody: { name: 'b.txt' } })
    expect(renamed.data.name).toBe('b.txt')
    const ids = await drive.files.generateIds({ count: 3 })
    expect(ids.data.ids).toHaveLength(3)
    const about = await drive.about.get({ fields: 'user' })
    expect(about.data.user?.emailAddress).toBe('ada@example.com')
    expect((await drive.files.delete({ fileId })).status).toBe(204)
    const document = await fixture.drive.seed('ada', [{ name: 'Doc', document: 'text' }])
    const exported = await drive.files.export({
      fileId: document['Doc'] ?? '',
      mimeType: 'text/plain',
    })
    expect(exported.data).toBe('text')
    expect((await drive.drives.list()).data.drives).toEqual([])
  })

  test('rejects with status and message of an error', async () => {
    const { drive } = client('full')
    await expect(drive.files.get({ fileId: 'nowhere' })).rejects.toMatchObject({
      status: 404,
      message: 'File not found: nowhere.',
    })
  })
})
