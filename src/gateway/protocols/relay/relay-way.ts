import { setTimeout as delay } from 'node:timers/promises'
import { type ActionId, type CellId, grantedName, type JsonObject } from '../../../model/index.ts'
import { readUrl } from '../../../model/text/web-address.ts'
import type { Refusal } from '../../../policy/index.ts'
import type { Arrivals } from '../../admission/arrivals.ts'
import type { EnvironmentContext } from '../../admission/environment-context.ts'
import type { ServedCell } from '../../admission/served-cell.ts'
import { cutShown } from '../../content/cut-shown.ts'
import { Pace } from '../../fairness/pace.ts'
import { type Attempt, recordable } from '../../pipeline/attempt.ts'
import type { Prepared } from '../../pipeline/line.ts'
import { perform, wouldLeave } from '../../pipeline/pipeline.ts'
import { redacted } from '../../pipeline/record.ts'
import { complain } from '../../pipeline/refusals.ts'
import type { RelayLine } from './line.ts'
import { type Wanted, type Way, WENT, type Went } from './way.ts'

export interface RelayWayOptions {
  readonly gate: EnvironmentContext
  readonly line: RelayLine
  /** Returns the cells on whose word the relay acts: one, or all that share it. */
  readonly users: () => readonly ServedCell[]
  readonly arrivals: Arrivals
}

/**
 * Puts the connections of a relay through the pipeline, each as an action of a cell that it serves.
 *
 * - RW1  A connection is an action of the cell whose own relay it is. Of a shared one it is an action of the first cell whose
 *        decision allows it, those with a call under way before the others; where none does, the refusal is of the first.
 * - RW2  Every place is in the ledger: nobody's is told as that of the relay, and of one that may not be reached who asks
 *        waits until it is told. What the sentinel watches for waits for nothing.
 * - RW3  A relay that is started before the cell that it serves waits for it.
 */
export class RelayWay implements Way {
  readonly #options: RelayWayOptions
  readonly #pace: Pace
  readonly #going = new Set<Promise<unknown>>()

  constructor(options: RelayWayOptions) {
    this.#options = options
    this.#pace = new Pace(options.gate.nowMs())
  }

