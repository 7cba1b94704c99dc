import process from 'node:process'
import type { AppendFault, Ledger } from '../../ledger/log/ledger.ts'
import { type ActionId, type ActionRefused, type CellId, LIMITS, type Noticed } from '../../model/index.ts'
import { type Authority, type Refusal, withWhereSeen } from '../../policy/index.ts'
import { reasonsJson } from './record.ts'

export type About = Pick<
  ActionRefused,
  'upstream' | 'operation' | 'tool' | 'alongside' | 'effect' | 'args' | 'noticed' | 'undoes' | 'checks' | 'during'
>

/** One refusal: the id under which it is told, and what its entry says. */
export interface CellRefusal {
  readonly action: ActionId
  readonly reasons: readonly Refusal[]
  readonly about: About
}

/** A cell that is refused, as far as its entries tell of it. */
export interface RefusedCell {
  readonly id: CellId
  readonly authority: Pick<Authority, 'agent' | 'environment' | 'exposure'>
  /** Aborted once, when the cell ends. */
  readonly gone: AbortController
}

/** The ledger that refusals are written to, and the clock of its environment. */
export interface RefusalMeans {
  readonly ledger: Pick<Ledger, 'append'>
  readonly nowMs: () => number
}

/**
 * The refusals of one cell on their way into the ledger.
 *
 * - RF1  What a cell is told as a reference stands in the ledger, and nothing else is told.
 * - RF2  Every refusal is in the ledger: by itself or, past a number in a second, as one of several under one reference,
 *        whose answers wait until it stands there. A cell that is refused all the time fills no disk and slows down.
 *        A place that a relay asks for is never one of several: whoever asks waits until it is told (`recordEach`).
 * - RF3  The first of a second that names a decoy, one's own authority or another environment has an entry at once,
 *        however many others there are.
 */
export class Refusals {
  #left: number
  #countedAtMs: number
  readonly #toldAtMs = new Map<Noticed['kind'], number>()
  /** Entries under way: of refusals (under `null`), and of further attempts at what waits, by its hold. */
  readonly #several = new Map<ActionId | null, Several>()
  /** Refusals that wait for an entry of their own. */
  readonly #waiting: (() => void)[] = []
  #timer: NodeJS.Timeout | undefined
  #hearsEnd = false

  constructor(nowMs: number, left: number = LIMITS.refusalsBurst) {
    this.#left = left
    this.#countedAtMs = nowMs
  }

