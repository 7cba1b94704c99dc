/**
 * Gateways that crash over one ledger, and an oracle that shares no code with their book: plain numbers in flat lists,
 * summed anew for each admission, in the time that has really passed.
 *
 * - An intent is sent when it is on disk, and not before. A crash loses what is not; what was sent has happened.
 * - Upstreams answer what they like: the same, more, less, nothing. Calls end in any order, or never.
 * - The wall clock is set forward and back as often as it likes. Only after a boot is it right again.
 */
import assert from 'node:assert/strict'
import { PastSpending } from '../../src/gateway/admission/past.ts'
import { chargeOf, settledOf } from '../../src/gateway/pipeline/charge.ts'
import { reasonsJson } from '../../src/gateway/pipeline/record.ts'
import type { Entry } from '../../src/model/entry.ts'
import {
  type ActionId,
  type Budget,
  type CellId,
  type Cost,
  type GrantId,
  grantId,
  type Holder,
  type HolderId,
  moneyText,
} from '../../src/model/index.ts'
import { BudgetBook, type Reservation } from '../../src/policy/index.ts'

export interface Simulated {
  readonly seed: number
  readonly attempts: number
  readonly admitted: number
  readonly overspent: number
  readonly crashes: number
  readonly jumps: number
  readonly released: number
  readonly settled: number
  readonly inFlightMax: number
}

const MINUTE_MS = 60_000
const DAY_MS = 86_400_000
const START_MS = Date.UTC(2026, 9, 20)
const IN_FLIGHT_MAX = 200

const sliding = (ms: number) => ({ kind: 'sliding', ms }) as const
const calendar = (unit: 'day' | 'week', zone: string) => ({ kind: 'calendar', unit, zone }) as const
const euros = (units: number) => ({ kind: 'spend', maxUnits: BigInt(units), currency: 'EUR' }) as const

/** Each kind over each window, alone and together. */
const GRANTS: readonly (readonly Budget[])[] = [
  [{ kind: 'calls', max: 40, window: sliding(MINUTE_MS) }],
  [
    { ...euros(5_000_000), window: sliding(60 * MINUTE_MS) },
    { kind: 'calls', max: 300, window: calendar('day', 'Europe/Lisbon') },
  ],
  [
    { ...euros(9_000_000), window: calendar('day', 'America/New_York') },
    { ...euros(1_500_000), window: { kind: 'task' } },
  ],
  [
    { kind: 'rows', max: 9_000, window: sliding(DAY_MS) },
    { kind: 'rows', max: 2_000, window: sliding(MINUTE_MS) },
  ],
  [
    { kind: 'bytes', max: 90_000_000, window: calendar('week', 'UTC') },
    { ...euros(400_000_000), window: { kind: 'total' } },
    { kind: 'calls', max: 60, window: { kind: 'task' } },
    { kind: 'calls', max: 400, window: sliding(10 * MINUTE_MS) },
  ],
  [
    { ...euros(3_000_000_000), window: { kind: 'total' } },
    { kind: 'rows', max: 50_000_000, window: { kind: 'total' } },
  ],
  [
    { kind: 'connections', max: 30, window: sliding(MINUTE_MS) },
    { kind: 'bytes', max: 20_000_000, window: sliding(10 * MINUTE_MS) },
    { kind: 'calls', max: 30, window: sliding(MINUTE_MS) },
  ],
]

/** The most that one connection reserves. */
const CONNECTION_BYTES_MAX = 4_000_000

/** In numbers, by kind. */
interface Amounts {
  calls: number
  connections: number
  spend: number
  rows: number
  bytes: number
  tokens: number
}

const NOTHING: Amounts = { calls: 0, connections: 0, spend: 0, rows: 0, bytes: 0, tokens: 0 }

interface Charged {
  readonly reservation: Reservation
  readonly action: ActionId
  readonly intentSeq: number
  readonly holders: readonly HolderId[]
  readonly task: CellId | undefined
  /** The time that had really passed, and the book's date. */
  readonly trueMs: number
  readonly dateMs: number
  readonly reserved: Amounts
  amounts: Amounts
  /** Where more was charged than was reserved: when that was said. */
  more: { readonly trueMs: number; readonly dateMs: number; readonly amounts: Amounts } | undefined
  sent: boolean
  outcomeSeq: number | undefined
}

interface LiveTask {
  readonly id: CellId
  readonly grant: Holder
  open: boolean
}

