/** The ids of files and folders, and the links that people copy instead. */
import { describe, expect, test } from '@jest/globals'
import { GatewayError } from '../../functions/errors.ts'
import { readFileReference, readPathReference } from '../../functions/http/file-id.ts'

const id = '1BxiMVs0XRA5nFMdKvBdBZjgmUUqptlbs'
const drive = 'https://drive.google.com'
const docs = 'https://docs.google.com'

describe('readFileReference()', () => {
  test.each([id, 'root', '0AAbcPVA', '-_-', 'x'.repeat(200)])('takes the id %s', (value) => {
    expect(readFileReference(value)).toEqual({ id: value })
  })

  test.each([
    `${drive}/drive/folders/${id}`,
    `${drive}/drive/folders/${id}/`,
    `${drive}/drive/folders/${id}?usp=sharing`,
    `${drive}/drive/folders/${id}?usp=drive_link#grid`,
    `${drive}/drive/u/0/folders/${id}`,
    `${drive}/drive/u/12/folders/${id}?hl=de`,
    `${drive}/drive/mobile/folders/${id}`,
    `${drive}/drive/mobile/folders/1AncestorAncestor/${id}?sort=13`,
    `${drive}/corp/drive/folders/${id}`,
    `${drive}/a/example.com/folders/${id}`,
    `${drive}/drive/#folders/${id}`,
    `${drive}/#folders/${id}`,
    `${drive}/open?id=${id}`,
    `${drive}/open?usp=drive_link&id=${id}`,
    `${drive}/folderview?id=${id}&usp=sharing`,
    `${drive}/uc?export=download&id=${id}`,
    `${drive}/file/d/${id}/view?usp=sharing`,
    `${drive}/file/d/${id}`,
    `${drive}/a/example.com/file/d/${id}/edit`,
    `https://drive.usercontent.google.com/download?id=${id}&export=download`,
    `${docs}/document/d/${id}/edit?tab=t.0#heading=h.1`,
    `${docs}/document/u/1/d/${id}/edit`,
    `${docs}/spreadsheets/d/${id}/edit#gid=0`,
    `${docs}/a/example.com/presentation/d/${id}/edit`,
    `${docs}/forms/d/${id}/viewform`,
    `http://drive.google.com/drive/folders/${id}`,
    `drive.google.com/drive/folders/${id}`,
    `  ${drive}/drive/folders/${id}\n`,
  ])('takes the id out of %s', (link) => {
    expect(readFileReference(link)).toEqual({ id })
  })

  test.each([
    `${drive}/drive/folders/${id}?resourcekey=0-Ab_c-1&usp=sharing`,
    `${drive}/file/d/${id}/view?usp=sharing&resourcekey=0-Ab_c-1`,
    `${drive}/open?id=${id}&resourcekey=0-Ab_c-1`,
  ])('takes the resource key out of %s', (link) => {
    expect(readFileReference(link)).toEqual({ id, resourceKey: '0-Ab_c-1' })
  })

  test('ignores a resource key that is none', () => {
    for (const key of ['', 'a,b/c', 'ü', 'a%0d%0ab', 'x'.repeat(201)]) {
      const link = `${drive}/drive/folders/${id}?resourcekey=${key}`
      expect(readFileReference(link)).toEqual({ id })
    }
  })

  test.each([`${drive}/drive/my-drive`, `${drive}/drive/u/0/my-drive?hl=en`])(
    'takes %s for My Drive',
    (link) => expect(readFileReference(link)).toEqual({ id: 'root' }),
  )

  test.each([
    '',
    ' ',
    '../x',
    'a/b',
    "x'",
    'a\0',
    '.',
    'a b',
    'ü',
    'x'.repeat(201),
    drive,
    `${drive}/drive/home`,
    `${drive}/drive/search?q=${id}`,
    `${drive}/drive/folders/`,
    `${drive}/open?id=`,
    `${drive}/open?id=a%2Fb`,
    `${docs}/forms/d/e/1FAIpQLSf/viewform`,
    `https://evil.example/drive/folders/${id}`,
    `${drive}.evil.example/drive/folders/${id}`,
    `${drive}@evil.example/drive/folders/${id}`,
    `https://sites.google.com/drive/folders/${id}`,
    `ftp://drive.google.com/drive/folders/${id}`,
    `${drive}/drive/folders/${id}?x=${'y'.repeat(2048)}`,
  ])('refuses %p with 400, and says what an id looks like', (value) => {
    const error = thrownBy(() => readFileReference(value))
    expect([error.code, error.status]).toEqual(['bad_request', 400])
    expect(error.detail).toMatch(/letters, digits.*such as 1\w{20,}.*link/)
  })
})

describe('readPathReference()', () => {
  test('takes an id as it is, and a percent-encoded link', () => {
    expect(readPathReference(id)).toEqual({ id })
    const link = `${drive}/file/d/${id}/view?resourcekey=0-k`
    expect(readPathReference(encodeURIComponent(link))).toEqual({ id, resourceKey: '0-k' })
  })

  test('refuses another spelling of an id, and a malformed percent-escape', () => {
    for (const value of ['%61bc', '%', '%ff', `${encodeURIComponent(drive)}%zz`]) {
      expect(thrownBy(() => readPathReference(value)).code).toBe('bad_request')
    }
  })
})

function thrownBy(run: () => unknown): GatewayError {
  try {
    run()
  } catch (error) {
    if (error instanceof GatewayError) return error
  }
  throw new Error('No GatewayError was thrown')
}
