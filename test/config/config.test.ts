import { describe, expect, test } from '@jest/globals'
import { readConfig } from '../../functions/config/config.ts'

const required = {
  PUBLIC_URL: 'https://drive.example',
  GOOGLE_CLOUD_PROJECT: 'p',
  CLIENT_SECRET_NAME: 'projects/p/secrets/client/versions/latest',
  KEYRING_SECRET_NAME: 'projects/p/secrets/ring/versions/3',
}
const local = {
  GOOGLE_SANDBOX_URL: 'http://127.0.0.1:9000',
  SECRET_MANAGER_EMULATOR_HOST: 'localhost:9001',
  FIRESTORE_EMULATOR_HOST: '[::1]:9002',
}

const configError = (env: Record<string, string>): string => {
  try {
    readConfig(env)
    return 'none'
  } catch (error) {
    return (error as Error).message
  }
}

test('readConfig() accepts the required settings alone and uses Google', () => {
  expect(readConfig(required)).toMatchObject({
    publicUrl: 'https://drive.example',
    redirectUri: 'https://drive.example/callback',
    accessProfile: 'browse',
    allowedOrigins: [],
    maxFileBytes: 5_497_558_138_880,
    maxRequestBytes: null,
    googleEndpoints: {
      authorization: 'https://accounts.google.com/o/oauth2/v2/auth',
      token: 'https://oauth2.googleapis.com/token',
      drive: 'https://www.googleapis.com/',
    },
    secretManagerHost: undefined,
    firestoreHost: undefined,
  })
})

test('readConfig() reports all missing and invalid settings together', () => {
  expect(configError({})).toBe(
    'Cannot start: PUBLIC_URL is missing; GOOGLE_CLOUD_PROJECT is missing; ' +
      'CLIENT_SECRET_NAME is missing; KEYRING_SECRET_NAME is missing',
  )
  const message = configError({
    PUBLIC_URL: 'http://drive.example',
    GOOGLE_CLOUD_PROJECT: ' ',
    CLIENT_SECRET_NAME: 'GOCSPX-secret-itself',
    KEYRING_SECRET_NAME: 'projects/p/secrets/ring',
    ACCESS_PROFILE: 'constructor',
    ALLOWED_ORIGINS: 'https://fine.example, https://not.example/path',
    ALLOWED_USERS: 'ada',
    MAX_FILE_BYTES: '-1',
    MAX_REQUEST_BYTES: '1e6',
    GOOGLE_SANDBOX_URL: 'https://evil.example',
    SECRET_MANAGER_EMULATOR_HOST: 'evil.example:1',
    FIRESTORE_EMULATOR_HOST: '10.0.0.1:1',
  })
  for (const name of [
    'PUBLIC_URL',
    'GOOGLE_CLOUD_PROJECT',
    'CLIENT_SECRET_NAME',
    'KEYRING_SECRET_NAME',
    'ACCESS_PROFILE',
    'ALLOWED_ORIGINS',
    'ALLOWED_USERS',
    'MAX_FILE_BYTES',
    'MAX_REQUEST_BYTES',
    'GOOGLE_SANDBOX_URL',
    'SECRET_MANAGER_EMULATOR_HOST',
    'FIRESTORE_EMULATOR_HOST',
  ]) {
    expect(message).toContain(name)
  }
  // An operator may set the secret itself instead of its name.
  expect(message).not.toContain('GOCSPX')
})

