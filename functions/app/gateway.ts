/** Config in, gateway out: each room is put together in a file of its own beside this one. */
import type { Server } from 'node:http'
import type { Http2Server } from 'node:http2'
import { readConfig } from '../config/config.ts'
import type { Config } from '../config/config.ts'
import { forgetEverywhere } from '../lib/erase-account.ts'
import { authRoutes } from '../auth/routes.ts'
import { byPath } from '../http/by-path.ts'
import { callbackRoutes } from '../callback/routes.ts'
import { filesRoutes } from '../files/routes.ts'
import { createHandler } from '../http/router.ts'
import type { Handler, HandlerParts, Route } from '../http/router.ts'
import { createInside } from '../http/folder-scope.ts'
import { createLog } from '../http/log.ts'
import type { Log } from '../http/log.ts'
import { createNet } from '../http/uncaught-errors.ts'
import { countUploads, observed } from '../http/http-telemetry.ts'
import { createOrigins } from '../http/cors.ts'
import { createServing, stopOnSignals } from '../http/graceful-shutdown.ts'
import { uploadRoutes } from '../upload/routes.ts'
import { createClients } from './clients.ts'
import { wireDoctor } from './doctor.ts'
import { wireDrive } from './drive.ts'
import type { DriveOptions } from './drive.ts'
import { wireIdentity } from './identity.ts'
import { wireTelemetry } from './telemetry.ts'
import { wireToken } from './token.ts'

export interface Gateway {
  auth: Handler
  callback: Handler
  files: Handler
  upload: Handler
  /** All of them behind one address. */
  everything: Handler
  /** Takes over the server that the handlers run in: its limits, and how it stops. */
  adopt(server: Server | Http2Server): void
  /** Lets what is under way end, and takes nothing more. */
  stop(): Promise<void>
}

/** What tests set and nobody else. */
export interface GatewayOptions extends DriveOptions {
  log?: Log
  /** Milliseconds that a caller may send nothing. */
  idleMs?: number
  /** Milliseconds that requests have to finish once the process is told to stop. */
  graceMs?: number
  /** Milliseconds that Google's sign-in has for one exchange or refresh. */
  signInMs?: number
  /** The clock of sign-ins, credentials, access tokens and secrets. */
  now?: () => number
  /** Whether SIGTERM and SIGINT stop the gateway. */
  signals?: boolean
}

/** Milliseconds from SIGTERM until Cloud Run kills an instance, less a little to be gone by then. */
const killMs = 9_900

export function createGateway(config: Config, options: GatewayOptions = {}): Gateway {
  const { publicUrl, allowedOrigins, accessProfile, maxFileBytes, maxRequestBytes } = config
  const { projectId, service } = config
  const { log: plainLog = createLog(projectId, undefined, {}, service), now = Date.now } = options
  const { telemetry, stop: stopTelemetry } = wireTelemetry(config, plainLog)
  const log = telemetry ? countUploads(plainLog, telemetry) : plainLog

  const clients = createClients(config)
  const origins = createOrigins(publicUrl, allowedOrigins)
  const token = wireToken(config, clients, log, now, options.signInMs, telemetry)
  const identity = wireIdentity(config, clients, token, origins, log, now)
  const drive = wireDrive(config, clients, log, now, options, telemetry)

  const doctor = wireDoctor(config, clients, token, drive, now)

  const serving = createServing(options.graceMs)
  const net = createNet(log)
  const { rates } = identity
  const secure = publicUrl.startsWith('https:')
  const shared: HandlerParts = { log, origins, rates, serving, net, secure }
  const handler = (name: string, routes: Route[]): Handler => {
    const plain = createHandler(name, routes, shared)
    return telemetry ? observed(name, plain, telemetry) : plain
  }
  const stop = async (): Promise<void> => {
    const since = performance.now()
    await serving.stop()
    await stopTelemetry(Math.min(2_000, killMs - (performance.now() - since)))
  }
  let adopted = false

  const idleMs = options.idleMs ?? 30_000
  const inside = createInside(drive.confines, token.accountOf)
  // Whatever else comes to be kept of an account is forgotten here too.
  const forgetAccount = forgetEverywhere([token.forget, identity.forget])
  const parts = { forgetAccount, ...token, ...identity, ...drive, inside, origins, publicUrl, now }
  const functions = {
    auth: handler(
      'auth',
      authRoutes({
        ...parts,
        allowedOrigins,
        accessProfile,
        doctor,
        limits: { maxRequestBytes, maxFileBytes },
      }),
    ),
    callback: handler('callback', callbackRoutes(parts)),
    files: handler('files', filesRoutes({ ...parts, maxAnswerBytes: maxRequestBytes, idleMs })),
    upload: handler('upload', uploadRoutes({ ...parts, maxFileBytes, maxRequestBytes, idleMs })),
  }

  return {
    ...functions,
    everything: byPath(functions, handler('', [])),
    adopt(server) {
      serving.adopt(server)
      if (!adopted && options.signals !== false) {
        stopOnSignals(stop)
        // What is under way may end; a new instance is cheap.
        net.spread(() => void stop().then(() => process.exit(1)))
      }
      adopted = true
    },
    stop,
  }
}

/** The gateway of this process, set up from its environment. */
export function createGatewayFromEnvironment(): Gateway {
  return createGateway(readConfig(process.env))
}
