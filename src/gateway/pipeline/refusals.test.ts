import assert from 'node:assert/strict'
import { describe, it, mock } from 'node:test'
import type { AppendFault } from '../../ledger/log/ledger.ts'
import { type ActionId, type EntryBody, LIMITS, type Noticed, newActionId } from '../../model/index.ts'
import type { EnvironmentContext } from '../admission/environment-context.ts'
import type { ServedCell } from '../admission/served-cell.ts'
import { LedgerShare } from '../fairness/share.ts'
import { Refusals } from './refusals.ts'

/** A ledger that takes what `fault` lets it, a clock that stands, and a cell that is nothing but itself. */
function desk(fault: (entry: EntryBody) => AppendFault | undefined = () => undefined) {
  const entries: EntryBody[] = []
  let nowMs = 1_000
  const gone = new AbortController()
  const append = (entry: EntryBody) => {
    const reason = fault(entry)
    if (reason !== undefined) return { ok: false, reason } as const
    return { ok: true, value: { seq: entries.push(entry) - 1 } } as const
  }
  // Of a gate and a cell, refusals use no more.
  const gate = { ledger: { append }, nowMs: () => nowMs } as unknown as EnvironmentContext
  const cell = { id: 'c_1', authority: { agent: 'alpha', environment: 'test' }, gone } as unknown as ServedCell
  const refusals = new Refusals(nowMs)
  let number = 0
  const refuse = (noticed?: readonly Noticed[]): Promise<ActionId | undefined> => {
    const action = newActionId(nowMs, new Uint8Array(16).fill(number++ % 32, 0, 2).fill(Math.floor(number / 32), 2))
    const reasons = [{ kind: 'arguments', path: '$', problem: 'x' }] as const
    return refusals.record(gate, cell, { action, reasons, about: { args: { a: 1 }, ...(noticed && { noticed }) } })
  }
  const pass = (ms: number) => {
    nowMs += ms
  }
  return { entries, refuse, gone, pass }
}

describe('the refusals of a cell', () => {
  it('S17: past a number in a second share one entry and its reference, and none is missing', async () => {
    mock.timers.enable({ apis: ['setTimeout'] })
    const { entries, refuse, pass } = desk()
    const own = await Promise.all(Array.from({ length: LIMITS.refusalsBurst }, () => refuse()))
    assert.equal(entries.length, LIMITS.refusalsBurst)
    let answered = 0
    const shared = Array.from({ length: 40 }, () => refuse().finally(() => answered++))
    await Promise.resolve()
    assert.deepEqual([entries.length, answered], [LIMITS.refusalsBurst, 0], 'they wait')
    mock.timers.tick(1_000)
    const references = new Set(await Promise.all(shared))
    const last = entries.at(-1)
    assert.equal(entries.length, LIMITS.refusalsBurst + 1)
    assert.ok(last?.kind === 'action.refused' && last.more === 39)
    assert.deepEqual([...references], [last.action])
    assert.equal(own.includes(last.action), false)
    pass(1_000)
    await Promise.all(Array.from({ length: LIMITS.refusalsPerSecond }, () => refuse()))
    assert.equal(
      entries.length,
      LIMITS.refusalsBurst + 1 + LIMITS.refusalsPerSecond,
      'a second later some have their own again',
    )
    mock.timers.reset()
  })

  it('RF3: a flood of them hides none that the sentinel watches for', async () => {
    const { entries, refuse, gone } = desk()
    await Promise.all(Array.from({ length: LIMITS.refusalsBurst }, () => refuse()))
    const waiting = [refuse()]
    const kinds = ['environment', 'decoy', 'own-authority'] as const
    for (const kind of kinds) await refuse([{ kind, name: 'x' }])
    const told = entries.slice(LIMITS.refusalsBurst)
    assert.deepEqual(
      told.map((entry) => entry.kind === 'action.refused' && entry.noticed?.[0]?.kind),
      kinds,
    )
    waiting.push(refuse([{ kind: 'decoy', name: 'again' }]))
    await Promise.resolve()
    gone.abort()
    await Promise.all(waiting)
    assert.equal(entries.length, LIMITS.refusalsBurst + 4)
  })

  it('S17: those that wait stand there before the cell’s end', async () => {
    const { entries, refuse, gone } = desk()
    await Promise.all(Array.from({ length: LIMITS.refusalsBurst }, () => refuse()))
    const waiting = [refuse(), refuse()]
    await Promise.resolve()
    gone.abort()
    const last = entries.at(-1)
    assert.ok(last?.kind === 'action.refused' && last.more === 1)
    assert.deepEqual(await Promise.all(waiting), [last.action, last.action])
  })

  it('S4: what cannot be recorded whole is recorded in short, and without an entry there is no reference', async () => {
    const tooLarge = desk((entry) =>
      'args' in entry ? { kind: 'too-large', bytes: 300_000, max: 262_144 } : undefined,
    )
    const reference = await tooLarge.refuse()
    const [entry] = tooLarge.entries
    assert.ok(entry?.kind === 'action.refused' && entry.action === reference && entry.args === undefined)
    assert.match(JSON.stringify(entry.reasons), /too-large.*refused for: arguments/)
    const said = mock.method(process.stderr, 'write', () => true)
    const full = desk(() => ({ kind: 'full', bufferedBytes: 1 }))
    assert.equal(await full.refuse(), undefined)
    said.mock.restore()
    const told = said.mock.calls.map(({ arguments: [text] }) => String(text))
    assert.match(told.join(''), /did not take a refusal: full/)
  })
})

describe('a cell’s share of the ledger', () => {
  it('S17: is what may wait for the disk; more of it goes on when that is durable, one after the other', async () => {
    let durableSize = 0
    const durable = Promise.withResolvers<{ ok: true; value: undefined }>()
    const ledger = {
      fault: undefined,
      get durableSize() {
        return durableSize
      },
      durable: () => durable.promise,
    }
    const share = new LedgerShare(0)
    const order: string[] = []
    const write = async (name: string, seq: number) => {
      await share.waitForShare(ledger, () => 0)
      order.push(name)
      share.wrote(seq, LIMITS.cellLedgerWaitingBytesMax + 1)
    }
    await write('first', 0)
    const others = [write('second', 1), write('third', 2)]
    await new Promise(setImmediate)
    assert.deepEqual(order, ['first'])
    durableSize = 1
    durable.resolve({ ok: true, value: undefined })
    await others[0]
    assert.deepEqual(order, ['first', 'second'], 'the third sees what the second wrote')
    durableSize = 3
    await others[1]
    assert.deepEqual(order, ['first', 'second', 'third'])
  })

  it('S17: is so many bytes a second, and a ledger that has failed keeps nobody waiting', async () => {
    const ledger = {
      fault: undefined,
      durableSize: 1_000,
      durable: async () => ({ ok: true, value: undefined }) as const,
    }
    const share = new LedgerShare(0)
    let nowMs = 0
    share.wrote(1, LIMITS.cellLedgerBytesBurst + LIMITS.cellLedgerBytesPerSecond / 100)
    const began = performance.now()
    const turn = share.waitForShare(ledger, () => nowMs)
    assert.ok(turn !== undefined)
    nowMs = 20
    await turn
    assert.ok(performance.now() - began < 5_000)
    assert.equal(
      share.waitForShare(ledger, () => nowMs),
      undefined,
    )
    share.wrote(2, LIMITS.cellLedgerBytesBurst * 2)
    assert.ok(share.waitForShare({ ...ledger, fault: { kind: 'closed' } }, () => nowMs) === undefined)
  })
})
