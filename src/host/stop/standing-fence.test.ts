import assert from 'node:assert/strict'
import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { temporaryDirectory } from '../../../test/kit/temporary.ts'
import { agentName, ok } from '../../model/index.ts'
import { changeFence, makeFence } from './fence.ts'
import { EVERYBODY, type Fenced } from './fences.ts'
import { rungIn } from './rung-in.ts'
import { standingElsewhere, standingFence } from './standing-fence.ts'

const ALPHA = agentName('alpha')
const at = (rung: Fenced['rung'], order: string): Fenced => ({ rung, by: 'maria', why: 'a test', atMs: 1, order })

/** A state with the tenants `shop` and `bank`, each with a fence. */
function scene() {
  const state = temporaryDirectory()
  const [shop, bank] = [join(state, 'tenants', 'shop'), join(state, 'tenants', 'bank')]
  for (const each of [state, shop, bank]) {
    mkdirSync(join(each, 'ledger'), { recursive: true })
    makeFence(each)
  }
  return { state, shop, bank }
}

const fence = (state: string, name: typeof ALPHA | typeof EVERYBODY, fenced: Fenced) =>
  changeFence(state, (fences) => fences.set(name, fenced))

describe('S9: a start asks the fences of all states of its configuration', () => {
  it('an agent that was contained in another state of it is contained, at the lowest rung of all', async () => {
    const { state, shop, bank } = scene()
    const rung = (own: string) => {
      const standing = standingFence(state, own)
      return standing.ok ? rungIn(standing.value, { name: ALPHA }) : standing
    }
    for (const own of [state, shop, bank]) assert.deepEqual(rung(own), ok('normal'))
    await fence(shop, ALPHA, at('restricted', 'o_1'))
    for (const own of [state, shop, bank]) assert.deepEqual(rung(own), ok('restricted'))
    await fence(state, ALPHA, at('killed', 'o_2'))
    for (const own of [state, shop, bank]) assert.match(JSON.stringify(rung(own)), /alpha is killed.*order o_2/)
    const elsewhere = standingElsewhere(state, bank, ALPHA)
    const found = elsewhere.ok ? elsewhere.value.map((each) => [each.state, each.fenced.order]) : elsewhere.reason
    assert.deepEqual(found, [
      [state, 'o_2'],
      [shop, 'o_1'],
    ])
  })

  it('orders to all stay with their own state, so that a release by name lifts them', async () => {
    const { state, shop, bank } = scene()
    for (const each of [state, bank]) await fence(each, EVERYBODY, at('killed', 'o_1'))
    assert.deepEqual(standingFence(state, shop), ok(new Map()))
    await fence(bank, ALPHA, at('normal', 'o_1'))
    const standing = standingFence(state, bank)
    assert.deepEqual(standing.ok && rungIn(standing.value, { name: ALPHA }), ok('normal'))
  })

  it('F1: nobody starts where one of them cannot be read, or not all of them can be found', () => {
    const { state, shop, bank } = scene()
    writeFileSync(join(bank, 'fence', 'fence.json'), '{')
    assert.match(JSON.stringify(standingFence(state, shop)), /is damaged/)
    const looped = temporaryDirectory()
    symlinkSync('tenants', join(looped, 'tenants'))
    assert.match(JSON.stringify(standingFence(looped, looped)), /cannot be listed, and who is contained is not known/)
  })
})
