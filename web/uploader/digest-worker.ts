/** `/digest.js`: hashes files beside a page. */
import { hashOf } from './hash.ts'
import type { Answer, Question } from './hash.ts'

const page = globalThis as unknown as Pick<Worker, 'addEventListener' | 'postMessage'>
const wanted = new Map<number, AbortController>()

page.addEventListener('message', ({ data: { id, file } }: MessageEvent<Question>) => {
  if (file === null) wanted.get(id)?.abort()
  else void answer(id, file)
})

async function answer(id: number, file: Blob): Promise<void> {
  const stop = new AbortController()
  wanted.set(id, stop)
  const hex = await hashOf(file, stop.signal).catch(() => null)
  wanted.delete(id)
  page.postMessage({ id, hex } satisfies Answer)
}
