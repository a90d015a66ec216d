/** The control endpoints of faults: add a list of them, release the held requests, remove all. */
import type { Fault, Faults } from './faults.ts'
import type { Route } from './router.ts'
import { readBody, sendJson } from './router.ts'

export function createFaultRoutes(faults: Faults): Route[] {
  const path = /^\/sandbox\/faults$/
  return [
    {
      operation: 'sandbox.faults.add',
      method: 'POST',
      path,
      async handle({ req, res }) {
        const list = JSON.parse((await readBody(req)).toString('utf8')) as Fault[]
        faults.add(...list)
        sendJson(res, 201, { pending: faults.pending() })
      },
    },
    {
      operation: 'sandbox.faults.release',
      method: 'POST',
      path: /^\/sandbox\/faults\/release$/,
      handle({ res }) {
        faults.release()
        sendJson(res, 200, { pending: faults.pending() })
      },
    },
    {
      operation: 'sandbox.faults.clear',
      method: 'DELETE',
      path,
      handle({ res }) {
        faults.clear()
        sendJson(res, 200, { pending: 0 })
      },
    },
  ]
}
