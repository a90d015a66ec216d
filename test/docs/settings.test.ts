/** docs/settings.md matches the code. `UPDATE_DOCS=1 npm test -- docs/settings` regenerates it. */
import { expect, test } from '@jest/globals'
import { readConfig } from '../../functions/config/config.ts'
import { deployedProxies } from '../../functions/config/trusted-proxies.ts'
import { settings, settingDocs } from '../../functions/config/settings.ts'
import type { Setting } from '../../functions/config/settings.ts'
import { settingsTable } from '../../infra/docs/settings-tables.ts'
import { expectGeneratedSection } from './generated-sections.ts'

const names = Object.keys(settings) as Setting[]
const defaultOf = (name: Setting): string => settingDocs[name].default ?? ''
const exampleOf = (name: Setting): [string, string] => [name, settingDocs[name].example]
const required = Object.fromEntries(
  names.filter((name) => settings[name] === 'required').map(exampleOf),
)

test.each(['required', 'deployment', 'optional', 'local'] as const)(
  'the table "%s" matches the code',
  (kind) => expectGeneratedSection('docs/settings.md', kind, settingsTable(kind)),
)

test.each(names)('readConfig() accepts the example of %s', (name) => {
  // RETURN_URLS requires its origin in ALLOWED_ORIGINS.
  const examples = Object.fromEntries([exampleOf('ALLOWED_ORIGINS'), exampleOf(name)])
  expect(() => readConfig({ ...required, ...examples })).not.toThrow()
})

test.each(names.filter((name) => settings[name] === 'required'))(
  'readConfig() reports %s when it is missing',
  (name) => {
    expect(() => readConfig({ ...required, [name]: undefined })).toThrow(`${name} is missing`)
  },
)

test('the documented defaults match the code', () => {
  const local = readConfig(required)
  const deployed = readConfig({ ...required, K_SERVICE: 'upload' })
  expect(defaultOf('ACCESS_PROFILE')).toBe(local.accessProfile)
  expect(defaultOf('ALLOWED_USERS')).toBe(local.allowedUsers)
  expect(local.allowedOrigins).toEqual([])
  expect(defaultOf('TRUSTED_PROXIES')).toBe(`${deployedProxies} when deployed, else none`)
  expect(defaultOf('FIRESTORE_DATABASE')).toBe(local.databaseId)
  expect(defaultOf('HSTS_INCLUDE_SUBDOMAINS')).toBe(String(local.hstsIncludeSubDomains))
  expect(defaultOf('LINGER_BYTES')).toContain(`${local.linger.maxBytes} `)
  expect(defaultOf('LINGER_CONNECTIONS')).toBe(String(local.linger.maxConnections))
  expect(defaultOf('LINGER_SECONDS')).toBe(String(local.linger.maxMs / 1000))
  expect(local.limitsPerDay).toEqual({ bytes: null, files: null })
  expect(defaultOf('MAX_CONNECTIONS_PER_ADDRESS')).toBe(String(local.maxConnectionsPerAddress))
  expect(defaultOf('MAX_FILE_BYTES')).toContain(`${local.maxFileBytes} `)
  expect(defaultOf('MAX_REQUEST_BYTES')).toContain(`${deployed.maxRequestBytes} `)
  expect(local.maxRequestBytes).toBeNull()
  expect(defaultOf('OIDC_ISSUERS')).toBe(local.oidcIssuers.join(' '))
  const { idleMs, maxMs } = local.sessionLifetime
  expect([idleMs, maxMs].map((ms) => String(ms / 86_400_000))).toEqual([
    defaultOf('SESSION_IDLE_DAYS'),
    defaultOf('SESSION_MAX_DAYS'),
  ])
  expect(defaultOf('RATE_LIMIT')).toBe(String(local.rateLimits.credential))
  expect(defaultOf('RATE_LIMIT_ANONYMOUS')).toBe(String(local.rateLimits.network))
})
