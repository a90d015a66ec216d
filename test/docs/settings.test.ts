/** docs/settings.md says what the code reads; `UPDATE_DOCS=1 npm test -- docs/settings` writes it anew. */
import { expect, test } from '@jest/globals'
import { readConfig } from '../../functions/config/config.ts'
import { settings, settingDocs } from '../../functions/config/settings.ts'
import type { Setting } from '../../functions/config/settings.ts'
import { settingsTable } from '../../infra/docs/settings-tables.ts'
import { expectMade } from './generated-sections.ts'

const names = Object.keys(settings) as Setting[]
const words = (name: Setting): string => settingDocs[name].default ?? ''
const exampleOf = (name: Setting): [string, string] => [name, settingDocs[name].example]
const required = Object.fromEntries(
  names.filter((name) => settings[name] === 'required').map(exampleOf),
)

test.each(['required', 'optional', 'local'] as const)('the table "%s" is current', (kind) =>
  expectMade('docs/settings.md', kind, settingsTable(kind)),
)

test.each(names)('the example of %s is taken', (name) => {
  expect(() => readConfig({ ...required, ...Object.fromEntries([exampleOf(name)]) })).not.toThrow()
})

test.each(names.filter((name) => settings[name] === 'required'))(
  '%s is missed where it is not there',
  (name) => {
    expect(() => readConfig({ ...required, [name]: undefined })).toThrow(`${name} is missing`)
  },
)

test('the defaults in words are those of the code', () => {
  const here = readConfig(required)
  const there = readConfig({ ...required, K_SERVICE: 'upload' })
  expect(words('ACCESS_PROFILE')).toBe(here.accessProfile)
  expect(words('ALLOWED_USERS')).toBe(here.allowedUsers)
  expect(here.allowedOrigins).toEqual([])
  expect(words('FORWARDED_HOPS')).toBe(
    `${there.forwardedHops} when deployed, else ${here.forwardedHops}`,
  )
  expect(here.limitsPerDay).toEqual({ bytes: null, files: null })
  expect(words('MAX_FILE_BYTES')).toContain(`${here.maxFileBytes} `)
  expect(words('MAX_REQUEST_BYTES')).toContain(`${there.maxRequestBytes} `)
  expect(here.maxRequestBytes).toBeNull()
  expect(words('OIDC_ISSUERS')).toBe(here.oidcIssuers.join(' '))
  expect(words('RATE_LIMIT')).toBe(String(here.rateLimits.credential))
  expect(words('RATE_LIMIT_ANONYMOUS')).toBe(String(here.rateLimits.network))
})
