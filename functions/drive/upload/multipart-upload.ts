/** Multipart upload: metadata and content in one request. */
import type { DriveClient } from '../client/drive-client.ts'
import { multipartRequest, readCreateResult } from '../client/protocol.ts'
import type { CreateResult, StoredFile } from '../client/protocol.ts'
import { requireExisting, sendCreating, unexpectedResponse } from './upload-state.ts'
import type { UploadState } from './upload-state.ts'

/** Uploads a completely buffered file. A retry has the same id, so it cannot create a second file. */
export async function uploadMultipart(
  client: DriveClient,
  upload: UploadState,
): Promise<StoredFile> {
  const { metadata, buffer } = upload
  const content = buffer.slice(0, buffer.end)

  const create = async (): Promise<CreateResult> => {
    const request = multipartRequest(client.root, metadata, content)
    return readCreateResult(await sendCreating(upload, () => client.create(request)))
  }

  for (;;) {
    const result = await client.retryPolicy.retry(create)
    if (result.state === 'stored') return result.file
    if (result.state === 'exists') return requireExisting(client, upload)
    await client.retryPolicy.backoff(unexpectedResponse(result.status))
  }
}
