import assert from 'node:assert/strict'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { temporaryDirectory } from '../../test/kit/temporary.ts'
import { agentName } from '../model/index.ts'
import { runningNow } from './running.ts'
import { storesOf } from './state/stores.ts'
import { EVERYBODY, type Fenced } from './stop/fences.ts'

const [ALPHA, BETA] = [agentName('alpha'), agentName('beta')]
const NOTHING = { cells: [], host: undefined, unreachedHost: undefined, unnamed: [], unanswered: [], cuts: [] }

function fenced(rung: Fenced['rung'], order: string): Fenced {
  return { rung, by: 'maria.silva@shop.example', why: 'a test', atMs: 1, order }
}

/** Returns a state in which something has run, with this fence. */
async function stateWith(fence: readonly (readonly [typeof ALPHA | typeof EVERYBODY, Fenced])[]): Promise<string> {
  const state = join(temporaryDirectory(), 'state')
  mkdirSync(join(state, 'ledger'), { recursive: true })
  const { fences } = storesOf(state)
  fences.make()
  const changed = await fences.change((standing) => {
    for (const [agent, each] of fence) standing.set(agent, each)
  })
  assert.ok(changed.ok, JSON.stringify(changed))
  return state
}

describe('S8: what runs now', () => {
  it('tells agents that are contained, and orders to everybody apart; one that was let go is none', async () => {
    const [own, all] = [fenced('frozen', 'o_1'), fenced('killed', 'o_2')]
    const released = fenced('normal', 'o_0')
    const state = await stateWith([
      [ALPHA, own],
      [BETA, released],
      [EVERYBODY, all],
    ])
    const running = await runningNow(state)
    assert.deepEqual(running, { ...NOTHING, contained: [[ALPHA, own]], everybody: [all], unreadFences: [] })
  })

  it('tells a fence that cannot be read, and what it knows besides', async () => {
    const state = await stateWith([[ALPHA, fenced('frozen', 'o_1')]])
    writeFileSync(join(state, 'fence', 'fence.json'), '{ "alpha": ')
    const { unreadFences, ...running } = await runningNow(state)
    assert.deepEqual(running, { ...NOTHING, contained: [], everybody: [] })
    assert.match(unreadFences.join(), /fence\.json/)
  })

  it('is nothing in a state that is not there', async () => {
    const running = await runningNow(join(temporaryDirectory(), 'none'))
    assert.deepEqual(running, { ...NOTHING, contained: [], everybody: [], unreadFences: [] })
  })
})
