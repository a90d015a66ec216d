/** The worker `/digest.js`: computes SHA-256 of files off the main thread. */
import { sha256Of } from './hash.ts'
import type { DigestRequest, DigestResponse } from './hash.ts'

const scope = globalThis as unknown as Pick<Worker, 'addEventListener' | 'postMessage'>
const controllers = new Map<number, AbortController>()

scope.addEventListener('message', ({ data: { id, file } }: MessageEvent<DigestRequest>) => {
  if (file === null) controllers.get(id)?.abort()
  else void respond(id, file)
})

async function respond(id: number, file: Blob): Promise<void> {
  const controller = new AbortController()
  controllers.set(id, controller)
  const hex = await sha256Of(file, controller.signal).catch(() => null)
  controllers.delete(id)
  scope.postMessage({ id, hex } satisfies DigestResponse)
}
