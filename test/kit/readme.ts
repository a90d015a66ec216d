/** The lines of the README, to be run as they stand. */
import { readFile } from 'node:fs/promises'

/** The shell lines (`sh` blocks) of a chapter, in order. */
export async function linesOf(chapter: string): Promise<string[]> {
  const text = await readFile(new URL('../../README.md', import.meta.url), 'utf8')
  const [, after = ''] = text.split(`\n## ${chapter}\n`)
  const [body = ''] = after.split('\n## ')
  return [...body.matchAll(/^```sh\n(.*?)^```$/gms)].map(([, lines = '']) => lines)
}
