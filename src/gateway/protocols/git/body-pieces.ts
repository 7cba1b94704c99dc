import type { Readable } from 'node:stream'
import { no, ok, type Result } from '../../../model/index.ts'

/** Milliseconds for which a body may stand still before it is known what it asks: git compresses for minutes. */
export const STILL_MS_MAX = 600_000

/** The reasons why there is no next piece: its sender has broken it off, or has sent nothing for too long. */
export type NoPiece = 'it broke off' | 'it stood still'

/** The body of a request, piece by piece. */
export class BodyPieces {
  readonly #body: Readable
  readonly #pieces: AsyncIterator<Uint8Array>

  constructor(body: Readable) {
    this.#body = body
    this.#pieces = body.iterator({ destroyOnReturn: false })
  }

  /** Returns the next piece, and nothing behind the last one. Never rejects. */
  async next(): Promise<Result<Uint8Array | undefined, NoPiece>> {
    const { promise: still, resolve } = Promise.withResolvers<Result<never, NoPiece>>()
    const timer = setTimeout(() => resolve(no('it stood still')), STILL_MS_MAX)
    try {
      return await Promise.race([this.#next(), still])
    } finally {
      clearTimeout(timer)
    }
  }

  /** Lets the rest come and go: whoever is answered early may go on sending, and reads the answer afterwards. */
  async leave(): Promise<void> {
    await this.#pieces.return?.().catch(() => undefined)
    this.#body.resume()
  }

  async #next(): Promise<Result<Uint8Array | undefined, NoPiece>> {
    try {
      const next = await this.#pieces.next()
      return ok(next.done === true ? undefined : next.value)
    } catch {
      return no('it broke off')
    }
  }
}