  go(wanted: Wanted): Promise<Went> {
    const going = this.#go(wanted)
    this.#going.add(going)
    return going.finally(() => this.#going.delete(going))
  }

  /** Resolves when all that was under way has its outcome; at the latest after SETTLED_MS_MAX. */
  async settled(): Promise<void> {
    await Promise.race([Promise.allSettled(this.#going), delay(SETTLED_MS_MAX, undefined, { ref: false })])
  }

  async #go(wanted: Wanted): Promise<Went> {
    if (wanted.place === undefined || wanted.unfit !== undefined) return this.#refuse(wanted)
    await this.#ready()
    const attempts = this.#inOrder().map((cell) => ({ cell, attempt: this.#attempt(cell, wanted) }))
    const [first] = attempts
    const only = attempts.length === 1
    const chosen = only ? first : attempts.find(({ cell, attempt }) => wouldLeave(this.#options.gate, cell, attempt))
    const { cell, attempt } = chosen ?? first ?? {}
    if (cell === undefined || attempt === undefined) return this.#nobody(wanted)
    const performed = await perform(this.#options.gate, cell, attempt)
    // Where it was let through, whoever made the connection has answered.
    if (performed.kind === 'passed' || performed.kind === 'unanswered') return WENT
    return { kind: 'refused', ...(performed.action && { reference: performed.action }) }
  }

  /** Returns the cells on whose word the relay may act, those with a call of it under way first. */
  #inOrder(): readonly ServedCell[] {
    const users = this.#options.users()
    const isCalling = (cell: ServedCell) => this.#callOf(cell) !== undefined
    return [...users.filter(isCalling), ...users.filter((cell) => !isCalling(cell))]
  }

  /** Returns the newest call of the relay that a cell has under way. */
  #callOf(cell: ServedCell): ActionId | undefined {
    const calls = cell.upstreams.get(this.#options.line.name)?.underWay ?? NO_CALLS
    return [...calls].findLast(([, of]) => of === cell.id)?.[0]
  }

  #attempt(cell: ServedCell, wanted: Wanted): Attempt {
    const { operation, place, resolve, head, pass } = wanted
    const target = place?.name ?? ''
    let address = ''
    const prepared = (): Prepared => {
      if (address === '') throw new Error('a connection was allowed that has no address')
      return { bytes: head(address), send: (options) => pass(address, options) }
    }
    return {
      upstream: this.#options.line,
      operation,
      target,
      tool: grantedName(operation, target),
      args: argumentsOf(wanted),
      signal: cell.gone.signal,
      during: () => this.#callOf(cell),
      connect: (mayLeave) => {
        if (!mayLeave()) return undefined
        return resolve().then((found) => {
          if (found.ok) address = found.value
          return found.ok ? undefined : { kind: 'unavailable', what: 'upstream', problem: found.reason }
        })
      },
      isStreamed: true,
      prepare: prepared,
      prepareApproved: prepared,
    }
  }

  /** Refuses what goes nowhere, as an attempt of the cell that comes first. */
  async #refuse(wanted: Wanted): Promise<Went> {
    const { gate, line } = this.#options
    const { operation, place, asked, unfit } = wanted
    const notice = gate.notice.in({ upstream: line.name, operation, target: '' }, { place: asked })
    if (notice.noticed === undefined || this.#options.users().length === 0) await this.#ready()
    const [cell] = this.#inOrder()
    if (cell === undefined) return this.#nobody(wanted, notice)
    if (notice.noticed === undefined) {
      if (cell.rung === 'watched') await cell.pace.waitForPace(gate.nowMs)
      await cell.share.waitForShare(gate.ledger, gate.nowMs)
    }
    const shown = place?.name ?? shownPlace(asked)
    const reason: Refusal =
      place === undefined
        ? { kind: 'egress', environment: gate.environment, place: shown }
        : { kind: 'arguments', path: '$', problem: unfit ?? '' }
    const call = this.#callOf(cell)
    const about = {
      upstream: line.name,
      operation,
      tool: recordable(shown),
      effect: 'write',
      args: redacted({ ...argumentsOf(wanted), place: shown }),
      ...(call && { during: call }),
      ...notice,
    } as const
    const refusal = { action: gate.newActionId(), reasons: [reason], about }
    const reference = await cell.refusals.recordEach(gate, cell, refusal)
    return { kind: 'refused', ...(reference && { reference }) }
  }

  /** Tells of what a relay wants that serves nobody: there is no cell whose action it would be. */
  async #nobody({ place, asked }: Wanted, notice: ReturnType<EnvironmentContext['notice']['in']> = {}): Promise<Went> {
    const { gate, line } = this.#options
    await this.#pace.waitForPace(gate.nowMs)
    const problem = 'no cell that it serves is here'
    const about = { upstream: line.name, place: place?.name ?? shownPlace(asked), problem, ...notice }
    const appended = gate.ledger.append({ kind: 'egress.tried', ...about })
    if (!appended.ok) complain('a place that a relay asked for', appended.reason)
    return { kind: 'refused' }
  }

  /** Waits for the first cell that the relay serves, which is started after it; SERVED_MS_MAX at most. */
  async #ready(): Promise<void> {
    const { users, arrivals } = this.#options
    const untilMs = performance.now() + SERVED_MS_MAX
    for (let left = SERVED_MS_MAX; users().length === 0 && left > 0; left = untilMs - performance.now())
      await arrivals.next(left)
  }
}

const NO_CALLS: ReadonlyMap<ActionId, CellId> = new Map()
/**
 * Milliseconds from the start of a relay to the first cell that it serves; it is seconds where a cell's files are
 * large.
 */
const SERVED_MS_MAX = 10_000
/** Milliseconds for the outcomes of connections that were cut. */
const SETTLED_MS_MAX = 1_000
const PLACE_CHARACTERS_MAX = 200

function argumentsOf({ place, asked, method }: Wanted): JsonObject {
  return { place: place?.name ?? asked, ...(method !== undefined && { method }) }
}

/** Returns what an entry shows of a place that nobody declared: where a long beginning would hide the host, that alone. */
function shownPlace(asked: string): string {
  const text = asked.replaceAll(/[^\x21-\x7e]/g, '') || '-'
  const host = (/^[a-z]+:\/\//i.test(text) ? readUrl(text)?.host : undefined) ?? ''
  return cutShown(text.length > PLACE_CHARACTERS_MAX && host !== '' ? `${host}/…` : text, PLACE_CHARACTERS_MAX)
}
