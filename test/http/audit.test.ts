/** The audit trail, and its documentation in docs/audit.md. */
import { readFileSync } from 'node:fs'
import { describe, expect, test } from '@jest/globals'
import { audit, auditEvents } from '../../functions/http/audit.ts'
import { createLog } from '../../functions/http/log.ts'
import { filePart, form, send, startDriveway, uploadForm } from '../kit/environment.ts'

const page = readFileSync(new URL('../../docs/audit.md', import.meta.url), 'utf8')
const [events = '', meanings = ''] = page.split(/^\| Field /m)
const secretNames = /secret|token$|cookie|password|verifier|email|address|url|state$/i

describe('docs/audit.md', () => {
  test('docs/audit.md lists exactly the events of the code, with all their fields', () => {
    const documented = events
      .split('\n')
      .filter((line) => line.startsWith('| `'))
      .map((line) => {
        const [, event = '', , fields = ''] = line.split('|')
        return [event.trim().replaceAll('`', ''), fields.trim().replaceAll('`', '').split(', ')]
      })
    expect(Object.fromEntries(documented)).toEqual(auditEvents)
  })

  test('docs/audit.md describes every field', () => {
    const documented = [...meanings.matchAll(/^\| `(\w+)`/gm)].map(([, field]) => field)
    const used = new Set(Object.values(auditEvents).flat())
    expect(new Set(documented)).toEqual(used)
  })
})

test('no audit event has a field for a secret', () => {
  for (const field of Object.values(auditEvents).flat()) expect(field).not.toMatch(secretNames)
})

test('audit() writes one line per event and omits fields that do not apply', () => {
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

test('audit() redacts a secret in a field', () => {
  const lines: string[] = []
  const secret = `dw_${'s'.repeat(49)}`
  audit(
    createLog('p', (line) => lines.push(line)),
    'token_revoked',
    { sub: '1', credential: 'c', tokenId: secret },
  )
  expect(lines.join('')).not.toContain('sss')
})

describe('audit events of transfers', () => {
  test('the log has one event with the account and credential for each stored or downloaded file', async () => {
    const driveway = await startDriveway()
    const { origin, bearer } = driveway
    const raw = await send(origin, '/upload/raw.txt', {
      method: 'PUT',
      headers: bearer,
      body: 'raw',
    })
    const { id } = JSON.parse(raw.body) as { id: string }
    await uploadForm(driveway, form('b', filePart('one', '1'), filePart('two', '22')))
    const tus = { ...bearer, 'tus-resumable': '1.0.0', 'upload-length': '5' }
    const type = { 'content-type': 'application/offset+octet-stream' }
    const whole = { method: 'POST', headers: { ...tus, ...type }, body: 'whole' }
    expect((await send(origin, '/upload/tus', whole)).status).toBe(201)
    const created = await send(origin, '/upload/tus', { method: 'POST', headers: tus })
    const patch = { ...bearer, 'tus-resumable': '1.0.0', ...type, 'upload-offset': '0' }
    const path = new URL(created.headers.location ?? '').pathname
    await send(origin, path, { method: 'PATCH', headers: patch, body: 'later' })
    // A skipped file is not an upload.
    const skip = { method: 'PUT', headers: bearer, body: 'other' }
    expect((await send(origin, '/upload/raw.txt?mode=skip', skip)).status).toBe(200)
    await send(origin, `/files/${id}/content`, { headers: bearer })

    const transfers = driveway.logs.filter(
      ({ audit: isAudit, message }) => isAudit && (message === 'upload' || message === 'download'),
    )
    expect(transfers.map(({ message, method, bytes }) => [message, method, bytes])).toEqual([
      ['upload', 'raw', 3],
      ['upload', 'form', 1],
      ['upload', 'form', 2],
      ['upload', 'tus', 5],
      ['upload', 'tus', 5],
      ['download', undefined, 3],
    ])
    expect(new Set(transfers.map(({ sub }) => sub))).toEqual(new Set([driveway.sub]))
    expect(new Set(transfers.map(({ credential }) => credential)).size).toBe(1)
    expect(transfers[0]?.['fileId']).toBe(id)
    expect(transfers.at(-1)?.['fileId']).toBe(id)
    await driveway.close()
  })
})
