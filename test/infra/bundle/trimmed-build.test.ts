/** The esbuild plugins of the bundle: pruned descriptors, trimmed SDKs, scripts. */
import { describe, expect, test } from '@jest/globals'
import { build } from 'esbuild'
import type { Plugin } from 'esbuild'
import { readFile, readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { root } from '../../kit/process.ts'

interface Node {
  nested?: Record<string, Node>
  [key: string]: unknown
}
const { pruneProtos } = (await import(`${root}/infra/bundle/prune-protos.mjs`)) as {
  pruneProtos: (json: Node, service: string, methods: string[]) => Node
}
const { trimGoogleSdks } = (await import(`${root}/infra/bundle/trim-google-sdks.mjs`)) as {
  trimGoogleSdks: () => Plugin
}

const field = (type: string, id = 1) => ({ type, id })
const call = (requestType: string, responseType: string) => ({ requestType, responseType })
const json: Node = {
  nested: {
    shop: {
      options: { go_package: 'shop' },
      nested: {
        Shop: {
          options: { host: 'shop.example' },
          methods: { Buy: call('BuyRequest', 'google.Empty'), Sell: call('SellRequest', 'Item') },
        },
        BuyRequest: {
          fields: { item: field('Item'), by: { keyType: 'string', ...field('Item.Size', 2) } },
          nested: { Note: { fields: { text: field('string') } } },
        },
        Item: {
          fields: { price: field('money.Price'), parts: { rule: 'repeated', ...field('Item', 2) } },
          nested: {
            Size: { values: { SMALL: 0 } },
            Colour: { values: { RED: 0 } },
          },
        },
        SellRequest: { fields: { item: field('Item') } },
        Empty: { fields: { not: field('string') } },
      },
    },
    money: { nested: { Price: { fields: { cents: field('int64') } }, Tax: { fields: {} } } },
    google: { nested: { Empty: { fields: {} }, Any: { fields: {} } } },
  },
}

describe('pruneProtos()', () => {
  const original = structuredClone(json)
  const { shop, money, google } = pruneProtos(json, 'shop.Shop', ['Buy']).nested ?? {}

  test('pruneProtos() keeps a method and every type that it references, unchanged', () => {
    expect(Object.keys(shop?.nested ?? {})).toEqual(['Shop', 'BuyRequest', 'Item'])
    expect(shop?.nested?.['Shop']).toEqual({
      options: { host: 'shop.example' },
      methods: { Buy: call('BuyRequest', 'google.Empty') },
    })
    const { fields } = original.nested?.['shop']?.nested?.['Item'] ?? {}
    expect(shop?.nested?.['Item']).toEqual({ fields, nested: { Size: { values: { SMALL: 0 } } } })
    expect(shop?.['options']).toEqual({ go_package: 'shop' })
    expect(money).toEqual({ nested: { Price: { fields: { cents: field('int64') } } } })
    expect(google).toEqual({ nested: { Empty: { fields: {} } } })
  })

  test('pruneProtos() does not modify its input', () => {
    expect(json).toEqual(original)
  })

  test('pruneProtos() throws for an unknown service or method', () => {
    expect(() => pruneProtos(json, 'shop.Shop', ['Buy', 'Steal'])).toThrow('no Steal in shop.Shop')
    expect(() => pruneProtos(json, 'shop.Bank', ['Buy'])).toThrow('no Buy in shop.Bank')
  })
})

test('trimGoogleSdks() fails the build when a file to replace is not loaded', async () => {
  const contents = "import '@google-cloud/secret-manager'"
  const building = build({
    stdin: { contents, resolveDir: root },
    bundle: true,
    platform: 'node',
    write: false,
    logLevel: 'silent',
    plugins: [trimGoogleSdks()],
  })
  await expect(building).rejects.toThrow(
    'Cannot trim @google-cloud/firestore-api/build/protos/protos.json: the file was not loaded',
  )
})

test('the container bundle requires node:http instead of importing it', async () => {
  const text = await readFile(join(root, 'dist/container/container.mjs'), 'utf8')
  expect(text).toMatch(/\("node:http"\)/)
  expect(text).not.toMatch(/from ?"node:http"/)
})

test('the bundle of the functions consists of ASCII scripts that load only each other', async () => {
  const folder = join(root, 'dist/functions')
  const names = (await readdir(folder)).filter((name) => name.endsWith('.cjs'))
  expect(names).toContain('functions.cjs')
  for (const name of names) {
    const text = await readFile(join(folder, name), 'latin1')
    expect([name, /[^\0-\x7F]|\bimport\s*\(/.test(text)]).toEqual([name, false])
    for (const [, other = ''] of text.matchAll(/require\("\.\/([^"]+)"\)/g)) {
      expect(names).toContain(other)
    }
  }
})
