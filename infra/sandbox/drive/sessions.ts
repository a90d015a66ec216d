/** The open upload sessions: what each is for, how much it holds, and when it is forgotten. */
import { randomBytes } from 'node:crypto'
import type { Writer } from './blobs.ts'
import type { Caller } from './auth-context.ts'
import type { Mask } from './fields.ts'
import type { Plan } from './mutations.ts'
import type { Item } from './tree.ts'

export interface Session {
  uploadId: string
  caller: Caller
  plan: Plan
  mask: Mask
  writer: Writer
  /** `X-Upload-Content-Type` of the opening. */
  mediaType: string | undefined
  /** The length that was announced, at the opening or since. */
  total: number | undefined
  /** The page that may use the session. */
  origin: string | undefined
  openedAt: number
  /** Set when the last byte was accepted; the file may be gone since. */
  done: Item | undefined
  /** The file while it is being made, once every byte is there. */
  becoming: Promise<Item> | undefined
  /** An offset that a fault made the client believe in, below what is stored. */
  toldOffset: number | undefined
  /** The request that is sending bytes now. */
  sending: { stop(): void; ended: Promise<void> } | undefined
}

type Opening = Omit<
  Session,
  'uploadId' | 'openedAt' | 'done' | 'becoming' | 'toldOffset' | 'sending'
>

export interface Sessions {
  open(session: Opening): Session
  /** Undefined for one that is unknown, cancelled or expired. */
  find(uploadId: string | null): Session | undefined
  forget(session: Session): void
  forgetAll(): void
  /** Those that have not become files. */
  unfinished(): Session[]
}

/** A session and its remains are dropped after `lifetime` milliseconds. */
export function createSessions(lifetime: number, now: () => number): Sessions {
  const open = new Map<string, Session>()

  const forget = (session: Session): void => {
    open.delete(session.uploadId)
    session.sending?.stop()
    if (!session.done) session.writer.discard()
  }
  /** Sessions are kept in the order of their opening, so the expired ones come first. */
  const sweep = (): void => {
    const limit = now() - lifetime
    for (const session of open.values()) {
      if (session.openedAt > limit) return
      forget(session)
    }
  }

  return {
    open(given) {
      sweep()
      const uploadId = `A${randomBytes(60).toString('base64url')}`
      const session: Session = {
        ...given,
        uploadId,
        openedAt: now(),
        done: undefined,
        becoming: undefined,
        toldOffset: undefined,
        sending: undefined,
      }
      open.set(uploadId, session)
      return session
    },
    find(uploadId) {
      sweep()
      return open.get(uploadId ?? '')
    },
    forget,
    forgetAll() {
      for (const session of open.values()) forget(session)
    },
    unfinished() {
      sweep()
      return [...open.values()].filter((session) => !session.done)
    },
  }
}
