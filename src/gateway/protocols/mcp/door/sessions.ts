import { randomBytes } from 'node:crypto'
import type { ServerResponse } from 'node:http'
import { LIMITS } from '../../../../model/index.ts'
import type { LogLevel, SessionRevision } from '../revision.ts'
import type { RpcId } from '../rpc.ts'

/** One session of the revisions before 2026-07-28. It lives in its cell's own table: on another listener it is unknown. */
export interface Session {
  readonly id: string
  readonly revision: SessionRevision
  logLevel: LogLevel | undefined
  /** Calls that the cell may cancel, by its own request's id. */
  readonly underWay: Map<RpcId, AbortController>
  /** The standing stream that it opened with GET. */
  stream: ServerResponse | undefined
}

export class Sessions {
  readonly #sessions = new Map<string, Session>()

  /** A cell that opens more than it may loses its oldest. */
  open(revision: SessionRevision): Session {
    const session: Session = {
      id: randomBytes(24).toString('base64url'),
      revision,
      logLevel: undefined,
      underWay: new Map(),
      stream: undefined,
    }
    const [oldest] = this.#sessions.values()
    if (this.#sessions.size >= LIMITS.sessionsMax && oldest !== undefined) this.end(oldest)
    this.#sessions.set(session.id, session)
    return session
  }

  get(id: string): Session | undefined {
    return this.#sessions.get(id)
  }

  all(): readonly Session[] {
    return [...this.#sessions.values()]
  }

  end(session: Session): void {
    this.#sessions.delete(session.id)
    for (const request of session.underWay.values()) request.abort()
    session.stream?.end()
  }
}