describe('the sandbox and emulator settings', () => {
  test('accept addresses on this machine', () => {
    expect(readConfig({ ...required, ...local })).toMatchObject({
      googleEndpoints: { token: 'http://127.0.0.1:9000/token', drive: 'http://127.0.0.1:9000/' },
      secretManagerHost: 'localhost:9001',
      firestoreHost: '[::1]:9002',
    })
  })

  test.each(Object.entries(local))('reject %s in a deployment', (name, value) => {
    expect(configError({ ...required, [name]: value, K_SERVICE: 'upload' })).toMatch(
      `${name} is not allowed in a deployment`,
    )
  })

  const notLoopback = [
    'https://evil.example',
    'http://evil.example:80',
    'evil.example:80',
    '10.0.0.1:80',
    '0.0.0.0:80',
    '169.254.169.254:80',
    'localhost.evil.example:80',
    '127.0.0.1.evil.example:80',
    'evil.example#@127.0.0.1:80',
    '127.0.0.1:80@evil.example',
    'user@127.0.0.1:80',
    '127.0.0.1:80/path',
    '127.0.0.1',
    'http://127.0.0.1:80/path',
    'http://127.0.0.1:80?x',
    'http://user@127.0.0.1:80',
    'https://127.0.0.1:80',
    'ftp://127.0.0.1:80',
    '//127.0.0.1:80',
    '128.0.0.1:80',
    '[::2]:80',
    '[::ffff:10.0.0.1]:80',
  ]
  test.each(Object.keys(local))('reject %s on another machine', (name) => {
    for (const value of notLoopback) {
      expect([value, configError({ ...required, [name]: value })]).toEqual([
        value,
        `Cannot start: ${name} must be an address on this machine`,
      ])
    }
  })
})

describe('an origin setting', () => {
  test.each(['https://drive.example', 'https://drive.example/', 'http://localhost:8080'])(
    'accepts %s',
    (PUBLIC_URL) => {
      const { publicUrl, redirectUri } = readConfig({ ...required, PUBLIC_URL })
      expect(publicUrl).toBe(PUBLIC_URL.replace(/\/$/, ''))
      expect(redirectUri).toBe(`${publicUrl}/callback`)
    },
  )

  test.each([
    'drive.example',
    'http://drive.example',
    'https://drive.example/path',
    'https://drive.example?x',
    'https://drive.example#x',
    'https://user@drive.example',
    'javascript:alert(1)',
    'null',
    '*',
    'https://*.example',
  ])('rejects %s', (value) => {
    expect(configError({ ...required, PUBLIC_URL: value })).toMatch('PUBLIC_URL must be an origin')
    expect(configError({ ...required, ALLOWED_ORIGINS: value })).toMatch('ALLOWED_ORIGINS must be')
  })

  test('RETURN_URLS accepts URLs on ALLOWED_ORIGINS, without query', () => {
    const { returnUrls } = readConfig({
      ...required,
      ALLOWED_ORIGINS: 'https://a.example http://localhost:3000',
      RETURN_URLS: 'https://a.example https://a.example/x/../photos,http://localhost:3000/p/',
    })
    expect(returnUrls).toEqual([
      'https://a.example/',
      'https://a.example/photos',
      'http://localhost:3000/p/',
    ])
  })

  test.each([
    'https://other.example/photos',
    'https://a.example/photos?x=1',
    'https://a.example/photos#x',
    'https://user@a.example/photos',
    'http://a.example/photos',
    'https://*.example/photos',
    '/photos',
  ])('RETURN_URLS rejects %s', (value) => {
    const env = { ...required, ALLOWED_ORIGINS: 'https://a.example', RETURN_URLS: value }
    expect(configError(env)).toMatch('RETURN_URLS')
  })

  test('accepts several in ALLOWED_ORIGINS, separated by commas or spaces', () => {
    const { allowedOrigins } = readConfig({
      ...required,
      ALLOWED_ORIGINS: ' https://a.example,https://b.example:8443/  http://localhost:3000 ',
    })
    expect(allowedOrigins).toEqual([
      'https://a.example',
      'https://b.example:8443',
      'http://localhost:3000',
    ])
  })
})

test.each(['0', '-1', '1e3', '1.5', 'many', '9'.repeat(16)])(
  'MAX_FILE_BYTES rejects %s',
  (value) => {
    expect(configError({ ...required, MAX_FILE_BYTES: value })).toMatch(
      'MAX_FILE_BYTES must be a positive number',
    )
  },
)

test('MAX_REQUEST_BYTES is 32 MiB by default in a deployment', () => {
  expect(readConfig({ ...required, K_SERVICE: 'upload' }).maxRequestBytes).toBe(32 * 1024 * 1024)
})

