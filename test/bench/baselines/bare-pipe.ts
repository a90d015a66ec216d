/**
 * Baseline: pipes busboy's file into one request to Drive. It buffers nothing, verifies nothing and
 * cannot resume.
 */
import busboy from 'busboy'
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
    const toDrive = request(
      `${google}/upload/drive/v3/files?uploadType=media&fields=id,size,sha256Checksum`,
      { method: 'POST', agent, headers: { authorization: `Bearer ${token}` } },
      (response) => {
        res.writeHead(response.statusCode ?? 502)
        response.pipe(res)
      },
    )
    file.pipe(toDrive)
  })
  req.pipe(parser)
})
server.requestTimeout = 0
server.listen(Number(port), '127.0.0.1')
