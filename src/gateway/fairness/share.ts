import { setTimeout as delay } from 'node:timers/promises'
import type { Ledger } from '../../ledger/log/ledger.ts'
import { LIMITS } from '../../model/index.ts'

/**
 * One cell's part of the ledger: what it makes the gateway write waits for the disk like everybody's, and a cell that
 * makes it write more waits for itself.
 *
 * - SH1  Of what waits for the disk, a cell's part has a limit, and so has what it writes in a second.
 * - SH2  Whoever is past them goes on later. Nothing of it is lost, and nobody else waits.
 */
export class LedgerShare {
  /** Written, and not yet known to be durable; oldest first. */
  #written: { readonly seq: number; readonly bytes: number }[] = []
  #bytes = 0
  /** May be below zero: a write is counted after it has been made. */
  #allowance: number
  #countedAtMs: number
  #line: Promise<void> = Promise.resolve()
  #inLine = 0

  constructor(nowMs: number, allowance: number = LIMITS.cellLedgerBytesBurst) {
    this.#allowance = allowance
    this.#countedAtMs = nowMs
  }

  /** Resolves when the cell may write again, one waiting caller after the other; nothing where it may now. */
  waitForShare(
    ledger: Pick<Ledger, 'durable' | 'durableSize' | 'fault'>,
    nowMs: () => number,
  ): Promise<void> | undefined {
    if (this.#inLine === 0 && this.#lackMs(ledger, nowMs()) === 0) return undefined
    this.#inLine++
    // Not an async function: whoever was here first goes on, and writes, before the next one is asked.
    const mine = this.#line.then(() => this.#wait(ledger, nowMs))
    this.#line = mine
    return mine
  }

  wrote(seq: number, bytes: number): void {
    this.#written.push({ seq, bytes })
    this.#bytes += bytes
    this.#allowance -= bytes
  }

  async #wait(ledger: Pick<Ledger, 'durable' | 'durableSize' | 'fault'>, nowMs: () => number): Promise<void> {
    for (let lack = this.#lackMs(ledger, nowMs()); lack > 0; lack = this.#lackMs(ledger, nowMs())) {
      const [oldest] = this.#written
      if (this.#bytes > LIMITS.cellLedgerWaitingBytesMax && oldest !== undefined) await ledger.durable(oldest.seq)
      else await delay(Math.min(lack, 1_000))
    }
    this.#inLine--
  }

  /**
   * Returns the milliseconds until it may write, as far as that is known; 0 where it may, or where the ledger has
   * failed for everyone.
   */
  #lackMs(ledger: Pick<Ledger, 'durableSize' | 'fault'>, nowMs: number): number {
    if (ledger.fault !== undefined) return 0
    const passedMs = Math.max(0, nowMs - this.#countedAtMs)
    this.#countedAtMs = nowMs
    const more = (passedMs / 1_000) * LIMITS.cellLedgerBytesPerSecond
    this.#allowance = Math.min(LIMITS.cellLedgerBytesBurst, this.#allowance + more)
    const waiting = this.#written.findIndex(({ seq }) => seq >= ledger.durableSize)
    const durable = this.#written.splice(0, waiting === -1 ? this.#written.length : waiting)
    for (const { bytes } of durable) this.#bytes -= bytes
    if (this.#bytes > LIMITS.cellLedgerWaitingBytesMax) return 1
    return this.#allowance > 0 ? 0 : Math.ceil((1 - this.#allowance) / (LIMITS.cellLedgerBytesPerSecond / 1_000))
  }
}

/** The time at which this turn of the event loop began to work for cells; 0 while it has not. */
let beganAtMs = 0
/** Well under a heartbeat: see src/gateway/link/pulse.ts. */
const TURN_MS_MAX = 50

/**
 * Many requests can arrive in one turn of the event loop, and each may take its milliseconds: past a limit those that are
 * left wait for the next turn, so that the heartbeat and everybody else come in between.
 */
export function yieldIfLong(): Promise<void> | undefined {
  if (beganAtMs === 0) {
    beganAtMs = performance.now()
    setImmediate(() => {
      beganAtMs = 0
    })
  }
  return performance.now() - beganAtMs < TURN_MS_MAX ? undefined : nextBreath()
}

async function nextBreath(): Promise<void> {
  await new Promise<void>((done) => setImmediate(done))
  await yieldIfLong()
}

/** Time at which this turn of the event loop began with works of many pieces; 0 while it has not. */
let piecesBeganAtMs = 0
/** Well under `TURN_MS_MAX`: whoever waits for a breath takes it beside such a work, not after it. */
const PIECES_MS_MAX = 15

/**
 * Does a work of many pieces, a few milliseconds of all such works in each turn of the event loop; returns nothing where
 * it is done already.
 */
export function runYielding(work: Iterator<void>): Promise<void> | undefined {
  if (piecesBeganAtMs === 0) {
    piecesBeganAtMs = performance.now()
    setImmediate(() => {
      piecesBeganAtMs = 0
    })
  }
  while (work.next().done !== true) {
    if (performance.now() - piecesBeganAtMs < PIECES_MS_MAX) continue
    return new Promise<void>((done) => setImmediate(done)).then(() => runYielding(work))
  }
  return undefined
}
