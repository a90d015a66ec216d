/** What a Firestore must do, whoever made it: run on the embedded one and on Google's emulator. */
import { afterAll, beforeAll, describe } from '@jest/globals'
import type { Firestore } from '@google-cloud/firestore'
import { testDocuments } from './contract-documents.ts'
import { connect, newProject } from './contract-fixture.ts'
import { testQueries } from './contract-queries.ts'
import { testWrites } from './contract-writes.ts'

export interface Started {
  /** `127.0.0.1:port` */
  host: string
  stop(): Promise<void>
}

/** @param contenders how many transactions contend at once */
export function testFirestore(
  name: string,
  start: () => Promise<Started>,
  { contenders = 20 }: { contenders?: number } = {},
): void {
  describe(`Firestore: ${name}`, () => {
    const ownProject = newProject()
    const clients: Firestore[] = []
    let started: Started

    beforeAll(async () => {
      started = await start()
    }, 90_000)

    afterAll(async () => {
      await Promise.all(clients.map((client) => client.terminate()))
      await started?.stop()
    }, 30_000)

    const given = {
      contenders,
      host: () => started.host,
      client(projectId = ownProject) {
        const made = connect(started.host, projectId)
        clients.push(made)
        return made
      },
    }
    testDocuments(given)
    testWrites(given)
    testQueries(given)
  })
}
