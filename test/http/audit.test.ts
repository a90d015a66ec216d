/** The audit trail's helper, and that its page says what it does. */
import { readFileSync } from 'node:fs'
import { describe, expect, test } from '@jest/globals'
import { audit, auditEvents } from '../../functions/http/audit.ts'
import { createLog } from '../../functions/http/log.ts'

const page = readFileSync(new URL('../../docs/audit.md', import.meta.url), 'utf8')
const [events = '', meanings = ''] = page.split(/^\| Field /m)
const secretive = /secret|token$|cookie|password|verifier|email|address|url|state$/i

describe('docs/audit.md', () => {
  test('has every event with all of its fields, and no other', () => {
    const documented = events
      .split('\n')
      .filter((line) => line.startsWith('| `'))
      .map((line) => {
        const [, event = '', , fields = ''] = line.split('|')
        return [event.trim().replaceAll('`', ''), fields.trim().replaceAll('`', '').split(', ')]
      })
    expect(Object.fromEntries(documented)).toEqual(auditEvents)
  })

  test('says of every field what it is', () => {
    const documented = [...meanings.matchAll(/^\| `(\w+)`/gm)].map(([, field]) => field)
    const used = new Set(Object.values(auditEvents).flat())
    expect(new Set(documented)).toEqual(used)
  })
})

test('no field is made for a secret', () => {
  for (const field of Object.values(auditEvents).flat()) expect(field).not.toMatch(secretive)
})

test('an event is one line that says so, without what does not apply', () => {
  const lines: string[] = []
  const log = createLog('p', (line) => lines.push(line))
  audit(log, 'download', {
    sub: '1',
    credential: 'c',
    fileId: 'f',
    bytes: 7,
    exportedAs: undefined,
  })
  audit(log, 'disconnect', { sub: '1', credential: 'c', revokedAtGoogle: false })
  expect(lines.map((line) => JSON.parse(line) as unknown)).toEqual([
    {
      severity: 'INFO',
      message: 'download',
      audit: true,
      sub: '1',
      credential: 'c',
      fileId: 'f',
      bytes: 7,
    },
    {
      severity: 'NOTICE',
      message: 'disconnect',
      audit: true,
      sub: '1',
      credential: 'c',
      revokedAtGoogle: false,
    },
  ])
})

test('a secret that slips into a field all the same is not written', () => {
  const lines: string[] = []
  const secret = `dw_${'s'.repeat(49)}`
  audit(
    createLog('p', (line) => lines.push(line)),
    'token_revoked',
    { sub: '1', credential: 'c', tokenId: secret },
  )
  expect(lines.join('')).not.toContain('sss')
})