describe('ALLOWED_USERS', () => {
  test.each<[string | undefined, unknown]>([
    [undefined, 'everybody'],
    [' ', 'everybody'],
    ['Everybody', 'everybody'],
    [
      ' Ada@example.com, @Firm.Example ben+x@y.example',
      { addresses: ['ada@example.com', 'ben+x@y.example'], domains: ['firm.example'] },
    ],
  ])('%p is parsed to %p', (value, expected) => {
    const { allowedUsers } = readConfig(
      value === undefined ? required : { ...required, ALLOWED_USERS: value },
    )
    expect(allowedUsers).toEqual(expected)
  })

  test.each([
    'ada',
    '@',
    'a@b',
    '@example',
    'a@b@c.example',
    'a@.example',
    '*@x.example',
    '@*.example',
  ])('rejects %s', (value) => {
    expect(configError({ ...required, ALLOWED_USERS: value })).toMatch('ALLOWED_USERS must list')
  })

  test('rejects everybody together with a list', () => {
    const value = 'everybody, ada@example.com'
    expect(configError({ ...required, ALLOWED_USERS: value })).toMatch('not both')
  })
})

describe('OIDC_ISSUERS', () => {
  test('is GitHub Actions and GitLab by default, and accepts other issuers or none', () => {
    expect(readConfig(required).oidcIssuers).toEqual([
      'https://token.actions.githubusercontent.com',
      'https://gitlab.com',
    ])
    expect(readConfig({ ...required, OIDC_ISSUERS: 'none' }).oidcIssuers).toEqual([])
    const OIDC_ISSUERS = 'https://gitlab.example, https://ci.example/org/1'
    expect(readConfig({ ...required, OIDC_ISSUERS }).oidcIssuers).toEqual([
      'https://gitlab.example',
      'https://ci.example/org/1',
    ])
  })

  test.each([
    'http://gitlab.example',
    'https://gitlab.example/',
    'https://gitlab.example?x',
    'https://gitlab.example#x',
    'https://me:secret@gitlab.example',
    'https://GitLab.example',
    'gitlab.com',
    'none https://gitlab.com',
    'https://accounts.google.com',
    'http://127.0.0.1:9000/ci',
  ])('rejects %s', (OIDC_ISSUERS) => {
    expect(configError({ ...required, OIDC_ISSUERS })).toContain('OIDC_ISSUERS')
  })

  test('accepts an issuer on this machine with a sandbox, and not in a deployment', () => {
    const OIDC_ISSUERS = 'http://127.0.0.1:9000/ci'
    expect(readConfig({ ...required, ...local, OIDC_ISSUERS }).oidcIssuers).toEqual([OIDC_ISSUERS])
    expect(configError({ ...required, ...local, OIDC_ISSUERS: 'http://10.0.0.1/ci' })).toContain(
      'OIDC_ISSUERS',
    )
    expect(configError({ ...required, OIDC_ISSUERS, K_SERVICE: 'auth' })).toContain('OIDC_ISSUERS')
  })
})

test('LINGER_SECONDS, LINGER_BYTES and LINGER_CONNECTIONS limit a lingering close', () => {
  const LINGER = { LINGER_SECONDS: '5', LINGER_BYTES: '1000', LINGER_CONNECTIONS: '8' }
  expect(readConfig({ ...required, ...LINGER }).linger).toEqual({
    maxMs: 5_000,
    maxBytes: 1_000,
    maxConnections: 8,
  })
  const none = { LINGER_SECONDS: 'none', LINGER_BYTES: 'none', LINGER_CONNECTIONS: 'none' }
  expect(readConfig({ ...required, ...none }).linger).toEqual({
    maxMs: Infinity,
    maxBytes: Infinity,
    maxConnections: Infinity,
  })
  expect(configError({ ...required, LINGER_SECONDS: '-1' })).toContain('LINGER_SECONDS')
})

const isTrusted = (address: string, env: Record<string, string>): boolean =>
  readConfig({ ...required, ...env }).trustedProxies.check(
    address,
    address.includes(':') ? 'ipv6' : 'ipv4',
  )

