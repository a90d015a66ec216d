/**
 * `/upload/tus`: resumable uploads by tus, without stored state or locks. The upload URL contains the
 * state of an upload, and Drive its offset.
 *
 * @see tus resumable upload protocol 1.0.0
 */
import { GatewayError } from '../../errors.ts'
import { badRequest } from '../../http/bad-request.ts'
import type { RequestContext, Route } from '../../http/router.ts'
import type { UploadDeps } from '../deps.ts'
import { terminateUpload } from './delete.ts'
import { sendOffset } from './head.ts'
import { checkVersion, headerValue, tusRequestHeaders, tusVersion } from './headers.ts'
import { sendCapabilities } from './options.ts'
import { appendBytes } from './patch.ts'
import { createUpload } from './post.ts'

type Run = (deps: UploadDeps, context: RequestContext) => Promise<void> | void

const anyPath = /^tus(?:\/([\w.-]+))?$/
const collectionPath = /^tus$/
const uploadPath = /^tus\/([\w.-]+)$/

export function tusRoutes(deps: UploadDeps): Route[] {
  const route = (method: Route['method'], path: RegExp, run: Run): Route => ({
    method,
    path,
    headers: tusRequestHeaders,
    run: async (context) => run(deps, context),
  })
  return [
    route('OPTIONS', anyPath, sendCapabilities),
    route('POST', collectionPath, withTusVersion(createUpload)),
    route('HEAD', uploadPath, withTusVersion(sendOffset)),
    route('PATCH', uploadPath, withTusVersion(appendBytes)),
    route('DELETE', uploadPath, withTusVersion(terminateUpload)),
    route('POST', uploadPath, withTusVersion(overrideMethod)),
  ]
}

/** Methods that a POST can override, for clients that cannot send them. */
const overridable = new Map<string | undefined, Run>([
  ['PATCH', appendBytes],
  ['DELETE', terminateUpload],
])

/** @see tus 1.0.0, "X-HTTP-Method-Override" */
function overrideMethod(deps: UploadDeps, context: RequestContext): Promise<void> | void {
  const run = overridable.get(headerValue(context.req, 'x-http-method-override'))
  if (run) return run(deps, context)
  throw new GatewayError('method_not_allowed', 'A POST to an upload overrides no method', {
    headers: { allow: 'HEAD, PATCH, DELETE, OPTIONS' },
  })
}

/** Requires tus 1.0.0, and rejects a method override on any other method than POST. */
function withTusVersion(run: Run): Run {
  return (deps, context) => {
    const { req, res } = context
    res.setHeader('Tus-Resumable', tusVersion)
    checkVersion(req)
    const override = headerValue(req, 'x-http-method-override')
    if (override !== undefined && override !== req.method && run !== overrideMethod) {
      throw badRequest('X-HTTP-Method-Override requires a POST to an upload')
    }
    return run(deps, context)
  }
}
