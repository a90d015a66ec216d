/** The store of resumable upload sessions, with their expiry. */
import { randomBytes } from 'node:crypto'
import type { ContentWriter } from './content-writer.ts'
import type { Caller } from './auth-context.ts'
import type { Mask } from './fields.ts'
import type { Mutation } from './mutations.ts'
import type { Item } from './tree.ts'

export interface Session {
  uploadId: string
  caller: Caller
  mutation: Mutation
  mask: Mask
  writer: ContentWriter
  /** `X-Upload-Content-Type` of the opening request. */
  mediaType: string | undefined
  /** The announced length, from the opening request or a later one. */
  total: number | undefined
  /** The origin that may use the session by CORS. */
  origin: string | undefined
  openedAt: number
  /** Set when the upload is complete; the file may have been deleted since. */
  file: Item | undefined
  /** Resolves to the file; set when the last byte has arrived. */
  completion: Promise<Item> | undefined
  /** The offset that a fault reported to the client, below the stored one. */
  reportedOffset: number | undefined
  /** The request that is currently sending bytes. */
  activeRequest: { stop(): void; ended: Promise<void> } | undefined
}

type NewSession = Omit<
  Session,
  'uploadId' | 'openedAt' | 'file' | 'completion' | 'reportedOffset' | 'activeRequest'
>

export interface Sessions {
  open(session: NewSession): Session
  /** Undefined for an unknown, cancelled or expired session. */
  find(uploadId: string | null): Session | undefined
  remove(session: Session): void
  removeAll(): void
  /** Sessions without a file. */
  unfinished(): Session[]
}

/** @param ttlMs after which a session and its bytes are removed */
export function createSessions(ttlMs: number, now: () => number): Sessions {
  const open = new Map<string, Session>()

  const remove = (session: Session): void => {
    open.delete(session.uploadId)
    session.activeRequest?.stop()
    if (!session.file) session.writer.discard()
  }
  /** Removes the expired sessions, which come first: the map keeps the order of opening. */
  const sweep = (): void => {
    const limit = now() - ttlMs
    for (const session of open.values()) {
      if (session.openedAt > limit) return
      remove(session)
    }
  }

  return {
    open(request) {
      sweep()
      const uploadId = `A${randomBytes(60).toString('base64url')}`
      const session: Session = {
        ...request,
        uploadId,
        openedAt: now(),
        file: undefined,
        completion: undefined,
        reportedOffset: undefined,
        activeRequest: undefined,
      }
      open.set(uploadId, session)
      return session
    },
    find(uploadId) {
      sweep()
      return open.get(uploadId ?? '')
    },
    remove,
    removeAll() {
      for (const session of open.values()) remove(session)
    },
    unfinished() {
      sweep()
      return [...open.values()].filter((session) => !session.file)
    },
  }
}
