/** Composition root: creates the gateway from its configuration. */
import type { Server } from 'node:http'
import type { Http2Server } from 'node:http2'
import { readConfig } from '../config/config.ts'
import type { Config } from '../config/config.ts'
import { eraseAll } from '../lib/erase-account.ts'
import { authRoutes } from '../auth/routes.ts'
import { callbackRoutes } from '../callback/routes.ts'
import { filesRoutes } from '../files/routes.ts'
import { createRouter, dispatchByPath } from '../http/router.ts'
import type { Handler, RouterOptions, Route } from '../http/router.ts'
import { createFolderScope } from '../http/folder-scope.ts'
import { createLog } from '../http/log.ts'
import { createLingeringClose, lingerDefaults } from '../http/lingering-close.ts'
import type { LingerLimits } from '../http/lingering-close.ts'
import type { Log } from '../http/log.ts'
import type { OtlpExporterOptions } from '../telemetry/otlp-exporter.ts'
import { createErrorBoundary } from '../http/uncaught-errors.ts'
import { countUploads, instrumentHandler } from '../http/http-telemetry.ts'
import { isTrustedAddress } from '../http/client-ip.ts'
import { createOriginPolicy } from '../http/cors.ts'
import type { ConnectionLimits } from '../http/h2c.ts'
import { createGracefulShutdown, stopOnSignals } from '../http/graceful-shutdown.ts'
import { uploadRoutes } from '../upload/routes.ts'
import { createClients } from './clients.ts'
import { createDoctorServices } from './doctor.ts'
import { createDriveServices } from './drive.ts'
import type { DriveOptions } from './drive.ts'
import { createIdentityServices } from './identity.ts'
import { createTelemetryServices } from './telemetry.ts'
import { createTokenServices } from './token.ts'

export interface Gateway {
  auth: Handler
  callback: Handler
  files: Handler
  upload: Handler
  /** Dispatches to the four functions by the first path segment. */
  all: Handler
  /** Limits of the connections of a server that clients reach directly. */
  connectionLimits: Pick<ConnectionLimits, 'maxPerAddress' | 'isTrusted'>
  /** Configures the HTTP server that calls the handlers and includes it in the shutdown. */
  attach(server: Server | Http2Server): void
  /** Shuts down gracefully: stops accepting requests and waits for those in flight. */
  stop(): Promise<void>
}

/** Options for tests. */
export interface GatewayOptions extends DriveOptions {
  log?: Log
  /** Maximum time in milliseconds without a byte from the client. */
  idleTimeoutMs?: number
  /** Limits of a lingering close. */
  linger?: Partial<LingerLimits>
  /** Time in milliseconds that in-flight requests have to finish after SIGTERM. */
  graceMs?: number
  /** Time in milliseconds after it to send the errors of those that have not. */
  flushMs?: number
  /** Timeout in milliseconds of one code exchange or refresh at Google. */
  signInTimeoutMs?: number
  /** Timeouts of other requests of the gateway. */
  timeouts?: GatewayTimeouts
  /** Interval and timeout of exports to the collector. */
  telemetry?: Pick<OtlpExporterOptions, 'intervalMs' | 'timeoutMs'>
  /** Clock for sign-ins, credentials, access tokens and secrets. */
  now?: () => number
  /** Whether SIGTERM and SIGINT shut the gateway down; default true. */
  handleSignals?: boolean
}

/** Milliseconds. Each is read when a request starts, and has its default where it is used. */
export interface GatewayTimeouts {
  /** One Firestore operation, with all retries of the client. */
  firestore?: number
  /** Reading one secret, with all retries of the client. */
  secrets?: number
  /** The discovery document and the keys of one issuer of CI tokens. */
  jwks?: number
  /** All requests that revoke one grant. */
  revocation?: number
  /** The offset query after a failed PATCH. */
  offsetQuery?: number
  /** One check of the self-diagnosis. */
  doctorCheck?: number
  /** Sending the remaining telemetry at the shutdown. */
  lastExport?: number
  /** Google's clock, for the self-diagnosis. */
  googleTime?: number
}

/** Cloud Run kills an instance 10 s after SIGTERM; the process exits before. */
const shutdownMs = 9_900

