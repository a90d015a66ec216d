/**
 * Baseline: the common approach. The framework reads the whole body into memory, busboy parses it, and
 * Google's client uploads the file.
 */
import { http } from '@google-cloud/functions-framework'
import busboy from 'busboy'
import { OAuth2Client } from 'google-auth-library'
import { drive_v3 } from 'googleapis/build/src/apis/drive/v3.js'
import { Readable } from 'node:stream'

const { GOOGLE_SANDBOX_URL: google = '', ACCESS_TOKEN: token = '' } = process.env
const auth = new OAuth2Client()
auth.setCredentials({ access_token: token })
const drive = new drive_v3.Drive({ auth })

http('upload', (req, res) => {
  if (req.method !== 'POST') {
    res.status(405).end()
    return
  }
  const parser = busboy({ headers: req.headers })
  parser.on('file', (_name, file, { filename }) => {
    const parts: Buffer[] = []
    file.on('data', (part: Buffer) => parts.push(part))
    file.on('end', () => {
      drive.files
        .create(
          {
            requestBody: { name: filename ?? 'Untitled' },
            media: { body: Readable.from([Buffer.concat(parts)]) },
            fields: 'id,size,sha256Checksum',
          },
          { rootUrl: `${google}/` },
        )
        .then(
          ({ data }) => void res.status(201).json(data),
          () => void res.status(502).end(),
        )
    })
  })
  parser.end(req.rawBody)
})