  /** Records a refusal, among others where there are many; returns the reference that the cell may be told. */
  async record(gate: RefusalMeans, cell: RefusedCell, refusal: CellRefusal): Promise<ActionId | undefined> {
    if (this.#isUrgent(refusal, gate)) return append(gate, cell, refusal, 0)
    return this.#record(gate, cell, null, (more) => append(gate, cell, refusal, more))
  }

  /** Records a refusal in an entry of its own: past the number in a second, it waits until there is room. */
  recordEach(gate: RefusalMeans, cell: RefusedCell, refusal: CellRefusal): Promise<ActionId | undefined> {
    const write = () => append(gate, cell, refusal, 0)
    if (this.#isUrgent(refusal, gate)) return Promise.resolve(write())
    return new Promise((resolve) => {
      this.#waiting.push(() => resolve(write()))
      if (!this.#hearsEnd) cell.gone.signal.addEventListener('abort', () => this.#let(gate, cell))
      this.#hearsEnd = true
      this.#let(gate, cell)
    })
  }

  /** Tells whether a refusal holds what the sentinel watches for and has to be told at once; then it counts as told. */
  #isUrgent({ about }: CellRefusal, gate: RefusalMeans): boolean {
    return about.noticed?.some(({ kind }) => this.#mayTell(kind, gate.nowMs())) ?? false
  }

  /** Lets those write for whom there is room, and all once their cell is gone: they stand before its end. */
  #let(gate: RefusalMeans, cell: RefusedCell): void {
    while (this.#waiting.length > 0 && (cell.gone.signal.aborted || this.#may(gate.nowMs(), undefined)))
      this.#waiting.shift()?.()
    if (this.#waiting.length === 0 || this.#timer !== undefined) return
    this.#timer = setTimeout(() => {
      this.#timer = undefined
      this.#let(gate, cell)
    }, 1_000 / LIMITS.refusalsPerSecond)
  }

  /**
   * Records a further attempt at what waits for a person under `hold`, by `write`, which is given how many more there
   * were; within the same number in a second as refusals are. Of holds there are a few (LIMITS.holdsMax).
   */
  async again(
    gate: RefusalMeans,
    cell: RefusedCell,
    hold: ActionId,
    write: (more: number) => ActionId | undefined,
  ): Promise<ActionId | undefined> {
    return this.#record(gate, cell, hold, write)
  }

  #record(
    gate: RefusalMeans,
    cell: RefusedCell,
    key: ActionId | null,
    write: (more: number) => ActionId | undefined,
  ): Promise<ActionId | undefined> {
    const under = this.#several.get(key)
    if (this.#may(gate.nowMs(), under)) return Promise.resolve(write(0))
    const several = under ?? this.#gather(cell, key, write)
    this.#several.set(key, several)
    several.join()
    return several.recorded
  }

  /**
   * Tells whether a kind may be told now: what the sentinel watches for is not told a second later, and no flood of
   * refusals hides it.
   */
  #mayTell(kind: Noticed['kind'], nowMs: number): boolean {
    if (nowMs - (this.#toldAtMs.get(kind) ?? Number.NEGATIVE_INFINITY) < 1_000) return false
    this.#toldAtMs.set(kind, nowMs)
    return true
  }

  #may(nowMs: number, under: Several | undefined): boolean {
    const passedMs = Math.max(0, nowMs - this.#countedAtMs)
    this.#countedAtMs = nowMs
    this.#left = Math.min(LIMITS.refusalsBurst, this.#left + (passedMs / 1_000) * LIMITS.refusalsPerSecond)
    if (under !== undefined || this.#left < 1) return false
    this.#left--
    return true
  }

  /** The first of them says what they were like, and how many more there were in this second. */
  #gather(cell: RefusedCell, key: ActionId | null, write: (more: number) => ActionId | undefined): Several {
    let count = 0
    const { promise: recorded, resolve } = Promise.withResolvers<ActionId | undefined>()
    const { signal } = cell.gone
    const done = () => {
      clearTimeout(timer)
      signal.removeEventListener('abort', done)
      this.#several.delete(key)
      resolve(write(count - 1))
    }
    const timer = setTimeout(done, 1_000)
    // What was refused before the cell ended stands before its end.
    signal.addEventListener('abort', done)
    return { recorded, join: () => void count++ }
  }
}

interface Several {
  readonly join: () => void
  readonly recorded: Promise<ActionId | undefined>
}

function append(
  gate: RefusalMeans,
  cell: RefusedCell,
  { action, reasons, about }: CellRefusal,
  more: number,
): ActionId | undefined {
  const base = {
    kind: 'action.refused',
    action,
    cell: cell.id,
    agent: cell.authority.agent,
    environment: cell.authority.environment,
    ...(more > 0 && { more }),
  } as const
  const told = reasons.map(withWhereSeen(cell.authority.exposure))
  const whole = gate.ledger.append({ ...base, ...about, reasons: reasonsJson(told, LIMITS.refusedReasonBytesMax) })
  if (whole.ok) return action
  const { kind } = whole.reason
  if (kind === 'not-canonical' || kind === 'too-large') {
    const kinds = [...new Set(reasons.map((reason) => reason.kind))].join(', ')
    const problem = `its details could not be recorded (${kind}); it was refused for: ${kinds}`
    if (gate.ledger.append({ ...base, reasons: [{ kind: 'arguments', path: '$', problem }] }).ok) return action
  }
  complain('a refusal', whole.reason)
  return undefined
}

/**
 * Says where the owner looks that the ledger did not take something: once in a second at most, since a flood would fill
 * that, too.
 */
export function complain(what: string, { kind }: AppendFault): void {
  complaints++
  if (performance.now() - complainedAtMs < 1_000) return
  process.stderr.write(`gateway: the ledger did not take ${what}: ${kind} (${complaints} since the last word of it)\n`)
  complainedAtMs = performance.now()
  complaints = 0
}

let complaints = 0
let complainedAtMs = Number.NEGATIVE_INFINITY