export function simulate(seed: number, attempts: number): Simulated {
  const world = new World(seed)
  while (world.attempts < attempts) world.step()
  world.checkTotals()
  const { admitted, overspent, crashes, jumps, released, settled, inFlightMax } = world
  return { seed, attempts: world.attempts, admitted, overspent, crashes, jumps, released, settled, inFlightMax }
}

class World {
  attempts = 0
  admitted = 0
  overspent = 0
  crashes = 0
  jumps = 0
  released = 0
  settled = 0
  inFlightMax = 0
  readonly #random: () => number
  #trueMs = START_MS
  #wallAheadMs = 0
  #boot = 1
  #bootedMs = START_MS - 1_000_000
  /** The ledger: what is on disk, and what a crash would lose. */
  #entries: Entry[] = []
  #durable = 0
  #book = new BudgetBook()
  #charged: Charged[] = []
  #inFlight: Charged[] = []
  #byHolder = new Map<HolderId, { readonly calls: Charged[]; readonly more: Charged[] }>()
  readonly #grants: readonly Holder[]
  readonly #delegations: { readonly id: HolderId; readonly budgets: readonly Budget[]; readonly above: Holder }[] = []
  #tasks: LiveTask[] = []
  #names = 0

  constructor(seed: number) {
    this.#random = mulberry32(seed)
    this.#grants = GRANTS.map((budgets, i) => ({ id: grantId(`g_sim-${i}`), budgets }))
    this.#start()
  }

