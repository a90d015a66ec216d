/** Uploads a part with a given Content-Disposition, and returns the name that Drive stores. */
import { expect } from '@jest/globals'
import { problemCode, send } from './environment.ts'
import { fileResults } from './requests.ts'
import type { UploadGateway } from './upload.ts'

/**
 * Uploads a form of one part.
 *
 * @param disposition the parameters after `form-data; name="file"; `
 * @param headers of the request, such as those of a browser
 * @returns the file's name in Drive, or status and code of the problem
 */
export async function storedName(
  driveway: UploadGateway,
  disposition: string | Buffer,
  headers: Record<string, string> = {},
): Promise<string> {
  const body = Buffer.concat([
    Buffer.from('--b\r\nContent-Disposition: form-data; name="file"; '),
    Buffer.from(disposition),
    Buffer.from('\r\n\r\ncontent\r\n--b--\r\n'),
  ])
  const filesBefore = driveway.uploaded().length
  const response = await send(driveway.origin, '/upload', {
    method: 'POST',
    headers: {
      ...driveway.bearer,
      'content-type': 'multipart/form-data; boundary=b',
      ...headers,
    },
    body,
  })
  if (response.status !== 201) {
    expect(driveway.uploaded()).toHaveLength(filesBefore)
    return `${response.status} ${problemCode(response)}`
  }
  const [result] = fileResults(response)
  const file = driveway.google.drive.file(result?.id ?? '')
  expect(file?.name).toBe(result?.name)
  return file?.name ?? ''
}
