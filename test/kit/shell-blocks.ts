/** The shell commands of the documentation, run by tests as they are written. */
import { readFile } from 'node:fs/promises'

/**
 * Reads the `sh` blocks of a page, in order.
 *
 * @param page path below the repository's root
 * @param heading second-level heading whose section is read; the whole page when omitted
 */
export async function shellBlocks(page: string, heading?: string): Promise<string[]> {
  const text = await readFile(new URL(`../../${page}`, import.meta.url), 'utf8')
  const [, section = ''] = heading === undefined ? ['', text] : text.split(`\n## ${heading}\n`)
  const [body = ''] = heading === undefined ? [section] : section.split('\n## ')
  return [...body.matchAll(/^```sh\n(.*?)^```$/gms)].map(([, lines = '']) => lines)
}
