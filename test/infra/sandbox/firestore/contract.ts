/** The contract of a Firestore: runs on the embedded one and on Google's emulator. */
import { afterAll, beforeAll, describe } from '@jest/globals'
import type { Firestore } from '@google-cloud/firestore'
import { testDocuments } from './contract-documents.ts'
import { connect, newProject } from './contract-fixture.ts'
import { testQueries } from './contract-queries.ts'

export interface RunningFirestore {
  /** `127.0.0.1:port` */
  host: string
  stop(): Promise<void>
}

export function testFirestore(name: string, start: () => Promise<RunningFirestore>): void {
  describe(`Firestore (${name})`, () => {
    const ownProject = newProject()
    const clients: Firestore[] = []
    let running: RunningFirestore

    beforeAll(async () => {
      running = await start()
    }, 90_000)

    afterAll(async () => {
      await Promise.all(clients.map((client) => client.terminate()))
      await running?.stop()
    }, 30_000)

    const context = {
      host: () => running.host,
      client(projectId = ownProject) {
        const client = connect(running.host, projectId)
        clients.push(client)
        return client
      },
    }
    testDocuments(context)
    testQueries(context)
  })
}
