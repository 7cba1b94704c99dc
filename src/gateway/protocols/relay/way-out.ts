import { setTimeout as delay } from 'node:timers/promises'
import { type EgressTried, LIMITS, type UpstreamName } from '../../../model/index.ts'
import { noRoomFor } from '../../../policy/index.ts'
import type { Arrivals } from '../../admission/arrivals.ts'
import type { EnvironmentContext } from '../../admission/environment-context.ts'
import { authorityOf, mayNotice, type ServedCell } from '../../admission/served-cell.ts'
import { cutShown } from '../../content/cut-shown.ts'
import { Pace } from '../../fairness/pace.ts'
import { LedgerShare } from '../../fairness/share.ts'
import { whyClosed } from '../../pipeline/closed.ts'
import { fallenFrom } from '../../pipeline/ended-since.ts'
import { complain } from '../../pipeline/refusals.ts'
import type { EgressRules } from './egress.ts'

export interface WayOutOptions {
  readonly gate: EnvironmentContext
  readonly upstream: UpstreamName
  /** The cells on whose word the relay acts: one, or all that share it. */
  readonly users: () => readonly ServedCell[]
  /** True where it serves one cell alone, which its entries name. */
  readonly own: boolean
  readonly arrivals: Arrivals
}

/**
 * The rules of a relay's way out. They are those of an action with an effect, asked by place instead of by tool: what a relay
 * sends, it sends on the word of the cells that it serves.
 *
 * - WO1  Nothing leaves without an entry on disk that names its place, made in the last minute; what is sent there within that
 *        minute is counted, and the next entry says how often.
 * - WO2  No place is forgotten: past a rate, whoever asks for another one waits until it is told, and is answered then. What
 *        the sentinel watches for (a decoy, another environment) waits for nobody.
 * - WO3  Nothing leaves while the ledger or the witness is away, or while none of its cells could have an effect: by its rung
 *        and those above, by what was delegated, by its labels, by grants and budgets; a call that is under way has passed
 *        all of these.
 * - WO4  What a watched cell may do in a second, its relay may, too; and what it makes the ledger hold is of its cell's share.
 */
export class WayOut implements EgressRules {
  readonly #options: WayOutOptions
  readonly #told: ToldPlaces
  readonly #share: LedgerShare
  readonly #pace: Pace

  constructor(options: WayOutOptions) {
    this.#options = options
    const nowMs = options.gate.nowMs()
    this.#told = new ToldPlaces(nowMs)
    this.#share = new LedgerShare(nowMs)
    this.#pace = new Pace(nowMs)
  }

  async ask(place: string, asked: string, problem?: string): Promise<string | undefined> {
    const { gate, own, users } = this.#options
    const noticed = gate.notice.in({ upstream: undefined, operation: 'tool', target: '' }, { place: asked })
    const urgent = noticed.noticed?.some(({ name }) => this.#told.isNews(name, gate.nowMs())) ?? false
    if (!urgent) {
      await this.ready()
      const [cell] = users()
      if (users().some(({ rung }) => rung === 'watched'))
        await (own && cell !== undefined ? cell.pace : this.#pace).waitForPace(gate.nowMs)
      await this.#shareOf(cell).waitForShare(gate.ledger, gate.nowMs)
    }
    const why = problem ?? this.lastCheck()
    const isTold = await this.#tell(place, why, noticed, urgent)
    if (why !== undefined) return why
    return isTold ? this.lastCheck() : 'it cannot be recorded'
  }

  lastCheck(): string | undefined {
    const { gate, users } = this.#options
    const nowMs = gate.nowMs()
    const shut = whyClosed(gate.ledger, 'write', nowMs)
    if (shut !== undefined) return `the ${shut.what}: ${shut.problem}`
    let why: string | undefined = 'no cell that it serves is here'
    for (const cell of users()) {
      why = this.#stops(cell, nowMs)
      if (why === undefined) return undefined
    }
    return why
  }

  #stops(cell: ServedCell, nowMs: number): string | undefined {
    if (cell.gone.signal.aborted) return 'its cell is gone'
    const { upstream } = this.#options
    const authority = authorityOf(cell)
    const fallen = fallenFrom(authority, 'write', nowMs)
    if (fallen !== undefined) return fallen
    const relay = cell.upstreams.get(upstream)
    if ((relay?.underWay ?? 0) > 0) return undefined
    const accepted = [...(relay?.contracts.keys() ?? [])].map(
      (name) => authority.flows.get(`${upstream}/${name}`)?.accepts,
    )
    if (![undefined, ...accepted].some((accepts) => mayNotice(cell, accepts)))
      return 'its cell has seen what no tool of it accepts'
    return noRoomFor(upstream, authority, nowMs)
  }

  /** Waits for the first cell that the relay serves, which is started after it; SERVED_MS_MAX at most. */
  async ready(): Promise<void> {
    const { users, arrivals } = this.#options
    const untilMs = performance.now() + SERVED_MS_MAX
    for (let left = SERVED_MS_MAX; users().length === 0 && left > 0; left = untilMs - performance.now())
      await arrivals.next(left)
  }

  #tell(
    place: string,
    problem: string | undefined,
    noticed: Pick<EgressTried, 'noticed'>,
    urgent: boolean,
  ): Promise<boolean> {
    const { gate, upstream, own, users } = this.#options
    const { shown, key } = written(place)
    const append = (times: number): Promise<boolean> => {
      const [cell] = users()
      const body: EgressTried = {
        kind: 'egress.tried',
        upstream,
        place: shown,
        ...(own && cell && { cell: cell.id }),
        ...(problem !== undefined && { problem }),
        ...(times > 0 && { times }),
        ...noticed,
      }
      const appended = gate.ledger.append(body)
      if (!appended.ok) {
        complain('a place that a relay asked for', appended.reason)
        return Promise.resolve(false)
      }
      this.#shareOf(cell).wrote(appended.value.seq, appended.value.bytes)
      return problem === undefined
        ? gate.ledger.durable(appended.value.seq).then(({ ok }) => ok)
        : Promise.resolve(true)
    }
    return this.#told.tell(`${problem ?? ''} ${key}`, problem === undefined, urgent, gate.nowMs, append)
  }