export function createGateway(config: Config, options: GatewayOptions = {}): Gateway {
  const { publicUrl, allowedOrigins, returnUrls, accessProfile, maxFileBytes, maxRequestBytes } =
    config
  const { projectId, service } = config
  const { log: baseLog = createLog(projectId, undefined, {}, service), now = Date.now } = options
  const { telemetry, stop: stopTelemetry } = createTelemetryServices(
    config,
    baseLog,
    options.telemetry,
  )
  const log = telemetry ? countUploads(baseLog, telemetry) : baseLog

  const { signInTimeoutMs, timeouts = {}, sleep } = options
  const wait = sleep && ((ms: number) => sleep(ms, new AbortController().signal))
  const clients = createClients(config, timeouts)
  const origins = createOriginPolicy(publicUrl, allowedOrigins)
  const token = createTokenServices(config, clients, log, now, signInTimeoutMs, telemetry, timeouts)
  const identity = createIdentityServices(config, clients, token, origins, log, now, {
    timeouts,
    wait,
  })
  const drive = createDriveServices(config, clients, log, now, options, telemetry)

  const doctor = createDoctorServices(config, clients, token, drive, now, timeouts)

  const shutdown = createGracefulShutdown(options.graceMs, options.flushMs)
  const errorBoundary = createErrorBoundary(log)
  const routerOptions: RouterOptions = {
    log,
    origins,
    rateLimits: identity.rateLimits,
    shutdown,
    errorBoundary,
    discardBody: createLingeringClose(
      { ...lingerDefaults, ...config.linger, ...options.linger },
      identity.clientIp,
    ),
    hsts: publicUrl.startsWith('https:') ? hstsHeader(config.hstsIncludeSubDomains) : undefined,
  }
  const handler = (name: string, routes: Route[]): Handler => {
    const router = createRouter(name, routes, routerOptions)
    return telemetry ? instrumentHandler(name, router, telemetry) : router
  }
  const stop = async (): Promise<void> => {
    const startedAt = performance.now()
    await shutdown.stop()
    await stopTelemetry(
      Math.min(timeouts.lastExport ?? 2_000, shutdownMs - (performance.now() - startedAt)),
    )
  }
  let isAttached = false

  const idleTimeoutMs = options.idleTimeoutMs ?? 30_000
  const folderScope = createFolderScope(drive.folderAncestry, drive.destinations, token.accountOf)
  // Every module that stores data of an account has its eraser here. The grant is first: what is
  // written to the account from then on is refused.
  const eraseAccount = eraseAll([token.erase, identity.erase])
  const deps = {
    eraseAccount,
    ...token,
    ...identity,
    ...drive,
    folderScope,
    origins,
    publicUrl,
    sessionMaxMs: config.sessionLifetime.maxMs,
    now,
    wait,
    revocationTimeoutMs: timeouts.revocation,
    offsetQueryTimeoutMs: timeouts.offsetQuery,
  }
  const functions = {
    auth: handler(
      'auth',
      authRoutes({
        ...deps,
        allowedOrigins,
        returnUrls,
        accessProfile,
        doctor,
        limits: { maxRequestBytes, maxFileBytes },
      }),
    ),
    callback: handler('callback', callbackRoutes(deps)),
    files: handler(
      'files',
      filesRoutes({ ...deps, maxResponseBytes: maxRequestBytes, idleTimeoutMs }),
    ),
    upload: handler(
      'upload',
      uploadRoutes({ ...deps, maxFileBytes, maxRequestBytes, idleTimeoutMs }),
    ),
  }

  return {
    ...functions,
    all: dispatchByPath(functions, handler('', [])),
    connectionLimits: {
      maxPerAddress: config.maxConnectionsPerAddress,
      isTrusted: (address) => isTrustedAddress(config.trustedProxies, address),
    },
    attach(server) {
      shutdown.attach(server)
      if (!isAttached && options.handleSignals !== false) {
        stopOnSignals(stop)
        // The process state is unknown: in-flight requests may finish, then a new instance starts.
        errorBoundary.install(() => void stop().then(() => process.exit(1)))
      }
      isAttached = true
    },
    stop,
  }
}

/** Creates the gateway of this process from its environment variables. */
export function createGatewayFromEnvironment(): Gateway {
  return createGateway(readConfig(process.env))
}

function hstsHeader(includeSubDomains: boolean): string {
  return `max-age=63072000${includeSubDomains ? '; includeSubDomains' : ''}`
}
