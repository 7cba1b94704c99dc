/** S5–S7, S9: what a cell gains from the death of its gateway: nothing. Two gateways over one state, and a cell of both. */
import assert from 'node:assert/strict'
import { readFileSync, writeFileSync } from 'node:fs'
import process from 'node:process'
import { describe, it } from 'node:test'
import type { Entry } from '../../src/model/entry.ts'
import type { Json, JsonObject } from '../../src/model/index.ts'
import {
  type Beginning,
  type GatewayProcess,
  startGatewayProcess,
  startGatewayProcessOn,
  type TestCell,
} from '../kit/gateway.ts'
import { startUpstream, textResult, tool } from '../kit/scripted-upstream.ts'
import { call, textOf } from '../kit/wire.ts'

const properties = (...names: readonly string[]) => ({
  inputSchema: { type: 'object', properties: Object.fromEntries(names.map((name) => [name, { type: 'string' }])) },
})
const OFFERED = ['contacts', 'customers', 'pay', 'note'].map((name) => tool(name, properties('to', 'text')))
const DECLARED = {
  contacts: { effect: 'read', returns: { $: [] } },
  customers: { effect: 'read', returns: ['confidential:customers'] },
  pay: { effect: 'write', destinations: ['$.to'], accepts: ['untrusted'] },
  note: { effect: 'write', content: ['$'], accepts: ['untrusted'], links: 'any' },
} as const
const TRAPPED = { mode: 'observe', decoys: { tools: ['bank/trap'] } }

interface Scene {
  readonly first: GatewayProcess
  readonly paid: () => number
  /** The first gateway ends as no gateway should, and another begins over its state. */
  readonly crash: (gateway: GatewayProcess) => Promise<GatewayProcess>
}

async function scene(): Promise<Scene> {
  let noted: Json = ''
  const answer = ({ name, args }: { readonly name: string; readonly args: JsonObject }) => {
    if (name === 'note') noted = args.text ?? ''
    return textResult(name === 'contacts' ? JSON.stringify({ ours: 'GOOD1', noted }) : 'done')
  }
  const bank = await startUpstream({ era: 'modern', tools: OFFERED, onCall: answer })
  const web = await startUpstream({ era: 'modern', tools: [tool('search', properties('text'))], onCall: answer })
  const first = await startGatewayProcess({
    upstreams: {
      bank: { mcp: { url: bank.url }, tools: DECLARED },
      web: { mcp: { url: web.url }, tools: { search: { effect: 'read', returns: [] } } },
    },
    agents: {
      alpha: {
        grants: [
          { upstream: 'bank', tools: ['contacts', 'customers', 'pay'], expires: '1h' },
          { upstream: 'bank', tools: ['note'], expires: '1h', budget: { calls: '6 total', task: '3 calls' } },
          { upstream: 'web', tools: ['search'], expires: '1h' },
        ],
      },
      beta: { grants: [{ upstream: 'bank', tools: ['note'], expires: '1h' }] },
    },
    containment: TRAPPED,
  })
  return {
    first,
    paid: () => bank.calls.filter(({ name }) => name === 'pay').length,
    crash: async (gateway) => {
      process.kill(gateway.gatewayPid, 'SIGKILL')
      await gateway.stop()
      return startGatewayProcessOn(gateway.configFile, { stateDirectory: gateway.state.directory, accept: false })
    },
  }
}

/** What a cell is told, by name of the tool. */
function uses({ url }: TestCell) {
  return async (name: string, args: JsonObject = {}, upstream = 'bank') => {
    const reply = await call(url(upstream), name, args)
    return textOf(reply) || reply.text
  }
}

const again = (cell: TestCell, more: Beginning = {}): Beginning => ({
  ...more,
  again: { cell, sinceMs: Date.now() - 1_000 },
})

function overIn(entries: readonly Entry[]) {
  return entries.flatMap((entry) => (entry.kind === 'cell.taken-over' ? [entry] : []))
}