  step(): void {
    this.#trueMs += this.#pick([0, 0, 1, 7, 40, 900, 4_000, this.#below(400) === 0 ? this.#below(DAY_MS / 2) : 3])
    const dice = this.#below(1_000)
    if (dice < 620) this.#attempt()
    else if (dice < 900) this.#finish()
    else if (dice < 970) this.#flush()
    else if (dice < 980) this.#jump()
    else if (dice < 988) this.#beginTask()
    else if (dice < 994) this.#endTask()
    else if (dice < 999) this.#delegate()
    else if (this.#below(2) === 0) this.#crash()
  }

  /** To the unit: a total is what was charged, all in all, and no more. */
  checkTotals(): void {
    for (const holder of this.#grants) {
      const left = this.#book.left(holder, this.#wallMs())
      for (const [i, budget] of holder.budgets.entries()) {
        if (budget.window.kind !== 'total') continue
        const max = budget.kind === 'spend' ? Number(budget.maxUnits) : budget.max
        const used = this.#charged
          .filter(({ holders }) => holders.includes(holder.id))
          .reduce((sum, { amounts, more }) => sum + amounts[budget.kind] + (more?.amounts[budget.kind] ?? 0), 0)
        const units = Math.max(0, max - used)
        const asked = this.#of(holder.id).calls.reduce((sum, { amounts }) => sum + amounts[budget.kind], 0)
        if (asked > max) this.#over(holder, budget)
        const text = budget.kind === 'spend' ? moneyText({ units: BigInt(units), currency: 'EUR' }) : `${units} rows`
        assert.equal(left[i], text, `${holder.id}: ${used} used of ${max}`)
      }
    }
  }

  #attempt(): void {
    if (this.#inFlight.length >= IN_FLIGHT_MAX) return this.#finish()
    this.attempts++
    const { chain, task } = this.#chain()
    const [grant = fail()] = chain
    const spend = this.#pick([0, 1, 9_999, 10_000, 123_456, this.#below(900_000)])
    const wallMs = this.#wallMs()
    const isConnection = this.#below(4) === 0
    const room = Number(this.#book.room(chain, 'bytes', wallMs) ?? CONNECTION_BYTES_MAX)
    const cost: Cost = isConnection
      ? { connections: 1, bytes: Math.max(1, Math.min(CONNECTION_BYTES_MAX, room)) }
      : {
          spend: { units: BigInt(spend), currency: 'EUR' },
          rows: this.#below(900),
          bytes: this.#below(4_194_304),
        }
    const reserved = this.#book.reserve(chain, cost, wallMs)
    if (!reserved.ok) return
    this.admitted++
    const reservation = reserved.value
    // A connection asks for no room for a share of money, so that it may not set one aside.
    if (task !== undefined) task.open ||= !isConnection || this.#book.setAside([grant], wallMs).length > 0
    const { connections = 0, rows = 0, bytes = 0 } = cost
    const amounts = { calls: 1 - connections, connections, spend: isConnection ? 0 : spend, rows, bytes, tokens: 0 }
    const action = `a_${this.#names++}` as ActionId
    const charge = chargeOf(reservation, wallMs)
    const intentSeq = this.#append({
      kind: 'action.intent',
      action,
      reasons: reasonsJson([{ kind: 'permit', grant: grant.id as GrantId, source: { file: '', line: 1, column: 1 } }]),
      ...(cost.spend && { spend: moneyText(cost.spend) }),
      ...(charge && { charge }),
    })
    const charged: Charged = {
      reservation,
      action,
      intentSeq,
      holders: chain.map(({ id }) => id),
      task: task?.id,
      trueMs: this.#trueMs,
      dateMs: reservation.at.dateMs,
      reserved: amounts,
      amounts,
      more: undefined,
      sent: false,
      outcomeSeq: undefined,
    }
    this.#charged.push(charged)
    for (const id of charged.holders) this.#of(id).calls.push(charged)
    this.#inFlight.push(charged)
    this.inFlightMax = Math.max(this.inFlightMax, this.#inFlight.length)
    // Nothing returns early: no book is ahead of the time that has passed.
    const { steadyMs, dateMs } = reservation.at
    assert.ok(steadyMs <= this.#trueMs && dateMs <= this.#trueMs, 'the book is ahead of the time')
    for (const holder of chain) this.#judge(holder, cost)
  }

  /** A holder is charged more than its budgets hold: overspent. */
  #judge(holder: Holder, { connections }: Cost): void {
    for (const [i, budget] of holder.budgets.entries()) {
      // What a connection takes nothing of may be over its maximum by what an answer has said.
      if (connections !== undefined && budget.kind !== 'connections' && budget.kind !== 'bytes') continue
      const max = budget.kind === 'spend' ? Number(budget.maxUnits) : budget.max
      if (budget.window.kind === 'task') {
        for (const { id, grant } of this.#tasks) {
          if (grant.id === holder.id && this.#usedByTask(holder.id, id, budget.kind, false) > max)
            this.#over(holder, budget)
        }
        continue
      }
      if (budget.window.kind === 'total') continue
      const share = holder.budgets.find((other) => other.window.kind === 'task' && other.kind === budget.kind)
      let sum = this.#aside(holder, share)
      const pastMs = this.#trueMs - (budget.window.kind === 'sliding' ? budget.window.ms : 16 * DAY_MS)
      const { calls, more } = this.#of(holder.id)
      for (let at = calls.length - 1; at >= 0; at--) {
        const each = calls[at]
        if (each === undefined || each.trueMs < pastMs) break
        if (this.#holds(budget, each)) sum += each.amounts[budget.kind]
      }
      for (const { more: said } of more) if (said && this.#holds(budget, said)) sum += said.amounts[budget.kind]
      if (sum > max) this.#over(holder, budget, `${sum} of ${max} (${i})`)
    }
  }

  #of(id: HolderId): { readonly calls: Charged[]; readonly more: Charged[] } {
    const of = this.#byHolder.get(id) ?? { calls: [], more: [] }
    this.#byHolder.set(id, of)
    return of
  }

  #over(holder: Holder, budget: Budget, how = ''): void {
    this.overspent++
    if (this.overspent === 1) console.error(`overspent: ${holder.id} ${budget.kind} ${budget.window.kind} ${how}`)
  }

  #holds({ window }: Budget, { trueMs, dateMs }: { readonly trueMs: number; readonly dateMs: number }): boolean {
    if (window.kind === 'sliding') return trueMs > this.#trueMs - window.ms
    if (window.kind !== 'calendar') return true
    return periodName(window, dateMs) === periodName(window, this.#book.clock.at(this.#wallMs()).dateMs)
  }

  #aside(holder: Holder, share: Budget | undefined): number {
    if (share === undefined) return 0
    const most = share.kind === 'spend' ? Number(share.maxUnits) : share.max
    return this.#tasks
      .filter(({ grant, open }) => open && grant.id === holder.id)
      .reduce((sum, { id }) => sum + Math.max(0, most - this.#usedByTask(holder.id, id, share.kind, true)), 0)
  }

  #usedByTask(holder: HolderId, id: CellId, kind: keyof Amounts, withMore: boolean): number {
    return this.#of(holder)
      .calls.filter(({ task }) => task === id)
      .reduce((sum, { amounts, more }) => sum + amounts[kind] + (withMore ? (more?.amounts[kind] ?? 0) : 0), 0)
  }

  #finish(): void {
    const at = this.#below(Math.max(1, this.#inFlight.length))
    const charged = this.#inFlight[at]
    if (charged === undefined) return
    // Some never end.
    if (this.#below(25) === 0) return
    this.#inFlight.splice(at, 1)
    const { reservation, action } = charged
    const wallMs = this.#wallMs()
    if (!charged.sent) {
      if (this.#below(3) > 0) return void this.#inFlight.push(charged)
      charged.outcomeSeq = this.#append({ kind: 'action.outcome', action, outcome: 'not-sent' })
      this.#book.release(reservation)
      charged.amounts = NOTHING
      this.released++
      return
    }
    const cost = this.#answer(charged)
    if (cost === undefined) {
      charged.outcomeSeq = this.#append({ kind: 'action.outcome', action, outcome: this.#pick(['unknown', 'done']) })
      return this.#book.keep(reservation)
    }
    const settled = this.#book.settle(reservation, cost, wallMs)
    charged.outcomeSeq = this.#append({
      kind: 'action.outcome',
      action,
      outcome: 'done',
      settled: settledOf(cost, settled, wallMs),
    })
    this.settled++
    const now = {
      ...charged.reserved,
      ...(cost.spend && { spend: Number(cost.spend.units) }),
      ...(cost.rows !== undefined && { rows: cost.rows }),
      ...(cost.bytes !== undefined && { bytes: cost.bytes }),
    }
    const least = (kind: keyof Amounts) => Math.min(now[kind], charged.reserved[kind])
    charged.amounts = { ...charged.reserved, spend: least('spend'), rows: least('rows'), bytes: least('bytes') }
    const spendMore = now.spend - charged.amounts.spend
    if (spendMore > 0) {
      charged.more = {
        trueMs: this.#trueMs,
        dateMs: settled.dateMs,
        amounts: { ...NOTHING, spend: spendMore },
      }
      for (const id of charged.holders) this.#of(id).more.push(charged)
    }
    // Said twice, by a caller with a fault: it changes nothing.
    if (this.#below(10) === 0) this.#book.release(reservation)
  }

  /** What is charged in the end; undefined: what was reserved. */
  #answer({ reserved }: Charged): Cost | undefined {
    if (reserved.connections > 0) return this.#below(3) > 0 ? { bytes: this.#below(reserved.bytes + 1) } : undefined
    switch (this.#below(5)) {
      case 0:
        return { rows: this.#below(reserved.rows + 1), bytes: this.#below(reserved.bytes + 1) }
      case 1:
        return { spend: { units: BigInt(this.#below(reserved.spend + 1)), currency: 'EUR' } }
      case 2:
        return this.#below(20) > 0 ? undefined : { spend: { units: BigInt(reserved.spend + 70_000), currency: 'EUR' } }
      default:
        return undefined
    }
  }

  #chain(): { readonly chain: readonly Holder[]; readonly task: LiveTask | undefined } {
    const task = this.#below(3) === 0 ? this.#tasks[this.#below(this.#tasks.length)] : undefined
    const grant = task?.grant ?? this.#grants[this.#below(this.#grants.length)]
    assert.ok(grant)
    const chain = [grant]
    const below = this.#delegations.filter(({ above }) => above.id === grant.id)
    if (below.length > 0 && this.#below(3) === 0) {
      const first = below[this.#below(below.length)]
      if (first !== undefined) chain.push({ id: first.id, budgets: first.budgets })
      const second = this.#delegations.find(({ above }) => above.id === first?.id)
      if (second !== undefined && this.#below(2) === 0) chain.push({ id: second.id, budgets: second.budgets })
    }
    return { chain, task }
  }

  #delegate(): void {
    const [oldest] = this.#delegations
    if (this.#delegations.length >= 6 && oldest !== undefined) {
      this.#delegations.shift()
      this.#book.forget(oldest.id)
      return
    }
    const deeper = this.#delegations[this.#below(this.#delegations.length)]
    const above: Holder =
      (this.#below(2) === 0 ? deeper : undefined) ?? this.#grants[this.#below(this.#grants.length)] ?? fail()
    const budgets: readonly Budget[] = [
      { ...euros(1_000_000), window: sliding(30 * MINUTE_MS) },
      { kind: 'calls', max: 25, window: sliding(30 * MINUTE_MS) },
    ]
    this.#delegations.push({ id: `d_${this.#names++}` as HolderId, budgets, above })
  }

  #beginTask(): void {
    if (this.#tasks.length >= 4) return
    const plain = this.#grants.filter(({ budgets }) => budgets.some(({ window }) => window.kind === 'task'))
    const id = `c_${this.#names++}` as CellId
    const grant = { ...(plain[this.#below(plain.length)] ?? fail()), task: id }
    this.#append({ kind: 'cell.started', cell: id, task: {} })
    const open = this.#book.setAside([grant], this.#wallMs()).length > 0
    this.#tasks.push({ id, grant, open })
  }

  #endTask(): void {
    const at = this.#below(Math.max(1, this.#tasks.length))
    const task = this.#tasks[at]
    if (task === undefined) return
    this.#tasks.splice(at, 1)
    this.#book.endTask(task.id)
    this.#append({ kind: 'cell.ended', cell: task.id })
  }

  /** What is on disk may leave. */
  #flush(): void {
    this.#durable = this.#entries.length
    for (const charged of this.#inFlight) charged.sent = true
  }

  #jump(): void {
    this.jumps++
    this.#wallAheadMs = this.#pick([0, 0, 3_000, -3_000, 3 * DAY_MS, -3 * DAY_MS, 40 * DAY_MS, this.#below(DAY_MS)])
  }

  /** kill -9, at once or of the whole host. What was not on disk was not sent, and is gone. */
  #crash(): void {
    this.crashes++
    this.#entries.length = this.#durable
    this.#charged = this.#charged.filter((charged) => {
      if (charged.intentSeq < this.#durable) return true
      assert.ok(!charged.sent)
      return false
    })
    for (const charged of this.#charged) {
      if (charged.outcomeSeq === undefined || charged.outcomeSeq < this.#durable) continue
      charged.amounts = charged.reserved
      charged.more = undefined
      charged.outcomeSeq = undefined
    }
    this.#byHolder.clear()
    for (const charged of this.#charged) {
      for (const id of charged.holders) {
        this.#of(id).calls.push(charged)
        if (charged.more !== undefined) this.#of(id).more.push(charged)
      }
    }
    this.#inFlight = []
    this.#tasks = []
    this.#delegations.length = 0
    if (this.#below(4) === 0) {
      this.#trueMs += 30_000
      this.#boot++
      this.#bootedMs = this.#trueMs
      this.#wallAheadMs = 0
    }
    this.#start()
    this.checkTotals()
  }

  #start(): void {
    this.#book = new BudgetBook()
    const past = new PastSpending(this.#book, new Map(this.#grants.map((grant) => [grant.id, grant])))
    for (const entry of this.#entries) past.take(entry)
    const uptime = { boot: `boot-${this.#boot}`, nowMs: () => this.#trueMs - this.#bootedMs + 0.25 }
    this.#append({ kind: 'gateway.started', clock: this.#book.clock.start(this.#wallMs(), uptime) })
    this.#flush()
  }

  #wallMs(): number {
    return this.#trueMs + this.#wallAheadMs
  }

  /** As the ledger has it: through text. Only what a book looks at is in it. */
  #append(body: object): number {
    const seq = this.#entries.length
    this.#entries.push(JSON.parse(JSON.stringify({ v: 1, seq, atMs: this.#wallMs(), ...body })) as Entry)
    return seq
  }

  #below(count: number): number {
    return Math.floor(this.#random() * count)
  }

  #pick<T>(values: readonly T[]): T {
    return values[this.#below(values.length)] ?? fail()
  }
}

/** By the dates that the platform prints; a week by its Monday. No zone changes its date but on a quarter of an hour. */
function periodName({ unit, zone }: Extract<Budget['window'], { kind: 'calendar' }>, ms: number): string {
  const key = `${zone} ${unit} ${Math.floor(ms / 900_000)}`
  const known = periods.get(key)
  if (known !== undefined) return known
  const date = new Date(ms).toLocaleDateString('en-CA', { timeZone: zone })
  const midday = Date.parse(`${date}T12:00:00Z`)
  const monday = new Date(midday - ((new Date(midday).getUTCDay() + 6) % 7) * DAY_MS).toISOString().slice(0, 10)
  const name = unit === 'day' ? date : monday
  periods.set(key, name)
  return name
}

const periods = new Map<string, string>()

function mulberry32(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296
  }
}

function fail(): never {
  throw new RangeError('nothing to pick')
}
