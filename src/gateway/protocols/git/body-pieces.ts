import type { Readable } from 'node:stream'
import { no, ok, type Result } from '../../../model/index.ts'

/** The body of a request, piece by piece. */
export class BodyPieces {
  readonly #body: Readable
  readonly #pieces: AsyncIterator<Uint8Array>

  constructor(body: Readable) {
    this.#body = body
    this.#pieces = body.iterator({ destroyOnReturn: false })
  }

  /** Returns the next piece, and nothing behind the last one; an error where its sender has broken it off. Never rejects. */
  async next(): Promise<Result<Uint8Array | undefined, string>> {
    try {
      const next = await this.#pieces.next()
      return ok(next.done === true ? undefined : next.value)
    } catch {
      return no('it broke off')
    }
  }

  /** Lets the rest come and go: whoever is answered early may go on sending, and reads the answer afterwards. */
  async leave(): Promise<void> {
    await this.#pieces.return?.().catch(() => undefined)
    this.#body.resume()
  }
}
