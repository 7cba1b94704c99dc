import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { setImmediate as turn } from 'node:timers/promises'
import { memoryMailbox } from '../../src/host/people/memory-mailbox.ts'
import { withRoomToRelease } from '../../src/host/stop/fences.ts'
import { memoryFences } from '../../src/host/stop/memory-fences.ts'
import { type MemoryLogs, memoryLogs } from '../../src/ledger/memory/memory-logs.ts'
import { MemoryEscrow } from '../../src/policy/budget/memory-escrow.ts'
import { intent } from '../sim/ledger-fixture.ts'
import { escrowContract } from './escrow-contract.ts'
import { fencesContract } from './fences-contract.ts'
import { logsContract } from './logs-contract.ts'
import { mailboxContract } from './mailbox-contract.ts'

logsContract('memory', memoryLogs)

fencesContract('memory', () => {
  const fences = memoryFences()
  const lose = () => {
    fences.faults.lost = 'it is damaged'
  }
  return { fences, again: () => fences, lose }
})

mailboxContract('memory', () => {
  const mailbox = memoryMailbox()
  return { mailbox, again: () => mailbox }
})

escrowContract('memory', 3, () => {
  const store = new MemoryEscrow(60_000)
  return (gateway) => store.as(`gateway-${gateway}`)
})

describe('faults that are planted in logs of memory', () => {
  const clock = { nowMs: () => 1_000 }
  const opened = async (logs: MemoryLogs) => {
    const ledger = await logs.log('test').open({ clock })
    assert.ok(ledger.ok)
    return ledger.value
  }

  it('L1: keep an entry from being durable, and from every reader, until they end', async () => {
    const logs = memoryLogs()
    const ledger = await opened(logs)
    const held = Promise.withResolvers<void>()
    logs.faults.held = held.promise
    assert.ok(ledger.append(intent(1)).ok)
    let told = false
    const durable = ledger.durable(0).then((committed) => {
      told = committed.ok
    })
    await turn()
    assert.deepEqual([told, ledger.durableSize, ledger.head().size], [false, 0, 0])
    for await (const each of logs.log('test').read()) assert.fail(JSON.stringify(each))
    held.resolve()
    await durable
    assert.deepEqual([told, ledger.durableSize], [true, 1])
  })

  it('L2: fail a write, and with it the ledger for good', async () => {
    const logs = memoryLogs()
    const ledger = await opened(logs)
    const fault = { kind: 'disk', doing: 'write', path: 'memory', code: 'EIO' } as const
    logs.faults.write = fault
    assert.ok(ledger.append(intent(1)).ok)
    assert.deepEqual(await ledger.durable(0), { ok: false, reason: fault })
    delete logs.faults.write
    assert.deepEqual(ledger.append(intent(2)), { ok: false, reason: { kind: 'failed', fault } })
    assert.deepEqual([ledger.effectsAllowed(1_000), ledger.readMayGo(1_000), ledger.durableSize], [false, false, 0])
  })

  it('LG3: take the store away from its readers, who hear that and nothing else', async () => {
    const logs = memoryLogs()
    const ledger = await opened(logs)
    ledger.append(intent(1))
    await ledger.close()
    logs.faults.read = { kind: 'closed' }
    const signal = new AbortController().signal
    const log = logs.log('test')
    for (const entries of [log.read(), log.recorded(), log.follow(signal), logs.follow(signal)]) {
      const heard: boolean[] = []
      for await (const each of entries) heard.push(each.ok)
      assert.deepEqual(heard, [false])
    }
  })
})

it('FE3: a fence that cannot be reached keeps everybody out, and is not begun anew', async () => {
  const fences = memoryFences()
  fences.make()
  fences.faults.away = 'it does not answer'
  assert.deepEqual(fences.read(), { ok: false, reason: 'it does not answer' })
  assert.deepEqual(fences.everybody(), { ok: false, reason: 'it does not answer' })
  assert.equal((await fences.change((fence) => fence.clear(), true)).ok, false)
  fences.faults.full = 'it is full'
  assert.deepEqual(fences.reserve(), { ok: false, reason: 'it is full' })
  const released = await withRoomToRelease(fences, async () => assert.fail('nothing is released'))
  assert.match(released.ok ? '' : released.reason, /no room for the fence that a release writes: it is full/)
})
