import type { IssuerSetup } from '../../gateway/link/setup.ts'
import { makeIssuer } from '../../gateway/trust/issuer.ts'

/** Milliseconds that an issuer outlasts the longest that its cell may run: a start and an end take their time. */
const AFTER_WALL_MS = 86_400_000

/**
 * The issuer of one cell in the warden, which hands it to the gateway that serves the cell, and to the next one where
 * that is lost. Its key is in no member that is printed, cloned or written as JSON, and is overwritten once the cell has
 * ended.
 */
export class KeptIssuer {
  /** DER. */
  readonly certificate: Buffer
  readonly #key: Buffer
  #ended = false

  /** Makes the issuer of a cell that runs for `wallMs` at the most. */
  constructor(wallMs: number, nowMs: number) {
    const { certificate, key } = makeIssuer(wallMs + AFTER_WALL_MS, nowMs)
    this.certificate = certificate
    this.#key = key
  }

  /** Returns what the cell's gateway is told; undefined once the cell has ended. */
  forGateway(): IssuerSetup | undefined {
    if (this.#ended) return undefined
    return { certificate: this.certificate.toString('base64'), key: this.#key.toString('base64') }
  }

  /** Forgets the key. */
  end(): void {
    this.#ended = true
    this.#key.fill(0)
  }
}
