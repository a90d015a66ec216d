/** A file that has come whole, in one request. */
import type { Line } from '../client/drive-client.ts'
import { createRequest, readCreated } from '../client/protocol.ts'
import type { StoredFile } from '../client/protocol.ts'
import { existing, mayCreate, nonsense } from './upload-state.ts'
import type { Upload } from './upload-state.ts'

/** Sent again with the same id, the request cannot make a second file. */
export async function storeAtOnce(line: Line, upload: Upload): Promise<StoredFile> {
  const { metadata, window } = upload
  const content = window.slice(0, window.end)

  const create = async (): Promise<ReturnType<typeof readCreated>> => {
    const request = createRequest(line.root, metadata, content)
    return readCreated(await mayCreate(upload, () => line.make(request)))
  }

  for (;;) {
    const created = await line.patience.retry(create)
    if (created.state === 'stored') return created.file
    if (created.state === 'exists') return existing(line, upload)
    await line.patience.spend(nonsense(created.status))
  }
}
