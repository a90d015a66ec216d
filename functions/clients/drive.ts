/** Drive's client, in a file of its own for whoever loads it late: see `wiring-clients.ts`. */
import { drive_v3 as v3 } from 'googleapis/build/src/apis/drive/v3.js'
import type { Config } from '../config/config.ts'

export function openDrive({ google }: Config): v3.Drive {
  return new v3.Drive({ rootUrl: google.drive })
}
