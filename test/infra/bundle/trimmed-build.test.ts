/** What the build leaves out of Google's clients: of their protocols, and where a file is gone. */
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
const { protocolOf } = (await import(`${root}/infra/bundle/prune-protos.mjs`)) as {
  protocolOf: (json: Node, service: string, methods: string[]) => Node
}
const { leanClients } = (await import(`${root}/infra/bundle/trim-google-sdks.mjs`)) as {
  leanClients: () => Plugin
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

describe('a protocol', () => {
  const whole = structuredClone(json)
  const { shop, money, google } = protocolOf(json, 'shop.Shop', ['Buy']).nested ?? {}

  test('keeps a method and every type that it leads to, each as it was', () => {
    expect(Object.keys(shop?.nested ?? {})).toEqual(['Shop', 'BuyRequest', 'Item'])
    expect(shop?.nested?.['Shop']).toEqual({
      options: { host: 'shop.example' },
      methods: { Buy: call('BuyRequest', 'google.Empty') },
    })
    const { fields } = whole.nested?.['shop']?.nested?.['Item'] ?? {}
    expect(shop?.nested?.['Item']).toEqual({ fields, nested: { Size: { values: { SMALL: 0 } } } })
    expect(shop?.['options']).toEqual({ go_package: 'shop' })
    expect(money).toEqual({ nested: { Price: { fields: { cents: field('int64') } } } })
    expect(google).toEqual({ nested: { Empty: { fields: {} } } })
  })

  test('leaves the description at hand as it is', () => {
    expect(json).toEqual(whole)
  })

  test('is refused where it has no such service or method', () => {
    expect(() => protocolOf(json, 'shop.Shop', ['Buy', 'Steal'])).toThrow('no Steal in shop.Shop')
    expect(() => protocolOf(json, 'shop.Bank', ['Buy'])).toThrow('no Buy in shop.Bank')
  })
})

test('a file that a library no longer has fails the build', async () => {
  const contents = "import '@google-cloud/secret-manager'"
  const building = build({
    stdin: { contents, resolveDir: root },
    bundle: true,
    platform: 'node',
    write: false,
    logLevel: 'silent',
    plugins: [leanClients()],
  })
  await expect(building).rejects.toThrow(
    'There is no @google-cloud/firestore-api/build/protos/protos.json any more to make lean',
  )
})

test('the container requires node:http, since importing it would load all of fetch', async () => {
  const text = await readFile(join(root, 'dist/container/container.mjs'), 'utf8')
  expect(text).toMatch(/\("node:http"\)/)
  expect(text).not.toMatch(/from ?"node:http"/)
})

test('the functions are plain scripts, which load nothing of their own but one another', async () => {
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
