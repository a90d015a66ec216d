/** The values in docs/limits.md match the code. */
import { expect, test } from '@jest/globals'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { readConfig } from '../../functions/config/config.ts'
import { uploadMemoryLimit } from '../../functions/config/memory-limit.ts'
import { settings, settingDocs } from '../../functions/config/settings.ts'
import type { Setting } from '../../functions/config/settings.ts'
import { chunkUnit } from '../../functions/drive/client/protocol.ts'
import { defaultSessionLifetime } from '../../functions/identity/session-lifetime.ts'
import { defaultLimits } from '../../functions/http/h2c.ts'
import { lingerDefaults } from '../../functions/http/lingering-close.ts'
import { maxChecksumBytes } from '../../functions/upload/tus/checksum.ts'
import { uploadTtlMs } from '../../functions/upload/upload-ttl.ts'
import { formLimits } from '../../functions/upload/form.ts'
import { deviceCodeTtlMs, pollIntervalMs } from '../../functions/identity/device-authorization.ts'
import { loginTtlMs } from '../../functions/identity/login-state.ts'
import { authorizationCodeTtlMs } from '../../functions/identity/authorization-code.ts'
import { root } from '../kit/process.ts'

const text = await readFile(join(root, 'docs/limits.md'), 'utf8')
const required = Object.keys(settings)
  .filter((name) => settings[name as Setting] === 'required')
  .map((name) => [name, settingDocs[name as Setting].example])
const config = readConfig({ ...Object.fromEntries(required), K_SERVICE: 'upload' })

const [kib, mib, minute] = [1024, 1024 * 1024, 60_000]
const hour = 60 * minute
const number = (value: number): string => value.toLocaleString('en')

/** Returns the value in the table row with this start. */
function row(start: string): string {
  const line = text.split('\n').find((candidate) => candidate.startsWith(`| ${start}`)) ?? ''
  return line.split('|')[2]?.trim() ?? ''
}

/** Returns the source text of a constant that its module does not export. */
async function constant(file: string, name: string): Promise<string> {
  const code = await readFile(join(root, 'functions', file), 'utf8')
  return new RegExp(`const ${name} = ([^\\n]+)`).exec(code)?.[1] ?? 'none'
}

test.each([
  ['A file  ', `${number(config.maxFileBytes)} bytes`],
  ['One request of HTTP/1', `${(config.maxRequestBytes ?? 0) / mib} MiB`],
  ['Parts of a form', number(formLimits.maxParts)],
  ['A field of a form', `${formLimits.maxFieldBytes / kib} KiB`],
  ['A `PATCH` by tus that', `${chunkUnit / kib} KiB`],
  ['A `PATCH` by tus with', `${maxChecksumBytes / mib} MiB`],
  ['Memory for uploads', `${uploadMemoryLimit(1) / mib} to ${uploadMemoryLimit(0) / mib} MiB`],
  ['Requests of one credential', number(config.rateLimits.credential ?? 0)],
  ['Connections of one address', number(config.maxConnectionsPerAddress)],
  ['Requests of one network', number(config.rateLimits.network ?? 0)],
  [
    'An HTTP/2 connection without',
    `${defaultLimits.idleTimeoutMs / 1000} seconds, and ${defaultLimits.closeTimeoutMs / 1000} until`,
  ],
  ['A response that its', `${defaultLimits.stallTimeoutMs / 1000} seconds`],
  ['Requests of one HTTP/2', `${defaultLimits.maxUnfinished}; 10 resets`],
  ['A refused body that', `${config.linger.maxBytes / mib / kib} GiB`],
  ['Connections read on', String(config.linger.maxConnections)],
  ['A refused body is', `${config.linger.maxMs / 1000} seconds`],
  ['… without a byte', `${lingerDefaults.idleMs / 1000} seconds`],
  ['A session', `${defaultSessionLifetime.maxMs / hour / 24} days`],
  ['A session without a request', `${defaultSessionLifetime.idleMs / hour / 24} days`],
  ['A page’s code', `${authorizationCodeTtlMs / minute} minute`],
  ['A sign-in', `${loginTtlMs / minute} minutes`],
  [
    'A terminal’s',
    `${deviceCodeTtlMs / minute} minutes, polled every ${pollIntervalMs / 1000} seconds`,
  ],
  ['An upload by tus', `${uploadTtlMs / hour / 24} days`],
])('the limit "%s" is %s, as in the code', (start, value) => {
  expect(row(start.replace('’', "'"))).toContain(value)
})

test.each([
  ["A file's or", '1,024', 'http/file-name.ts', 'maxNameBytes', '1024'],
  ['Folders in', '50', 'http/file-name.ts', 'maxPathSegments', '50'],
  ['A JSON or urlencoded', '16 KiB', 'http/limited-body.ts', 'maxBytes', '16 * 1024'],
  ['`Upload-Metadata`', '3 KiB', 'upload/tus/metadata.ts', 'maxMetadataBytes', '3 * 1024'],
  [
    'A JSON or urlencoded request body must',
    '5 seconds',
    'http/limited-body.ts',
    'bodyTimeoutMs',
    '5_000',
  ],
  ['Files in a page', '1,000', 'files/list-query.ts', 'maxPageSize', '1000'],
  ['Requests in progress', '32', 'app/rate-limits.ts', 'maxInProgress', '32'],
  ['Requests in progress', '16 per network', 'app/rate-limits.ts', 'maxInProgressPerNetwork', '16'],
  ['Requests of all networks', '20 times', 'app/rate-limits.ts', 'proxyFactor', '20'],
  ['Sign-ins of one network', '10 times', 'app/rate-limits.ts', 'signInFactor', '10'],
  ['Codes for', '20', 'app/identity.ts', 'maxDeviceCodes', '20'],
  ['Codes tried', '30', 'app/identity.ts', 'maxUserCodeAttempts', '30'],
  ['Tokens of', '100', 'auth/tokens.ts', 'maxTokens', '100'],
  ['Policies of', '20', 'identity/policies.ts', 'maxPolicies', '20'],
  ['Claims of', '20', 'auth/policies.ts', 'maxClaims', '20'],
  ["A page's bearer", '1 hour', 'auth/token-exchange.ts', 'bearerTtlMs', '60 * 60_000'],
  ['An instance that', '8 seconds', 'http/graceful-shutdown.ts', 'defaultGraceMs', '8_000'],
])('the limit "%s" is %s, as in the code', async (start, value, file, name, code) => {
  expect(row(start)).toContain(value)
  expect(await constant(file, name)).toBe(code)
})