describe('S5, S6, S7, S9: a cell whose gateway was lost', { concurrency: true }, () => {
  it('S7: has what it had left of a budget, and of its task’s share of it', async () => {
    const { first, crash } = await scene()
    const task = { task: { text: 'take notes' } }
    const cell = await first.admit('alpha', task)
    assert.equal(await uses(cell)('note', { text: 'x' }), 'done')
    const second = await crash(first)
    assert.equal(await uses(await second.admit('alpha', again(cell, task)))('note', { text: 'x' }), 'done')
    const third = await crash(second)
    assert.equal(await uses(await third.admit('alpha', again(cell, task)))('note', { text: 'x' }), 'done')
    const last = await crash(third)
    assert.match(await uses(await last.admit('alpha', again(cell, task)))('note', { text: 'x' }), /refused/)
    // And of what was not its own, no more than before: three of six are the first task's, three a second one's.
    const other = await last.admit('alpha', task)
    for (let i = 0; i < 3; i++) assert.equal(await uses(other)('note', { text: 'y' }), 'done')
    assert.match(await uses(other)('note', { text: 'y' }), /refused/)
  })

  it('S5: has its grants for no longer than it had them', async () => {
    const { first, crash } = await scene()
    const cell = await first.admit()
    const second = await crash(first)
    const same = await second.admit('alpha', { again: { cell, sinceMs: Date.now() - 3_601_000 } })
    assert.match(await uses(same)('note', { text: 'x' }), /refused/)
  })

  it('S6: carries what it has seen, down to what it was shown last', async () => {
    const { first, crash } = await scene()
    const cell = await first.admit()
    assert.equal(await uses(cell)('search', { text: 'x' }, 'web'), 'done', 'control: it may search')
    assert.equal(await uses(cell)('customers'), 'done')
    const second = await crash(first)
    const same = await second.admit('alpha', again(cell))
    assert.match(await uses(same)('search', { text: 'x' }, 'web'), /refused|holds/)
    const [over] = overIn(await second.entries())
    assert.deepEqual([...(over?.labels ?? [])].sort(), ['confidential:customers', 'untrusted'])
  })

  it('S6: knows no destination but its task’s: not what it had been told, and not what it had said and is told back', async () => {
    const { first, crash, paid } = await scene()
    const task = { task: { text: 'pay RENT-22' } }
    const cell = await first.admit('alpha', task)
    const use = uses(cell)
    await use('contacts')
    assert.equal(await use('pay', { to: 'GOOD1' }), 'done', 'control: a trusted field named it')
    await use('note', { text: 'EVIL1' })
    const second = await crash(first)
    const same = uses(await second.admit('alpha', again(cell, task)))
    assert.match(await same('pay', { to: 'GOOD1' }), /holds/)
    await same('contacts', {})
    assert.match(await same('pay', { to: 'GOOD1' }), /holds/)
    assert.match(await same('pay', { to: 'EVIL1' }), /holds/)
    assert.equal(await same('pay', { to: 'RENT-22' }), 'done')
    assert.equal(paid(), 2)
  })

  it('S9: stands no higher than it stood, and never at normal', async () => {
    const { first, crash } = await scene()
    const [free, low] = [await first.admit(), await first.admit()]
    const second = await crash(first)
    await second.admit('alpha', again(free))
    await second.admit('alpha', { ...again(low), rung: 'restricted' })
    const third = await crash(second)
    const same = await third.admit('alpha', again(low))
    await third.admit('alpha', again(free))
    assert.match(await uses(same)('note', { text: 'x' }), /refused/)
    assert.deepEqual(
      overIn(await third.entries()).map(({ cell, rung }) => [cell, rung]),
      [
        [free.id, 'watched'],
        [low.id, 'restricted'],
        [low.id, 'restricted'],
        [free.id, 'watched'],
      ],
    )
  })

  it('S9: is not gone on with where its entries raise a signal that no entry tells of', async () => {
    const { first, crash } = await scene()
    const [cell, other] = [await first.admit(), await first.admit()]
    await uses(cell)('trap')
    await uses(other)('note', { text: 'x' })
    await first.entries((all) => all.some(({ kind }) => kind === 'action.refused'))
    assert.equal(await uses(cell)('note', { text: 'x' }), 'done', 'control: the first gateway only observes')
    const config = JSON.parse(readFileSync(first.configFile, 'utf8'))
    writeFileSync(first.configFile, JSON.stringify({ ...config, containment: { ...TRAPPED, mode: 'enforce' } }))
    const second = await crash(first)
    await assert.rejects(second.admit('alpha', again(cell)), /could not follow/)
    await second.admit('alpha', again(other))
    assert.deepEqual(
      overIn(await second.entries()).map((each) => each.cell),
      [other.id],
    )
  })

  it('S5: is not gone on with where it has ended, is another agent’s, or was served by a gateway further back', async () => {
    const { first, crash } = await scene()
    const [ended, alphas, old] = [await first.admit(), await first.admit(), await first.admit()]
    await ended.end()
    const second = await crash(first)
    await assert.rejects(second.admit('alpha', again(ended)), /could not follow/)
    await assert.rejects(second.admit('beta', again(alphas)), /could not follow/)
    const third = await crash(second)
    await assert.rejects(third.admit('alpha', again(old)), /could not follow/)
    assert.deepEqual(overIn(await third.entries()), [])
  })
})
