/** S8: what has been told to somebody else before the stop goes on after it: in a relay, in a server, in a cell that nobody names. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { readdirSync, rmSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { before, describe, it } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { readFence } from '../../src/host/stop/fence.ts'
import { agentName } from '../../src/model/index.ts'
import { firebreak, NODE_CELL, type Running, repository, SKIP, startFirebreak } from '../kit/command-line.ts'
import { type UpstreamPlan, writeConfig } from '../kit/config-text.ts'
import { cleanUp, temporaryDirectory } from '../kit/temporary.ts'
import { until } from '../kit/until.ts'

const AS = ['--as', 'maria.silva@shop.example', '--why', 'a test'] as const
const START_MS_MAX = 60_000

describe('S8: what a contained cell has set going', { skip: SKIP, concurrency: 2 }, () => {
  const met: string[] = []
  let config = ''
  const asked = (who: string) => met.filter((path) => path === `/${who}`).length

  before(async () => {
    const server = createServer((request, response) => {
      met.push(request.url ?? '')
      response.end()
    }).listen(0, '127.0.0.1')
    await once(server, 'listening')
    cleanUp(() => void server.close().closeAllConnections())
    const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}` // it listens on a port
    const files = { ...NODE_CELL.files, '/opt/agents': join(repository, 'test/e2e/agents') }
    const relay = (shared: boolean): UpstreamPlan => ({
      relay: true,
      mcp: { command: ['/opt/node', '/opt/agents/relay.ts'], cell: { files }, shared },
      tools: { shell: 'write' },
    })
    const goesOn = (who: string) =>
      `(while :; do curl -s -X POST ${origin}/${who}; sleep 0.1; done) > /dev/null 2>&1 & echo it is set going`
    const agent = (...calls: readonly (readonly [string, object])[]) => ({
      command: ['/opt/node', '/opt/agents/asks.ts', JSON.stringify(calls)],
      cell: { files },
    })
    const given = { assignment: 'help', tools: ['shared/shell'] }
    const passing = agent(['shared__shell', { what: goesOn('passing') }]).command.map((word) => `'${word}'`)
    config = writeConfig(temporaryDirectory(), {
      environments: { test: { egress: [origin] } },
      upstreams: { own: relay(false), shared: relay(true) },
      agents: {
        own: { ...agent(['own__shell', { what: goesOn('own') }], ['firebreak__authority', {}]) },
        unreached: { ...agent(['own__shell', { what: goesOn('unreached') }], ['firebreak__authority', {}]) },
        shared: { ...agent(['shared__shell', { what: goesOn('shared') }], ['firebreak__authority', {}]) },
        left: { ...agent(['shared__shell', { what: goesOn('left') }], ['firebreak__authority', {}]) },
        giver: {
          ...agent(
            ['firebreak__delegate', { agent: 'helper', ...given }],
            ['firebreak__delegate', { agent: 'passing', ...given }],
            ['shared__shell', { what: 'echo I am served' }],
          ),
          delegates: ['helper', 'passing'],
        },
        // It ends with the first word that it has to say.
        passing: { command: ['/usr/bin/bash', '-c', `${passing.join(' ')} | head -n 1`], cell: { files } },
        helper: { ...agent(['shared__shell', { what: goesOn('helper') }], ['firebreak__authority', {}]) },
      },
    })
    const accepted = await firebreak(['accept', '--config', config, ...AS.slice(0, 2), '--yes'])
    assert.equal(accepted.code, 0, accepted.stderr)
  })

  function started(agent: string) {
    const own = ['--config', config, '--state', join(temporaryDirectory(), 'state')]
    const run = startFirebreak(['run', '--agent', agent, ...own], { timeoutMs: 110_000 })
    const ask = ([command = '', ...args]: readonly string[]) => firebreak([command, ...args, ...AS, ...own])
    const ps = async () => {
      const { code, stdout, stderr } = await firebreak(['ps', ...own])
      assert.equal(code, 0, stderr)
      return stdout
    }
    return { run, ask, ps, state: own[3] ?? '' }
  }

  /** What is under way at the moment of the order may still come in. */
  async function comesNoMore(who: string): Promise<void> {
    await delay(500)
    const before = asked(who)
    assert.ok(before > 0, 'control: it came')
    await delay(1_000)
    assert.equal(asked(who), before)
  }

  async function over({ run, ask }: { readonly run: Running; readonly ask: ReturnType<typeof started>['ask'] }) {
    const killed = await ask(['kill', 'all'])
    assert.equal(killed.code, 0, killed.stdout + killed.stderr)
    await run.ended
  }

  for (const who of ['own', 'shared'] as const)
    it(`in ${who === 'own' ? 'its own relay' : 'a relay that others may have, too'} stops at quarantined, and is named`, async () => {
      const desk = started(who)
      await until('it is set going', () => asked(who) > 2, START_MS_MAX)
      const contained = await desk.ask(['contain', who, '--rung', 'quarantined'])
      assert.equal(contained.code, 0, contained.stdout + contained.stderr)
      assert.match(contained.stdout, who === 'own' ? /^yes {2}its server c_/m : /^yes {2}shared server c_/m)
      await comesNoMore(who)
      await over(desk)
    })

  it('in a server that another cell still has, also by a cell that has ended: it ends, and that one gets another', async () => {
    const desk = started('giver')
    await until('it is set going', () => asked('passing') > 2, START_MS_MAX)
    await until('its cell has ended', async () => !(await desk.ps()).includes('passing'), START_MS_MAX)
    const ended = await desk.ask(['contain', 'passing'])
    assert.equal(ended.code, 0, ended.stdout + ended.stderr)
    assert.match(ended.stdout, /^yes {2}shared server c_\S+ .*populated 0/m)
    await comesNoMore('passing')
    await until('it is set going', () => asked('helper') > 2, START_MS_MAX)
    await until('the other one is served', () => desk.run.stdout().includes('I am served'), START_MS_MAX)
    const contained = await desk.ask(['contain', 'helper'])
    assert.equal(contained.code, 0, contained.stdout + contained.stderr)
    assert.match(contained.stdout, /^yes {2}shared server c_\S+ .*populated 0/m)
    await comesNoMore('helper')
    const printed = desk.run.stdout().length
    await until('it is served again', () => desk.run.stdout().slice(printed).includes('I am served'))
    await over(desk)
  })

  it('in a cell whose warden nobody reaches: the kernel is asked, it is ended, and its agent is fenced', async () => {
    const desk = started('unreached')
    await until('it is set going', () => asked('unreached') > 2, START_MS_MAX)
    // By the cell: no configuration tells whose it is.
    const [, cell = ''] = /^(c_\S+) +unreached/m.exec(await desk.ps()) ?? []
    for (const name of readdirSync(join(desk.state, 'control'))) rmSync(join(desk.state, 'control', name))
    const contained = await desk.ask(['contain', cell])
    assert.equal(contained.code, 0, contained.stdout + contained.stderr)
    const fence = readFence(desk.state)
    assert.equal(fence.ok && fence.value.get(agentName('unreached'))?.rung, 'frozen')
    assert.equal(
      [...contained.stdout.matchAll(/^yes {2}processes of c_\S+ +no warden named it/gm)].length,
      3,
      'it, its server, and the shared one',
    )
    await desk.run.ended
    await comesNoMore('unreached')
  })

  it('in a shared server whose warden nobody reaches: it is ended; one that answers for it keeps it', async () => {
    const desk = started('left')
    await until('it is set going', () => asked('left') > 2, START_MS_MAX)
    const another = await desk.ask(['contain', 'own'])
    assert.equal(another.code, 0, another.stdout + another.stderr)
    const meanwhile = asked('left')
    await until('an order to another agent leaves it', () => asked('left') > meanwhile + 2)
    for (const name of readdirSync(join(desk.state, 'control'))) rmSync(join(desk.state, 'control', name))
    const contained = await desk.ask(['contain', 'left'])
    assert.equal(contained.code, 0, contained.stdout + contained.stderr)
    assert.equal([...contained.stdout.matchAll(/^yes {2}processes of c_\S+ +no warden named it/gm)].length, 3)
    await comesNoMore('left')
    await desk.run.ended
  })
})
