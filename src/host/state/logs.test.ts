import assert from 'node:assert/strict'
import { join } from 'node:path'
import { it } from 'node:test'
import { temporaryDirectory } from '../../../test/kit/temporary.ts'
import { writableLog } from '../../ledger/files/writable-log.ts'
import { environmentName } from '../../model/index.ts'
import { followEntries } from './logs.ts'

it('a state is followed with those of its tenants: what stands from a number on, and what comes', async () => {
  const state = temporaryDirectory()
  const own = writableLog(join(state, 'ledger', 'test'), 'test')
  const theirs = writableLog(join(state, 'tenants', 'shop', 'ledger', 'live'), 'live')
  const opened = await Promise.all([own, theirs].map((log) => log.open({ clock: { nowMs: () => 1 } })))
  const [first, second] = opened.map((ledger) => {
    assert.ok(ledger.ok, JSON.stringify(ledger))
    return ledger.value
  })
  assert.ok(first && second)
  const stopped = (name: string, why: string) =>
    ({ kind: 'gateway.stopped', environment: environmentName(name), why }) as const
  first.append(stopped('test', 'seen before'))
  const appended = first.append(stopped('test', 'new'))
  assert.ok(appended.ok)
  await first.durable(appended.value.seq)
  const end = new AbortController()
  const told: string[] = []
  for await (const entry of followEntries(state, end.signal, new Map([['test', appended.value.seq]]))) {
    if (entry.kind === 'gateway.stopped') told.push(`${entry.log} ${entry.why}`)
    if (told.length === 1) second.append(stopped('live', 'of a tenant'))
    if (told.length === 2) end.abort()
  }
  assert.deepEqual(told, ['test new', 'live of a tenant'])
  await Promise.all([first.close(), second.close()])
})
