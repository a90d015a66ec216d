/**
 * Uploads a file with tus-js-client. Run it again after an interruption: it resumes the upload.
 *
 *   npm install tus-js-client
 *   DRIVEWAY=https://driveway.example TOKEN=dw_… node upload.mjs FILE
 *
 * TOKEN needs the scope `upload`.
 */
import { createReadStream, statSync } from 'node:fs'
import { basename } from 'node:path'
import { FileUrlStorage, Upload } from 'tus-js-client'

const { DRIVEWAY, TOKEN } = process.env
const [, , path] = process.argv
if (!DRIVEWAY || !TOKEN || !path) {
  console.error('Usage: DRIVEWAY=https://… TOKEN=dw_… node upload.mjs FILE')
  process.exit(2)
}

const { size, mtimeMs } = statSync(path)
const upload = new Upload(createReadStream(path), {
  endpoint: `${DRIVEWAY}/upload/tus`,
  headers: { authorization: `Bearer ${TOKEN}` },
  uploadSize: size,
  chunkSize: 8 * 1024 * 1024,
  retryDelays: [0, 1000, 3000, 10_000],
  metadata: { filename: basename(path), path: 'Uploads' },
  // Remembers the upload's URL between two runs of this script.
  urlStorage: new FileUrlStorage(`${path}.tus.json`),
  fingerprint: () => Promise.resolve(`${basename(path)}-${size}-${mtimeMs}`),
  removeFingerprintOnSuccess: true,
  onProgress: (sent) => console.log(`${Math.round((100 * sent) / Math.max(size, 1))} %`),
  onSuccess: ({ lastResponse }) =>
    console.log(`Stored: ${lastResponse.getHeader('Driveway-File-Link')}`),
  onError: (error) => {
    console.error(`The upload stopped: ${error.message}. Run the same command to resume it.`)
    process.exitCode = 1
  },
})

const [previous] = await upload.findPreviousUploads()
if (previous) upload.resumeFromPreviousUpload(previous)
upload.start()
