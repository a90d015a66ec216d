/**
 * Baseline: the bare pipe, which also compares the file's SHA-256 with Drive's. It buffers nothing and
 * cannot resume.
 */
import busboy from 'busboy'
import { createHash } from 'node:crypto'
import { Agent, createServer, request } from 'node:http'

const { GOOGLE_SANDBOX_URL: google = '', ACCESS_TOKEN: token = '', PORT: port = '0' } = process.env
const agent = new Agent({ keepAlive: true })

const server = createServer((req, res) => {
  if (req.method !== 'POST') {
    res.writeHead(405).end()
    return
  }
  const parser = busboy({ headers: req.headers })
  parser.on('file', (_name, file) => {
    const hash = createHash('sha256')
    const toDrive = request(
      `${google}/upload/drive/v3/files?uploadType=media&fields=id,size,sha256Checksum`,
      { method: 'POST', agent, headers: { authorization: `Bearer ${token}` } },
      (response) => {
        const parts: Buffer[] = []
        response.on('data', (part: Buffer) => parts.push(part))
        response.once('end', () => {
          const body = Buffer.concat(parts)
          const isVerified = body.includes(hash.digest('hex'))
          res.writeHead(isVerified ? (response.statusCode ?? 502) : 502).end(body)
        })
      },
    )
    file.on('data', (part: Buffer) => void hash.update(part))
    file.pipe(toDrive)
  })
  req.pipe(parser)
})
server.requestTimeout = 0
server.listen(Number(port), '127.0.0.1')
