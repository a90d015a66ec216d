/** Private keys for the sandbox, which `global-setup.mjs` creates once per run. */
import type { GoogleOptions } from '../../infra/sandbox/index.ts'

export const signingKeys = JSON.parse(process.env['TEST_SIGNING_KEYS'] ?? '{}') as NonNullable<
  GoogleOptions['signingKeys']
>
