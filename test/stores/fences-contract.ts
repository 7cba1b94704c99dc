/** The promises of every store of a fence (`src/host/stop/fences.ts`), asked of one: the same tests run over each. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { EVERYBODY, type Fenced, type Fences, fencedIn, releaseFenced } from '../../src/host/stop/fences.ts'
import { fenceAgents } from '../../src/host/stop/stop.ts'
import { agentName } from '../../src/model/index.ts'

/** A fence in which nothing was ordered, and what a test does to it that no user of it could. */
export interface ContractedFences {
  readonly fences: Fences
  /** The same fence, as another process would have it. */
  readonly again: () => Fences
  /** Damages what is kept. */
  readonly lose: () => void
}

const [bot, desk] = [agentName('bot'), agentName('desk')]
const frozen: Fenced = { rung: 'frozen', by: 'maria', why: 'a test', atMs: 1, order: 'o_1' }
const order = { id: 'o_2', target: { kind: 'agent', name: 'bot' }, rung: 'killed', by: 'maria', why: 'a test' } as const

export function fencesContract(name: string, open: () => ContractedFences): void {
  describe(`fences: ${name}`, () => {
    const made = () => {
      const contracted = open()
      contracted.fences.make()
      return contracted
    }

    it('FE3: one that was never made tells so, keeps everybody out, and is begun only anew', async () => {
      const { fences } = open()
      assert.equal(fences.isMade(), false)
      assert.equal(fences.read().ok, false)
      assert.deepEqual(fences.everybody(), { ok: true, value: undefined })
      assert.equal((await fences.change((fence) => fence.set(bot, frozen))).ok, false)
      assert.equal(fences.read().ok, false, 'it is not mended in passing')
      assert.ok((await fences.change((fence) => fence.set(bot, frozen), true)).ok)
      assert.deepEqual(fences.read(), { ok: true, value: new Map([[bot, frozen]]) })
      assert.equal(fences.isMade(), true)
    })

    it('FE3: one that is damaged tells so, also of orders to all, and loses nothing but what was lost', async () => {
      const { fences, lose } = made()
      assert.ok((await fences.change((fence) => fence.set(EVERYBODY, frozen))).ok)
      lose()
      assert.equal(fences.read().ok, false)
      assert.equal(fences.everybody().ok, false)
      assert.equal((await fences.change((fence) => fence.set(bot, frozen))).ok, false)
      assert.ok((await fences.change((fence) => fence.set(bot, frozen), true)).ok)
      assert.deepEqual(fences.read(), { ok: true, value: new Map([[bot, frozen]]) })
    })

    it('is made once: whoever was faster stays, with the order to all that it began with', () => {
      const { fences } = open()
      fences.make(frozen)
      fences.make()
      assert.deepEqual(fences.everybody(), { ok: true, value: frozen })
      const fence = fences.read()
      assert.deepEqual(fence.ok && fencedIn(fence.value, desk), frozen, 'it holds for whom nobody has named')
    })

    it('FE1: what was changed is seen at once, in whichever process', async () => {
      const { fences, again } = made()
      const changed = fences.change((fence) => fence.set(bot, frozen))
      assert.ok((await changed).ok)
      for (const each of [fences, again()]) assert.deepEqual(each.read(), { ok: true, value: new Map([[bot, frozen]]) })
    })

    it('FE2: many who change at once all see what those before them left', async () => {
      const { fences, again } = made()
      const names = Array.from({ length: 20 }, (_, i) => agentName(`bot-${i}`))
      const seen: number[] = []
      const changes = names.map((each, i) =>
        (i % 2 === 0 ? fences : again()).change((fence) => {
          seen.push(fence.size)
          fence.set(each, frozen)
        }),
      )
      assert.ok((await Promise.all(changes)).every(({ ok }) => ok))
      assert.deepEqual(
        seen,
        names.map((_, i) => i),
      )
      const fence = fences.read()
      assert.deepEqual(fence.ok && [...fence.value.keys()].sort(), names.toSorted())
    })

    it('FE2: a change that refuses, or throws, changes nothing, and keeps nobody after it', async () => {
      const { fences } = made()
      const refused = await fences.change((fence, refuse) => {
        fence.set(bot, frozen)
        refuse('not now')
      })
      assert.deepEqual(refused, { ok: false, reason: 'not now' })
      const thrown = await fences.change((fence) => {
        fence.set(bot, frozen)
        throw new Error('a bug')
      })
      assert.equal(thrown.ok, false)
      assert.deepEqual(fences.read(), { ok: true, value: new Map() })
      assert.ok((await fences.change((fence) => fence.set(desk, frozen))).ok)
    })

    it('S9: a release lifts the order that was seen, and none that came after it', async () => {
      const { fences } = made()
      const seen = () => {
        const fence = fences.read()
        return fence.ok ? fence.value.get(bot) : undefined
      }
      await fenceAgents(fences, [bot], order)
      const before = seen()
      await fenceAgents(fences, [bot], { ...order, id: 'o_3', rung: 'frozen' })
      const release = { agent: bot, to: 'normal', by: 'joao', why: 'it is well' } as const
      assert.equal((await releaseFenced(fences, { ...release, seen: before })).ok, false)
      assert.equal(seen()?.rung, 'killed')
      const room = fences.reserve()
      assert.ok(room.ok)
      assert.ok((await releaseFenced(room.value, { ...release, seen: seen() })).ok)
      room.value.giveBack()
      assert.equal(seen(), undefined)
    })

    it('S8: the word to all is another one with each order, and is read by everybody', () => {
      const { fences, again } = open()
      const never = fences.stopMark()
      assert.ok(fences.markStop('o_1').ok)
      const [first, same] = [fences.stopMark(), again().stopMark()]
      assert.ok(fences.markStop('o_2').ok)
      assert.equal(first, same)
      assert.equal(new Set([never, first, fences.stopMark()]).size, 3)
    })
  })
}
