import assert from 'node:assert/strict'
import { afterEach, beforeEach, describe, it, mock } from 'node:test'
import { type EgressTried, type EntryBody, LIMITS, type UpstreamName } from '../../../model/index.ts'
import { Arrivals } from '../../admission/arrivals.ts'
import type { EnvironmentContext } from '../../admission/environment-context.ts'
import type { ServedCell } from '../../admission/served-cell.ts'
import { LedgerShare } from '../../fairness/share.ts'
import { WayOut } from './way-out.ts'

/** A ledger that takes everything, and a cell that may do everything. */
function desk() {
  const told: EgressTried[] = []
  const ledger: { fault?: object; effectsAllowed: () => boolean; [key: string]: unknown } = {
    durableSize: Number.MAX_SAFE_INTEGER,
    effectsAllowed: () => true,
    append: (entry: EntryBody) => {
      if (entry.kind === 'egress.tried') told.push(entry)
      return { ok: true, value: { seq: told.length, bytes: 300 } }
    },
    durable: () => Promise.resolve({ ok: true }),
  }
  const notice = {
    in: (_: unknown, { place }: { place: string }) =>
      place.includes('vault') ? { noticed: [{ kind: 'decoy', name: 'the host vault' }] } : {},
  }
  const gate = { ledger, notice, nowMs: Date.now } as unknown as EnvironmentContext // of a gate, the rules use no more
  const grants = [{ agent: 'alpha', upstream: 'relay', expiresAtMs: Number.MAX_SAFE_INTEGER, budgets: [] }]
  const labels = new Map<string, object>([['untrusted', {}]])
  const flows = new Map([['relay/fetch', { accepts: new Set(['confidential:a']) }]])
  const relay = { underWay: 0, contracts: new Map([['fetch', {}]]) }
  const cell = {
    id: 'c_1',
    authority: { agent: 'alpha', grants, budgets: { refusals: () => [] }, exposure: { labels }, flows },
    upstreams: new Map([['relay', relay]]),
    rung: 'normal',
    gone: new AbortController(),
    share: new LedgerShare(0),
  } as unknown as ServedCell // of a cell, too
  const users: ServedCell[] = [cell]
  const options = { gate, upstream: 'relay' as UpstreamName, own: true, users: () => users, arrivals: new Arrivals() }
  return { rules: new WayOut(options), told, users, labels, relay, ledger }
}

const settle = async (turns = 40) => {
  for (let i = 0; i < turns; i++) await Promise.resolve()
}

describe('what a relay’s way out tells', () => {
  beforeEach(() => mock.timers.enable({ apis: ['setTimeout', 'Date'], now: 1_000_000 }))
  afterEach(() => mock.timers.reset())

  it('S17: WO2: past so many places, whoever asks for another waits until it is told', async () => {
    const { rules, told } = desk()
    let answered = 0
    const asked = Array.from({ length: LIMITS.egressPlacesBurst + 10 }, (_, i) =>
      rules.ask(`http://h${i}.example/`, `http://h${i}.example/`, 'no').then(() => answered++),
    )
    await settle(3_000)
    assert.deepEqual([told.length, answered], [LIMITS.egressPlacesBurst, LIMITS.egressPlacesBurst])
    for (let i = 0; i < 10; i++) {
      mock.timers.tick(1_000 / LIMITS.egressPlacesPerSecond)
      await settle()
    }
    await Promise.all(asked)
    assert.equal(new Set(told.map(({ place }) => place)).size, LIMITS.egressPlacesBurst + 10)
  })

  it('WO2: what the sentinel watches for waits for nobody, and is told at once again a second later', async () => {
    const { rules, told } = desk()
    for (let i = 0; i < LIMITS.egressPlacesBurst; i++) await rules.ask(`h${i}`, `h${i}`, 'no')
    const waiting = rules.ask('waits', 'waits', 'no')
    await settle()
    await rules.ask('http://vault/', 'http://vault/', 'no')
    assert.deepEqual(told.at(-1)?.noticed, [{ kind: 'decoy', name: 'the host vault' }])
    mock.timers.setTime(1_001_000)
    await rules.ask('http://vault/', 'http://vault/', 'no')
    assert.equal(told.filter(({ noticed }) => noticed !== undefined).length, 2)
    await waiting
  })

  it('WO1: a place that is used has an entry in each minute, which says how often it was since', async () => {
    const { rules, told } = desk()
    for (let i = 0; i < 4; i++) assert.equal(await rules.ask('a.example:443', 'a.example:443'), undefined)
    mock.timers.setTime(1_060_001)
    await rules.ask('a.example:443', 'a.example:443')
    await rules.ask('a.example:443', 'a.example:443')
    assert.deepEqual(
      told.map(({ times = 1 }) => times),
      [1, 4],
    )
  })

  it('S17: so many refused places are known at a time, and one that is forgotten is told again', async () => {
    const { rules, told } = desk()
    const ask = async (i: number) => {
      const asked = rules.ask(`h${i}`, `h${i}`, 'no')
      await settle()
      mock.timers.tick(1_000 / LIMITS.egressPlacesPerSecond)
      await asked
    }
    for (let i = 0; i <= LIMITS.egressPlacesKnownMax; i++) await ask(i)
    const before = told.length
    await ask(LIMITS.egressPlacesKnownMax)
    assert.equal(told.length, before)
    await ask(0)
    assert.equal(told.at(-1)?.place, 'h0')
  })

  it('a long beginning hides no host, and paths of one host are one place', async () => {
    const { rules, told } = desk()
    const long = `http://${'u'.repeat(400)}@`
    for (const host of ['one.example', 'two.example']) await rules.ask(`${long}${host}/x`, '', 'no')
    for (const path of ['a', 'b', 'c']) await rules.ask(`http://three.example/${path}`, '', 'no')
    assert.deepEqual(
      told.map(({ place }) => place),
      ['one.example/…', 'two.example/…', 'http://three.example/a'],
    )
  })

  it('WO3: nothing leaves while the ledger cannot be written, or its last seal is too old', () => {
    const { rules, ledger } = desk()
    assert.equal(rules.lastCheck(), undefined)
    ledger.effectsAllowed = () => false
    assert.equal(rules.lastCheck(), 'the witness: the last seal is too old')
    ledger.fault = { kind: 'io' }
    assert.equal(rules.lastCheck(), 'the ledger: it cannot be written')
  })

  it('WO3: nothing leaves where no cell is served, and nothing of one that is gone', async () => {
    const { rules, users } = desk()
    const [cell] = users.splice(0)
    assert.equal(rules.lastCheck(), 'no cell that it serves is here')
    if (cell !== undefined) users.push(cell)
    assert.equal(rules.lastCheck(), undefined)
    cell?.gone.abort()
    assert.equal(rules.lastCheck(), 'its cell is gone')
  })

  it('WO3: nothing leaves where its cell has seen what no tool of the relay accepts, but for a call that was let through', () => {
    const { rules, labels, relay } = desk()
    labels.set('confidential:a', {})
    assert.equal(rules.lastCheck(), undefined)
    labels.set('confidential:b', {})
    assert.equal(rules.lastCheck(), 'its cell has seen what no tool of it accepts')
    relay.underWay = 1
    assert.equal(rules.lastCheck(), undefined)
  })
})
