import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, it } from 'node:test'
import { monotonicUs } from '../../model/host/monotonic.ts'
import { agentName } from '../../model/index.ts'
import { Starting } from '../services/starting.ts'
import { changeFence, fileFences, makeFence, readFence, readStopMark, writeStopMark } from './fence.ts'
import { type Fenced, fencedIn, releaseFenced } from './fences.ts'
import { fenceAgents, newOrderId } from './stop.ts'

let state = ''
beforeEach(() => {
  state = mkdtempSync(join(tmpdir(), 'fence-'))
})
afterEach(() => rmSync(state, { recursive: true, force: true }))

const frozen: Fenced = { rung: 'frozen', by: 'maria@shop.example', why: 'a drill', atMs: 1, order: 'o_1' }

describe('S8: the fence', () => {
  it('what was written is read again, and nobody is contained in a new one', async () => {
    makeFence(state)
    assert.deepEqual(readFence(state), { ok: true, value: new Map() })
    assert.ok((await changeFence(state, (fence) => fence.set(agentName('bot'), frozen))).ok)
    assert.deepEqual(readFence(state), { ok: true, value: new Map([['bot', frozen]]) })
  })

  it('F3: whoever contains before anything has run is not forgotten when the state is made', async () => {
    assert.ok((await changeFence(state, (fence) => fence.set(agentName('bot'), frozen), true)).ok)
    makeFence(state)
    assert.deepEqual(readFence(state), { ok: true, value: new Map([['bot', frozen]]) })
    assert.deepEqual(readdirSync(join(state, 'fence')).sort(), ['fence.json', 'lock', 'spare', 'spare-all'])
  })

  it('the word to all is another one after each order, and where it cannot be read', () => {
    const never = readStopMark(state)
    assert.ok(writeStopMark(state, 'o_1').ok)
    const [first, again] = [readStopMark(state), readStopMark(state)]
    assert.ok(writeStopMark(state, 'o_2').ok)
    assert.equal(first, again)
    assert.equal(new Set([never, first, readStopMark(state)]).size, 3)
    assert.ok(!writeStopMark(join(state, 'fence', 'all'), 'o_3').ok)
    assert.deepEqual(readdirSync(join(state, 'fence')), ['all'])
  })

  it('a missing one, a shortened one, another rung and another digest are damage', async () => {
    assert.match(fault(), /is missing: who is contained is not known/)
    makeFence(state)
    await changeFence(state, (fence) => fence.set(agentName('bot'), frozen))
    const path = join(state, 'fence', 'fence.json')
    const whole = readFileSync(path, 'utf8')
    for (const damaged of [whole.slice(0, -20), whole.replace('frozen', 'normal'), '', '{"agents":{}}']) {
      writeFileSync(path, damaged)
      assert.match(fault(), /is damaged/, damaged)
      assert.equal((await changeFence(state, () => undefined)).ok, false, 'it is not mended in passing')
    }
    assert.ok((await changeFence(state, (fence) => fence.set(agentName('bot'), frozen), true)).ok)
    assert.ok(readFence(state).ok)
  })

  it('a release lifts the order that was seen, and none that came after it was asked', async () => {
    makeFence(state)
    const order = {
      id: 'o_1',
      target: { kind: 'agent', name: 'bot' },
      rung: 'frozen',
      by: 'maria@shop.example',
      why: 'a drill',
    } as const
    const bot = agentName('bot')
    const seen = () => {
      const fence = readFence(state)
      return fence.ok ? fence.value.get(bot) : undefined
    }
    const words = { agent: bot, to: 'normal', by: 'joao@shop.example', why: 'it is well' } as const
    await fenceAgents(fileFences(state), [bot], order)
    for (const rung of ['killed', 'killed', 'frozen'] as const) {
      const before = seen()
      await fenceAgents(fileFences(state), [bot], { ...order, id: newOrderId(), rung })
      const released = await releaseFenced(fileFences(state), { ...words, seen: before })
      assert.equal(released.ok ? '' : released.reason, 'bot was contained again meanwhile: nothing was released', rung)
      assert.equal(seen()?.rung, 'killed')
    }
    assert.ok((await releaseFenced(fileFences(state), { ...words, seen: seen() })).ok)
    assert.equal(seen(), undefined)
  })

  it('a start is held by an order that came after the release was asked', () => {
    makeFence(state)
    const starting = new Starting(fileFences(state))
    const bot = agentName('bot')
    const order = { target: { kind: 'all' }, rung: 'frozen', by: 'maria@shop.example', why: 'a drill' } as const
    starting.fencing({ ...order, id: 'o_1' }, [bot])
    const askedUs = monotonicUs() + 1
    while (monotonicUs() < askedUs);
    assert.ok(!starting.orderedSince(bot, askedUs))
    starting.fencing({ ...order, id: 'o_2' }, [bot])
    assert.ok(starting.orderedSince(bot, askedUs))
    starting.released(bot, 'normal', askedUs)
    const agent = { name: bot }
    const held = starting.rungOf({ number: 1, agent })
    assert.match(held.ok ? '' : held.reason, /order o_2/)
    starting.released(bot, 'normal', monotonicUs() + 1)
    assert.deepEqual(starting.rungOf({ number: 1, agent }), { ok: true, value: 'normal' })
  })

  it('S9: what a detector orders of one cell holds another of its agent that is starting', () => {
    makeFence(state)
    const starting = new Starting(fileFences(state))
    const agent = { name: agentName('bot') }
    const signal = { target: { kind: 'cell', name: 'c_1' }, by: 'firebreak', why: 'a signal' } as const
    const rungOf = () => starting.rungOf({ number: 2, agent })
    assert.deepEqual(rungOf(), { ok: true, value: 'normal' })
    starting.fencing({ ...signal, id: 'o_1', rung: 'restricted' }, [agent.name])
    assert.deepEqual(rungOf(), { ok: true, value: 'restricted' })
    starting.fencing({ ...signal, id: 'o_2', rung: 'quarantined' }, [agent.name])
    const held = rungOf()
    assert.match(held.ok ? '' : held.reason, /quarantined by firebreak: a signal/)
  })

  it('F4: an order to all holds for agents that nobody at hand names, until each is released by name', async () => {
    makeFence(state)
    const [bot, other, later] = [agentName('bot'), agentName('other'), agentName('later')]
    const to = { rung: 'frozen', by: 'maria@shop.example', why: 'a drill' } as const
    const rungs = () => {
      const fence = readFence(state)
      assert.ok(fence.ok)
      return [bot, other, later].map((name) => fencedIn(fence.value, name)?.rung)
    }
    await fenceAgents(fileFences(state), [other], {
      ...to,
      id: 'o_1',
      rung: 'restricted',
      target: { kind: 'agent', name: 'other' },
    })
    assert.ok((await fenceAgents(fileFences(state), [bot], { ...to, id: 'o_2', target: { kind: 'all' } }, true)).ok)
    assert.deepEqual(rungs(), ['frozen', 'frozen', 'frozen'])
    const fence = readFence(state)
    const seen = fence.ok ? fencedIn(fence.value, later) : undefined
    const released = { agent: later, seen, to: 'normal', by: 'joao@shop.example', why: 'it is well' } as const
    assert.ok((await releaseFenced(fileFences(state), released)).ok)
    assert.deepEqual(rungs(), ['frozen', 'frozen', 'normal'])
    assert.ok(
      (await fenceAgents(fileFences(state), [later], { ...to, id: 'o_3', target: { kind: 'agent', name: 'later' } }))
        .ok,
    )
    assert.deepEqual(rungs(), ['frozen', 'frozen', 'frozen'])
  })

  it('one that cannot be read is not written anew: a whole one may lie there', async () => {
    const path = join(state, 'fence', 'fence.json')
    mkdirSync(path, { recursive: true })
    assert.match(fault(), /cannot be read, and who is contained is not known: EISDIR/)
    const anew = await changeFence(state, () => undefined, true)
    assert.match(anew.ok ? '' : anew.reason, /cannot be read/)
  })

  it('where its lock cannot be opened, the change is refused in a sentence', async () => {
    mkdirSync(join(state, 'fence', 'lock'), { recursive: true })
    const changed = await changeFence(state, () => undefined, true)
    assert.match(changed.ok ? '' : changed.reason, /^the fence cannot be written: EISDIR/)
  })

  it('many writers at once: nothing of any is lost', async () => {
    makeFence(state)
    const names = Array.from({ length: 12 }, (_, i) => agentName(`bot-${i}`))
    const changed = await Promise.all(names.map((name) => changeFence(state, (fence) => fence.set(name, frozen))))
    assert.ok(changed.every(({ ok }) => ok))
    const read = readFence(state)
    assert.equal(read.ok && read.value.size, 12)
  })
})

function fault(): string {
  const read = readFence(state)
  return read.ok ? '' : read.reason
}
