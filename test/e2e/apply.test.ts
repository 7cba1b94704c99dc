/** S2, S5, S9: a configuration that is put in force while cells run: narrower at once, wider on its owners' word. */
import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import process from 'node:process'
import { describe, it } from 'node:test'
import { loadConfig } from '../../src/config/load.ts'
import { acceptOffered } from '../kit/accept-offered.ts'
import { firebreak, ledgerOf, NODE_CELL, repository, SKIP, startFirebreak } from '../kit/command-line.ts'
import { type AgentPlan, writeConfig } from '../kit/config-text.ts'
import { hostUp } from '../kit/host-up.ts'
import { startUpstream, textResult, tool } from '../kit/scripted-upstream.ts'
import { temporaryDirectory } from '../kit/temporary.ts'
import { until } from '../kit/until.ts'

const AGENTS = '/opt/lib/agents'
const MARIA = 'maria.silva@shop.example'
const NOTE = { upstream: 'desk', tools: ['note'], expires: '8h' }

async function scene() {
  const desk = await startUpstream({ era: 'modern', tools: [tool('note')], onCall: () => textResult('go') })
  const directory = temporaryDirectory()
  const state = join(directory, 'state')
  const cell = { files: { ...NODE_CELL.files, [AGENTS]: join(repository, 'test/e2e/agents') } }
  const write = (alpha: AgentPlan, more: { readonly headers?: Readonly<Record<string, string>> } = {}) =>
    writeConfig(directory, {
      environments: { test: {} },
      upstreams: { desk: { mcp: { url: desk.url, ...more }, tools: { note: 'write' } } },
      agents: { alpha: { cell, ...alpha } },
    })
  const config = write({ grants: [NOTE] })
  const loaded = await loadConfig(config, { node: process.execPath })
  assert.ok(loaded.ok, JSON.stringify(loaded))
  await acceptOffered(loaded.value)
  const at = ['--config', config, '--state', state]
  const host = await hostUp(at)
  const run = () =>
    startFirebreak(['run', '--agent', 'alpha', ...at, '--', '/opt/node', `${AGENTS}/steady.ts`, 'desk__note', '20'])
  return {
    desk,
    state,
    config,
    write,
    at,
    host,
    run,
    apply: (...args: string[]) => firebreak(['apply', ...at, ...args]),
  }
}

describe('firebreak apply', { skip: SKIP }, () => {
  it('S2, S5: a live cell loses a grant at once; a widening without its owner and a broken file change nothing', async () => {
    const { desk, state, config, write, run, apply, at, host } = await scene()
    const alpha = run()
    const refusals = () =>
      alpha
        .stdout()
        .split('\n')
        .filter((line) => /refused|denied|not/i.test(line)).length
    const stands = async () => {
      const [calls, refused] = [desk.calls.length, refusals()]
      await until('it is refused', () => refusals() >= refused + 3)
      assert.equal(desk.calls.length, calls, 'nothing came through')
    }
    await until('it acts', () => desk.calls.length >= 3)

    write({ grants: [] })
    const narrowed = await apply()
    assert.equal(narrowed.code, 0, narrowed.stdout + narrowed.stderr)
    assert.match(narrowed.stdout, /alpha: no longer possible[\s\S]*desk\/note/)
    await until('it is refused', () => refusals() > 0)
    await stands()

    writeFileSync(config, '{ "agents": ')
    const broken = await apply('--as', MARIA)
    assert.equal(broken.code, 2, broken.stdout)
    write({ grants: [NOTE] })
    const unasked = await apply('--as', 'ana.costa@shop.example')
    assert.equal(unasked.code, 4)
    assert.match(unasked.stderr, /nothing was changed: it widens[\s\S]*maria\.silva@shop\.example answers for it/)
    await stands()

    const shown = await apply('--dry-run')
    assert.equal(shown.code, 4)
    await stands()
    const widened = await apply('--as', MARIA, '--json')
    assert.equal(widened.code, 0, widened.stderr)
    const before = desk.calls.length
    await until('it acts again', () => desk.calls.length >= before + 3)
    const applied = (await ledgerOf(state)).filter((entry) => entry.kind === 'configuration.applied')
    const [first, second] = applied
    assert.equal(applied.length, 2, 'what was refused is in force nowhere')
    assert.deepEqual([first?.narrowed, first?.widened, second?.by], [['alpha'], undefined, MARIA])
    assert.equal(first?.after, second?.before)
    assert.deepEqual(
      second?.widened?.map(({ agent, agreed }) => [agent, agreed]),
      [['alpha', MARIA]],
    )
    assert.match(second?.widened?.[0]?.what[0] ?? '', /desk\/note/)

    write({ grants: [NOTE] }, { headers: { 'x-desk': 'another' } })
    const kept = await apply('--as', MARIA)
    assert.equal(kept.code, 1, kept.stdout)
    assert.match(kept.stderr, /cells would have to end for it[\s\S]*test: upstream desk; 1 of its cells run/)
    const going = desk.calls.length
    await until('it goes on', () => desk.calls.length >= going + 3)
    const anew = await apply('--as', MARIA, '--restart')
    assert.equal(anew.code, 0, anew.stderr)
    await alpha.ended
    const again = run()
    const ended = desk.calls.length
    await until('another acts', () => desk.calls.length >= ended + 3)
    again.child.kill('SIGKILL')

    assert.equal((await firebreak(['down', '--state', state])).code, 0)
    await host.ended
    const alone = await firebreak(['apply', ...at])
    assert.equal(alone.code, 0)
    assert.match(alone.stdout, /No host is up: the next run reads it/)
    assert.equal((await firebreak(['ledger', 'verify', '--state', state])).code, 0)
  })
})
