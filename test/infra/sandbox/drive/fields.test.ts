import { beforeAll, describe, expect, test } from '@jest/globals'
import { readFile } from 'node:fs/promises'
import { reasonOf, withDrive } from './fixture.ts'

type FieldType = string | FieldType[] | { [field: string]: FieldType }

interface Schemas {
  [schema: string]: { fields: Record<string, FieldType>; outputOnly: string[] }
}

const { send } = withDrive()
const readText = (path: string) => readFile(new URL(path, import.meta.url), 'utf8')
let schemas: Schemas

beforeAll(async () => {
  const text = await readText('../../../../infra/sandbox/drive/schema/drive-v3.json')
  schemas = (JSON.parse(text) as { schemas: Schemas }).schemas
})

const getRoot = (fields: string) =>
  send('GET', `/drive/v3/files/root?fields=${encodeURIComponent(fields)}`)

const create = (body: object) => send('POST', '/drive/v3/files', { body })

/** Lists every field of a type as a mask: `capabilities/canEdit`. */
function masksOf(type: FieldType): string[] {
  if (Array.isArray(type)) return type.flatMap(masksOf)
  if (typeof type === 'string') {
    const inner = /^map<(.*)>$/.exec(type)?.[1]
    if (inner !== undefined) return ['anyKey', ...masksOf(inner).map((mask) => `anyKey/${mask}`)]
    const schema = schemas[type.replace('[]', '')]
    return schema ? masksOf(schema.fields) : []
  }
  return Object.entries(type).flatMap(([name, inner]) => [
    name,
    ...masksOf(inner).map((mask) => `${name}/${mask}`),
  ])
}

describe('fields', () => {
  test.each([
    'capabilities/noSuchThing',
    'capabilities(canEdit,noSuchThing)',
    'contentHints/noSuchThing',
    'contentHints/thumbnail/noSuchThing',
    'contentRestrictions/noSuchThing',
    'imageMediaMetadata/location/noSuchThing',
    'videoMediaMetadata/noSuchThing',
    'labelInfo/labels/noSuchThing',
    'permissions/permissionDetails/noSuchThing',
    'owners/noSuchThing',
    'linkShareMetadata/noSuchThing',
    'shortcutDetails/noSuchThing',
    'name/noSuchThing',
    'properties/key/noSuchThing',
    'etag',
    'toString',
    'capabilities/constructor',
    '__proto__',
  ])('reject the unknown field %s', async (fields) => {
    const rejected = await getRoot(fields)
    expect([rejected.status, reasonOf(rejected)]).toEqual([400, 'invalidParameter'])
    expect(rejected.json.error.message).toMatch(/^Invalid field selection /)
    expect(rejected.json.error.errors[0].location).toBe('fields')
    expect((await send('GET', `/drive/v3/files?fields=files(${fields})`)).status).toBe(400)
  })

  test('accept every field of a file in Drive’s discovery document, at every depth', async () => {
    const masks = masksOf('File')
    expect(masks).toEqual(
      expect.arrayContaining([
        'clientEncryptionDetails/decryptionMetadata/wrappedKey',
        'downloadRestrictions/itemDownloadRestriction/restrictedForReaders',
        'linkShareMetadata/securityUpdateEligible',
        'contentRestrictions/restrictingUser/emailAddress',
        'permissions/permissionDetails/inheritedFrom',
        'labelInfo/labels/fields/anyKey/user/displayName',
        'exportLinks/anyKey',
      ]),
    )
    for (let at = 0; at < masks.length; at += 50) {
      const response = await getRoot(masks.slice(at, at + 50).join(','))
      expect([response.status, response.json]).toEqual([200, expect.any(Object)])
    }
  })

  test('accept every field of lists, of about and of shared drives', async () => {
    for (const [path, schema] of [
      ['files', 'FileList'],
      ['about', 'About'],
      ['drives', 'DriveList'],
    ] as const) {
      const fields = masksOf(schema)
        .filter((mask) => !mask.includes('/files/'))
        .slice(0, 80)
      const response = await send('GET', `/drive/v3/${path}?fields=${fields.join(',')}`)
      expect([path, response.status]).toEqual([path, 200])
      const rejected = await send('GET', `/drive/v3/${path}?fields=noSuchThing`)
      expect([path, rejected.status]).toEqual([path, 400])
    }
    for (const fields of [
      'storageQuota/noSuchThing',
      'user/noSuchThing',
      'driveThemes/noSuchThing',
    ]) {
      expect((await send('GET', `/drive/v3/about?fields=${fields}`)).status).toBe(400)
    }
    const capabilities = '/drive/v3/drives?fields=drives/capabilities/noSuchThing'
    expect((await send('GET', capabilities)).status).toBe(400)
  })

  test('of the extract are those of the installed googleapis client', async () => {
    const typings = await readText(
      '../../../../node_modules/googleapis/build/src/apis/drive/v3.d.ts',
    )
    for (const [name, { fields }] of Object.entries(schemas)) {
      const [, body = ''] =
        new RegExp(`interface Schema\\$${name} \\{\\n(.*?)\\n    \\}`, 's').exec(typings) ?? []
      const properties = [...body.matchAll(/^ {8}(\w+)\?:/gm)].map(([, property = '']) => property)
      expect([name, new Set(Object.keys(fields))]).toEqual([name, new Set(properties)])
    }
  })
})

describe('a request body', () => {
  test.each([
    ['a nested field of the wrong type', { contentHints: { indexableText: 5 } }],
    ['an object in place of a list', { contentRestrictions: { readOnly: true } }],
    ['a text in place of a boolean', { writersCanShare: 'yes' }],
    ['an unknown nested field', { contentHints: { noSuchThing: 'x' } }],
  ])('with %s is rejected', async (_, body) => {
    expect((await create(body)).status).toBe(400)
  })

  test('may have nested fields of the documented types', async () => {
    const body = {
      contentHints: { indexableText: 'words', thumbnail: { mimeType: 'image/png', image: 'aGk=' } },
      contentRestrictions: [{ readOnly: true, reason: 'final' }],
      writersCanShare: false,
      downloadRestrictions: { itemDownloadRestriction: { restrictedForReaders: true } },
    }
    expect((await create(body)).status).toBe(200)
  })
})
