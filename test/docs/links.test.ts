/** Every link of the documents into this repository has a target. */
import { expect, test } from '@jest/globals'
import { existsSync } from 'node:fs'
import { readFile, readdir } from 'node:fs/promises'
import { dirname, join, normalize } from 'node:path'
import { root } from '../kit/process.ts'

const pages = await readdir(join(root, 'docs'), { recursive: true })
const documents = [
  'README.md',
  'CHANGELOG.md',
  'CONTRIBUTING.md',
  'SECURITY.md',
  'examples/README.md',
  ...pages.filter((name) => name.endsWith('.md')).map((name) => `docs/${name}`),
]
const texts = new Map<string, string>()
for (const path of documents) texts.set(path, await readFile(join(root, path), 'utf8'))

/** Removes code blocks, and keeps the text of inline code. */
function withoutCode(text: string): string {
  return text
    .replaceAll(/^```.*?^```$/gms, '')
    .replaceAll(/`[^`\n]*`/g, (code) => code.slice(1, -1))
}

function linksOf(path: string): string[] {
  const text = (texts.get(path) ?? '')
    .replaceAll(/^```.*?^```$/gms, '')
    .replaceAll(/`[^`\n]*`/g, 'code')
  const inline = [...text.matchAll(/\]\(([^)\s]+)\)/g)].map(([, to = '']) => to)
  const images = [...text.matchAll(/<img [^>]*src="([^"]+)"/g)].map(([, to = '']) => to)
  return [...inline, ...images].filter((to) => !/^[a-z]+:/.test(to))
}

/** The anchors that GitHub gives to headings. */
function anchorsOf(text: string): Set<string> {
  const anchors = new Set<string>()
  for (const [, heading = ''] of withoutCode(text).matchAll(/^#{1,6} (.+)$/gm)) {
    const words = heading.toLowerCase().replaceAll(/\[([^\]]+)\]\([^)]*\)/g, '$1')
    const slug = words.replaceAll(/[^\p{L}\p{N}\p{M}_ -]/gu, '').replaceAll(' ', '-')
    let anchor = slug
    for (let count = 1; anchors.has(anchor); count++) anchor = `${slug}-${count}`
    anchors.add(anchor)
  }
  return anchors
}

test.each(documents)('every link of %s has a target', (path) => {
  const broken = linksOf(path).filter((to) => {
    const [file = '', anchor] = to.split('#')
    const target = file === '' ? path : normalize(join(dirname(path), file))
    if (target.startsWith('..') || !existsSync(join(root, target))) return true
    if (anchor === undefined) return false
    const text = texts.get(target)
    return text === undefined || !anchorsOf(text).has(anchor)
  })
  expect(broken).toEqual([])
})

test('docs/README.md links to every document of the folder', () => {
  const named = linksOf('docs/README.md').map((to) => to.split('#')[0])
  const others = pages.filter((name) => /^[^/]+\.(?:md|yaml)$/.test(name) && name !== 'README.md')
  expect(named).toEqual(expect.arrayContaining(others))
})
