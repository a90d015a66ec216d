/** Forms that are cut or spoiled on their way, sent over sockets, and what Drive has of them. */
import { afterAll, beforeAll, expect, test } from '@jest/globals'
import type { StoredFile } from '../../infra/sandbox/drive/index.ts'
import { fieldPart, outcomeOf } from '../kit/multipart-fixtures.ts'
import { cutInThree, mutatedForm } from '../kit/mutate-multipart.ts'
import { codeOf, filePart, form, send, speak } from '../kit/environment.ts'
import { startWorld } from './environment.ts'
import type { World } from './environment.ts'
import { sha256Of } from './fixture.ts'
import { createDice, noise, seed } from '../kit/random.ts'

const cutForms = Number(process.env['CUT_FORMS'] ?? 1)
const mutations = Number(process.env['FORM_RUNS'] ?? 400)

let world: World
let known = new Set<string>()

beforeAll(async () => {
  world = await startWorld()
  world.begin([], () => {})
  const { google, sub } = world.even
  known = new Set(google.drive.filesOf(sub).map(({ id }) => id))
})

afterAll(() => world.close())

/** What is in Drive since this was last asked; nothing, where Drive was not asked to store anything. */
function newFiles(): StoredFile[] {
  const { google, sub } = world.even
  const isAsked = google.calls.some((call) => call.startsWith('drive.upload.'))
  google.calls.length = 0
  if (!isAsked) return []
  const all = google.drive.filesOf(sub)
  const added = all.filter(({ id }) => !known.has(id))
  known = new Set(all.map(({ id }) => id))
  return added
}

test(
  `${cutForms} forms, each cut at every byte and sent as if that were all, are refused and leave nothing (case 43, SEED=${seed})`,
  async () => {
    const random = createDice(seed)
    let cuts = 0
    for (let made = 0; made < cutForms; made++) {
      const boundary = `b${random(1e9)}`
      const parts = Array.from({ length: random(3) }, (_, at) => fieldPart(`f${at}`, 'some text'))
      const files = Array.from({ length: 1 + random(3) }, (_, at) =>
        filePart(`${at}.bin`, noise(random(200), random(1e9))),
      )
      const body = form(boundary, ...parts, ...files)
      // The line break behind the close delimiter is all that may be missing.
      for (let at = 0; at < body.length - 2; at += 20) {
        const batch = Array.from({ length: Math.min(20, body.length - 2 - at) }, (_, next) =>
          refusalOf(boundary, body.subarray(0, at + next)),
        )
        for (const code of await Promise.all(batch)) {
          expect(['truncated', 'malformed_multipart']).toContain(code)
        }
        cuts += batch.length
      }
    }
    expect(newFiles()).toEqual([])
    expect(world.openSessions()).toBe(0)
    if (cutForms > 1) process.stderr.write(`${cuts} cuts\n`)
  },
  60_000 + cutForms * 10_000,
)

async function refusalOf(boundary: string, body: Buffer): Promise<string> {
  const { origin, bearer } = world.even
  const headers = { ...bearer, 'content-type': `multipart/form-data; boundary=${boundary}` }
  const answer = await send(origin, '/upload', { method: 'POST', headers, body })
  return `${answer.status === 400 ? '' : answer.status}${codeOf(answer)}`
}

test(
  `${mutations} mutated forms over sockets, whole and in pieces: one outcome, and Drive has what it says (case 44, SEED=${seed})`,
  async () => {
    const random = createDice(seed)
    let accepted = 0
    for (let round = 0; round < mutations; round++) {
      const { boundary, body } = mutatedForm(random)
      const outcome = await outcomeOf([body], boundary)
      const heard = await speak(world.even.origin, [
        head(boundary, body),
        ...cutInThree(body, random),
      ])
      const status = Number(/^HTTP\/1\.1 (\d{3}) /.exec(heard)?.[1])
      const told = [JSON.stringify(body.toString('latin1')), boundary, heard]
      const found = newFiles().map(({ sha256 }) => String(sha256))
      if ('code' in outcome || status !== 201) {
        // A name or a field that no upload may have is refused by more than the form's reader.
        expect([told, status >= 400 && status < 500, found]).toEqual([told, true, []])
        continue
      }
      accepted++
      const contents = outcome.files.map(([, content]) => sha256Of(Buffer.from(content, 'latin1')))
      expect([told, found.toSorted(byText)]).toEqual([told, contents.toSorted(byText)])
    }
    expect(world.openSessions()).toBe(0)
    expect(accepted).toBeGreaterThan(mutations / 50)
  },
  60_000 + mutations * 100,
)

function head(boundary: string, body: Buffer): string {
  const lines = [
    'POST /upload HTTP/1.1',
    'Host: localhost',
    `Authorization: ${world.even.bearer['authorization']}`,
    `Content-Type: multipart/form-data; boundary="${boundary}"`,
    `Content-Length: ${body.length}`,
    'Connection: close',
  ]
  return `${lines.join('\r\n')}\r\n\r\n`
}

function byText(a: string, b: string): number {
  return a < b ? -1 : 1
}
