/** A refresh on a new instance needs a grant and two secrets; all are fetched in parallel. */
import { expect, test } from '@jest/globals'
import { readConfig } from '../../functions/config/config.ts'
import { createLog } from '../../functions/http/log.ts'
import type { Clients } from '../../functions/app/clients.ts'
import { createTokenServices } from '../../functions/app/token.ts'

const client = 'projects/p/secrets/client/versions/1'
const keyring = 'projects/p/secrets/keyring/versions/1'
const config = readConfig({
  PUBLIC_URL: 'https://drive.example',
  GOOGLE_CLOUD_PROJECT: 'p',
  CLIENT_SECRET_NAME: client,
  KEYRING_SECRET_NAME: keyring,
})

test('tokenFor() fetches the grant and both secrets in parallel', async () => {
  const requested = new Set<string>()
  let endWait: (() => void) | undefined
  const bothRequested = new Promise<void>((resolve) => (endWait = resolve))
  const clients = {
    // Returns no grant, as soon as both secrets are requested.
    firestore: (work: (store: unknown) => unknown) =>
      work({
        collection: () => ({
          doc: () => ({
            get: () => bothRequested.then(() => ({ exists: false, data: () => {} })),
          }),
        }),
      }),
    secretManager: async () => ({
      accessSecretVersion: ({ name }: { name: string }) => {
        requested.add(name)
        if (requested.size === 2) endWait?.()
        return Promise.reject(new Error('unavailable'))
      },
    }),
    drive: () => Promise.reject(new Error('unexpected request to Drive')),
  } as unknown as Clients
  const { accessTokens } = createTokenServices(
    config,
    clients,
    createLog('p', () => {}),
    Date.now,
  )
  await expect(accessTokens.tokenFor('ada')).rejects.toMatchObject({ code: 'reauth_required' })
  expect(requested).toEqual(new Set([client, keyring]))
})