describe('TRUSTED_PROXIES', () => {
  test('is empty by default, and the platform, Google and Fastly in a deployment', () => {
    for (const address of ['169.254.1.1', '35.191.0.9', '151.101.1.9', '2a04:4e42::9']) {
      expect(isTrusted(address, {})).toBe(false)
      expect(isTrusted(address, { K_SERVICE: 'auth' })).toBe(true)
    }
    // Machines of Google's customers, and other clients.
    for (const address of ['34.140.1.2', '127.0.0.1', '10.0.0.1', '203.0.113.7']) {
      expect(isTrusted(address, { K_SERVICE: 'auth' })).toBe(false)
    }
  })

  test('accepts names, addresses and CIDR blocks, and replaces the default', () => {
    const env = { K_SERVICE: 'auth', TRUSTED_PROXIES: 'loopback, 203.0.113.0/24 2001:db8::7' }
    for (const address of ['127.0.0.1', '203.0.113.9', '2001:db8::7']) {
      expect(isTrusted(address, env)).toBe(true)
    }
    expect(isTrusted('2001:db8::8', env)).toBe(false)
    expect(isTrusted('35.191.0.9', env)).toBe(false)
    expect(isTrusted('169.254.1.1', { K_SERVICE: 'auth', TRUSTED_PROXIES: 'none' })).toBe(false)
  })

  test.each(['2', 'x', '203.0.113.0/33', '2001:db8::/129', '1.2.3.4/', '1.2.3/8', 'none google'])(
    'rejects %s',
    (TRUSTED_PROXIES) => {
      expect(configError({ ...required, TRUSTED_PROXIES })).toContain('TRUSTED_PROXIES')
    },
  )
})

const parseHeaders = (value: string): unknown =>
  readConfig({ ...required, OTEL_EXPORTER_OTLP_HEADERS: value }).otlpHeaders

describe('OTEL_EXPORTER_OTLP_HEADERS', () => {
  test('parses a list of names and percent-encoded values', () => {
    expect(readConfig(required).otlpHeaders).toEqual({})
    expect(parseHeaders(' ')).toEqual({})
    expect(parseHeaders('Api-Key=s3cret==, x-tenant = a%2Cb%20c ,')).toEqual({
      'api-key': 's3cret==',
      'x-tenant': 'a,b c',
    })
    expect(parseHeaders('authorization=Basic%20YTpi')).toEqual({ authorization: 'Basic YTpi' })
  })

  test.each([
    ['no name', '=GOCSPX-value'],
    ['no value', 'api-key='],
    ['neither', 'GOCSPX-value'],
    ['a name with a space', 'api key=GOCSPX-value'],
    ['a value with a line break', 'api-key=GOCSPX-value%0D%0Ahost:%20evil.example'],
    ['a non-ASCII value', 'api-key=GOCSPX-valu%C3%A9'],
    ['a malformed percent-escape', 'api-key=GOCSPX-value%'],
    ['a header of the request', 'content-type=text/plain;GOCSPX-value'],
    ['the Host header', 'Host=evil.example'],
  ])('rejects %s without quoting it', (_, value) => {
    const message = configError({ ...required, OTEL_EXPORTER_OTLP_HEADERS: `fine=1,${value}` })
    expect(message).toBe(
      'Cannot start: OTEL_EXPORTER_OTLP_HEADERS must list headers such as api-key=…,tenant=…',
    )
  })
})

test('SESSION_IDLE_DAYS and SESSION_MAX_DAYS limit a session', () => {
  const day = 24 * 60 * 60_000
  const settings = { SESSION_IDLE_DAYS: '1', SESSION_MAX_DAYS: '7' }
  expect(readConfig({ ...required, ...settings }).sessionLifetime).toEqual({
    idleMs: day,
    maxMs: 7 * day,
  })
  const { idleMs } = readConfig({ ...required, SESSION_IDLE_DAYS: 'none' }).sessionLifetime
  expect(idleMs).toBe(Infinity)
  for (const value of ['0', 'none', '366', '1.5']) {
    expect(configError({ ...required, SESSION_MAX_DAYS: value })).toContain('SESSION_MAX_DAYS')
  }
})
