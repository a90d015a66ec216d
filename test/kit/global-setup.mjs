/** Jest global setup: creates the RSA keys of all sandboxes once, because each takes long. */
import { exportJWK, generateKeyPair } from 'jose'

async function createKey() {
  const { privateKey } = await generateKeyPair('RS256', { extractable: true })
  return exportJWK(privateKey)
}

export default async function setUp() {
  if (process.env.TEST_SIGNING_KEYS) return
  const [google, ci] = await Promise.all([createKey(), createKey()])
  process.env.TEST_SIGNING_KEYS = JSON.stringify({ google, ci })
}
