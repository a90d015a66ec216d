/** Driveway: four HTTP functions between a browser and its user's Google Drive. */
import { http } from '@google-cloud/functions-framework'
import { readFunctionTarget } from './config/config.ts'
import { streamBodies } from './http/framework-streaming.ts'
import { createGatewayFromEnvironment } from './app/gateway.ts'

const gateway = createGatewayFromEnvironment()

http('auth', gateway.auth) // GET: 302 to Google's consent page; sessions, tokens, device flow
http('callback', gateway.callback) // GET: the authorization response; starts a session
http('files', gateway.files) // GET: lists, metadata and content; POST: creates a folder
http('upload', gateway.upload) // POST: multipart/form-data; PUT: one file; tus; tickets

const target = readFunctionTarget(process.env, process.argv)
streamBodies(gateway.attach, target && gateway[target])
