import type { Google } from '../../infra/sandbox/index.ts'

/** Replaces the fields of a document in the sandbox; undefined fields are removed. */
export async function replaceDocument(
  { url }: Pick<Google, 'url'>,
  name: string,
  fields: Record<string, unknown>,
): Promise<void> {
  const [documents] = /^.*\/documents(?=\/)/.exec(name) ?? []
  const body = JSON.stringify({ writes: [{ update: { name, fields } }] })
  const response = await fetch(`${url}/v1/${documents}:commit`, { method: 'POST', body })
  if (response.status !== 200) throw new Error(`Cannot write ${name}: ${await response.text()}`)
}
