/** Drive SDK client; its own module so that `app/clients.ts` can load it lazily. */
import { drive_v3 as v3 } from 'googleapis/build/src/apis/drive/v3.js'

/** @param rootUrl of the Drive API, with a trailing slash */
export function createDrive(rootUrl: string): v3.Drive {
  return new v3.Drive({ rootUrl })
}