  #shareOf(cell: ServedCell | undefined): LedgerShare {
    return this.#options.own && cell !== undefined ? cell.share : this.#share
  }
}

const PLACE_CHARACTERS_MAX = 256
/**
 * Milliseconds from the start of a relay to the first cell that it serves; it is seconds where a cell's files are
 * large.
 */
const SERVED_MS_MAX = 10_000

/**
 * Returns what an entry shows of a place, and what tells it from others: its host and port, also of what nobody declared,
 * since paths below them are endless, and since a long beginning hides them.
 */
function written(place: string): { readonly shown: string; readonly key: string } {
  const text = place.replaceAll(/[^\x21-\x7e]/g, '') || '-'
  const host = /^[a-z]+:\/\//i.test(text) && URL.canParse(text) ? new URL(text).host : ''
  const shown = text.length > PLACE_CHARACTERS_MAX && host !== '' ? `${host}/…` : text
  return { shown: cutShown(shown, PLACE_CHARACTERS_MAX), key: (host || text).slice(0, PLACE_CHARACTERS_MAX) }
}

/** Places that were told of in the last minute, and who waits to tell of another. */
class ToldPlaces {
  /** Declared places that were told of; of these there are as many as the configuration has. */
  readonly #used = new Map<string, Told>()
  readonly #refused = new Map<string, Told>()
  readonly #newsAtMs = new Map<string, number>()
  #line: Promise<unknown> = Promise.resolve()
  #left: number = LIMITS.egressPlacesBurst
  #countedAtMs: number

  constructor(nowMs: number) {
    this.#countedAtMs = nowMs
  }

  /**
   * Tells whether a name is news, once in a second: then it waits for no line. Names are the configuration's: decoys,
   * other environments' places, our own paths.
   */
  isNews(name: string, nowMs: number): boolean {
    if (nowMs - (this.#newsAtMs.get(name) ?? Number.NEGATIVE_INFINITY) < 1_000) return false
    this.#newsAtMs.set(name, nowMs)
    return true
  }

  /**
   * Tells of a place, and resolves with whether that is done. `append` is given how often it was asked for since it was
   * told last, this time included.
   */
  async tell(
    key: string,
    isUsed: boolean,
    urgent: boolean,
    nowMs: () => number,
    append: (times: number) => Promise<boolean>,
  ): Promise<boolean> {
    const all = isUsed ? this.#used : this.#refused
    if (!urgent && this.#recent(all, key, nowMs()) === undefined && !isUsed) await this.#turn(nowMs)
    const recent = this.#recent(all, key, nowMs())
    if (recent !== undefined && !urgent) {
      recent.times++
      return recent.told
    }
    const before = all.get(key)
    const told = append(before === undefined || before.times === 0 ? 0 : before.times + 1)
    all.delete(key)
    all.set(key, { atMs: nowMs(), told, times: 0 })
    const [oldest] = this.#refused.keys()
    if (this.#refused.size > LIMITS.egressPlacesKnownMax && oldest !== undefined) this.#refused.delete(oldest)
    return told
  }

  #recent(all: ReadonlyMap<string, Told>, key: string, nowMs: number): Told | undefined {
    const known = all.get(key)
    return known !== undefined && Math.abs(nowMs - known.atMs) < TOLD_MS ? known : undefined
  }

  /**
   * Waits for the line, one after the other, so that those who are let on have told theirs before the next is asked.
   */
  #turn(nowMs: () => number): Promise<void> {
    const mine = this.#line.then(async () => {
      for (let lack = this.#lackMs(nowMs()); lack > 0; lack = this.#lackMs(nowMs())) await delay(lack)
      this.#left--
    })
    this.#line = mine
    return mine
  }

  #lackMs(nowMs: number): number {
    const passedMs = Math.max(0, nowMs - this.#countedAtMs)
    this.#countedAtMs = nowMs
    const more = (passedMs / 1_000) * LIMITS.egressPlacesPerSecond
    this.#left = Math.min(LIMITS.egressPlacesBurst, this.#left + more)
    return this.#left >= 1 ? 0 : Math.ceil(((1 - this.#left) / LIMITS.egressPlacesPerSecond) * 1_000)
  }
}

interface Told {
  readonly atMs: number
  readonly told: Promise<boolean>
  /** Number of times that it was asked for since. */
  times: number
}

const TOLD_MS = 60_000
