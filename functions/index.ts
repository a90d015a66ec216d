/** Driveway: four HTTP functions between a browser and its user's Google Drive. */
import { http } from '@google-cloud/functions-framework'
import { readTarget } from './config/config.ts'
import { streamBodies } from './http/framework-streaming.ts'
import { createGatewayFromEnvironment } from './app/gateway.ts'

const gateway = createGatewayFromEnvironment()

http('auth', gateway.auth) // GET: 302 to Google's consent page; sessions and tokens
http('callback', gateway.callback) // GET: the authorization response; starts a session
http('files', gateway.files) // GET: files.list
http('upload', gateway.upload) // POST: multipart/form-data, streamed into Drive

const target = readTarget(process.env, process.argv)
streamBodies(gateway.adopt, target && gateway[target])
