/** What a refresh takes is asked for at once: on a new instance each is a way of its own to Google. */
import { expect, test } from '@jest/globals'
import { readConfig } from '../../functions/config/config.ts'
import { createLog } from '../../functions/http/log.ts'
import type { Clients } from '../../functions/app/clients.ts'
import { wireToken } from '../../functions/app/token.ts'

const client = 'projects/p/secrets/client/versions/1'
const keyring = 'projects/p/secrets/keyring/versions/1'
const config = readConfig({
  PUBLIC_URL: 'https://drive.example',
  GOOGLE_CLOUD_PROJECT: 'p',
  CLIENT_SECRET_NAME: client,
  KEYRING_SECRET_NAME: keyring,
})

test('the grant waits for no secret, and no secret for the other or for the grant', async () => {
  const asked = new Set<string>()
  let bothAsked: (() => void) | undefined
  const both = new Promise<void>((resolve) => (bothAsked = resolve))
  const clients = {
    // It has no such grant, and says so when both secrets have been asked for.
    firestore: async () => ({
      collection: () => ({ doc: () => ({ get: () => both.then(() => ({ data: () => {} })) }) }),
    }),
    secretManager: async () => ({
      accessSecretVersion: ({ name }: { name: string }) => {
        asked.add(name)
        if (asked.size === 2) bothAsked?.()
        return Promise.reject(new Error('Not now'))
      },
    }),
    drive: () => Promise.reject(new Error('Nobody asks Drive')),
  } as unknown as Clients
  const { access } = wireToken(
    config,
    clients,
    createLog('p', () => {}),
    Date.now,
  )
  await expect(access.tokenFor('ada')).rejects.toMatchObject({ code: 'reauth_required' })
  expect(asked).toEqual(new Set([client, keyring]))
})
