/** S8, S9, S13, S14: a host that is up, and runs that are its clients. */
import assert from 'node:assert/strict'
import { appendFileSync, existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import process from 'node:process'
import { describe, it } from 'node:test'
import { shownBy } from '../../src/host/state/shown-by.ts'
import { firebreak, SKIP, startFirebreak } from '../kit/command-line.ts'
import { writeConfig } from '../kit/config-text.ts'
import { childrenOf } from '../kit/host.ts'
import { hostUp } from '../kit/host-up.ts'
import { temporaryDirectory } from '../kit/temporary.ts'
import { until } from '../kit/until.ts'

const RUNS = '/run/firebreak'
const TICKS = 'while :; do echo tick; sleep 0.05; done'

/** Agents `alpha` of `test` and `omega` of `live`, and a host that is up over them. */
async function scene() {
  const directory = temporaryDirectory()
  const state = join(directory, 'state')
  const config = writeConfig(directory, {
    environments: { test: {}, live: {} },
    upstreams: {},
    agents: { alpha: { grants: [] }, omega: { grants: [], environment: 'live' } },
  })
  const at = ['--config', config, '--state', state]
  const host = await hostUp(at)
  return {
    state,
    host,
    at,
    run: (agent: string, script: string) => startFirebreak(['run', '--agent', agent, ...at, '--', 'sh', '-c', script]),
    cells: async () => {
      const { stdout } = await firebreak(['ps', '--state', state, '--json'])
      const told = JSON.parse(stdout.trim().split('\n').at(-1) ?? '') as {
        readonly cells: readonly { readonly agent: string }[]
      }
      return told.cells.map(({ agent }) => agent).toSorted()
    },
  }
}

describe('a host that is up', { skip: SKIP }, () => {
  it('runs programs for its clients with their streams, exit codes and signals; down ends it in order', async () => {
    const { state, host, at, run, cells } = await scene()
    const second = await firebreak(['up', ...at])
    assert.equal(second.code, 1)
    assert.match(second.stderr, /a host is up: process \d+/)
    const plain = await run('alpha', 'echo out; echo err >&2; exit 7').ended
    assert.deepEqual([plain.code, plain.stdout, plain.stderr], [7, 'out\n', 'err\n'])
    assert.equal(childrenOf(host.pid, 'gateway/main').length, 1, 'it ran there')

    const signalled = run('alpha', `trap 'echo caught; exit 3' TERM; echo ready; ${TICKS}`)
    const omega = run('omega', TICKS)
    await until('both run', () => signalled.stdout().includes('tick') && omega.stdout().includes('tick'))
    assert.deepEqual(await cells(), ['alpha', 'omega'])
    assert.ok(shownBy([RUNS]).includes(omega.pid), 'S9: whoever shows a cell is known')
    signalled.child.kill('SIGTERM')
    const caught = await signalled.ended
    assert.equal(caught.code, 3)
    assert.match(caught.stdout, /caught\n$/)

    assert.equal((await firebreak(['down', '--state', state])).code, 0)
    assert.equal((await host.ended).code, 0)
    await omega.ended
    assert.ok(!existsSync(`/proc/${host.pid}`) || childrenOf(host.pid, 'gateway/main').length === 0)
    assert.deepEqual(readdirSync(join(state, 'control')), [])
    assert.ok(!shownBy([RUNS]).includes(omega.pid))
    assert.equal((await firebreak(['down', '--state', state])).code, 1, 'there is none any more')
    assert.equal((await run('alpha', 'exit 4').ended).code, 4, 'a run has a host of its own then')
  })

  it('a run that is killed takes its cell along, and a host that is killed all of its cells', async () => {
    const { host, run, cells } = await scene()
    const [alpha, omega] = [run('alpha', TICKS), run('omega', TICKS)]
    await until('both run', () => alpha.stdout().includes('tick') && omega.stdout().includes('tick'))
    alpha.child.kill('SIGKILL')
    await until('its cell is gone', async () => (await cells()).join() === 'omega')
    const before = omega.stdout().length
    await until('the other goes on', () => omega.stdout().length > before)
    host.child.kill('SIGKILL')
    const lost = await omega.ended
    assert.equal(lost.code, 1)
    assert.match(lost.stderr, /the host has ended, and the cell with it/)
  })

  it('S14: puts another gateway in the place of one that is killed: its run goes on, the other environment does not notice', async () => {
    const { host, run, cells } = await scene()
    const [alpha, omega] = [run('alpha', TICKS), run('omega', TICKS)]
    await until('both run', () => alpha.stdout().includes('tick') && omega.stdout().includes('tick'))
    const known = childrenOf(host.pid, 'gateway/main')
    const [lost] = known
    assert.ok(lost)
    process.kill(lost, 'SIGKILL')
    await until('another is there', () => childrenOf(host.pid, 'gateway/main').some((pid) => !known.includes(pid)))
    const [before, other] = [alpha.stdout().length, omega.stdout().length]
    await until('both go on', () => alpha.stdout().length > before && omega.stdout().length > other)
    assert.deepEqual(await cells(), ['alpha', 'omega'])
    for (const { child } of [alpha, omega]) child.kill('SIGTERM')
    const told = await Promise.all([alpha.ended, omega.ended])
    const lines = told.filter(({ stderr }) => /its gateway was lost .*goes on with another, watched/.test(stderr))
    assert.equal(lines.length, 1, 'its own person hears of it, and nobody else')
  })

  it('goes on without the terminal that it was started on, and says where it writes', async () => {
    const { state, at, host } = await scene()
    assert.equal((await firebreak(['down', '--state', state])).code, 0)
    await host.ended
    const up = await firebreak(['up', '--detach', '--json', ...at])
    assert.equal(up.code, 0, up.stderr)
    const { pid, log } = JSON.parse(up.stdout) as { readonly pid: number; readonly log: string }
    process.kill(pid, 'SIGHUP')
    const listed = await firebreak(['ps', '--state', state, '--json'])
    assert.equal((JSON.parse(listed.stdout) as { readonly host: number }).host, pid)
    assert.match(readFileSync(log, 'utf8'), /up: process \d+ holds the agents of/)
    process.kill(pid, 'SIGTERM')
    await until('it has ended', () => !existsSync(`/proc/${pid}`))
    assert.match(readFileSync(log, 'utf8'), /down\n$/)
  })

  it('S10: refuses a run whose own process has another secret than the host, by its variable', async () => {
    const directory = temporaryDirectory()
    const config = writeConfig(directory, {
      environments: { test: {} },
      upstreams: { desk: { mcp: { url: 'https://desk.example/mcp', headers: { 'x-key': '${secret:key}' } } } },
      agents: { alpha: { grants: [] } },
      secrets: { key: { env: 'FIREBREAK_TEST_PAY' } },
    })
    const at = ['--config', config, '--state', join(directory, 'state')]
    const host = await hostUp(at, { FIREBREAK_TEST_PAY: 'production-key' })
    const run = await firebreak(['run', ...at, '--', 'true'], { FIREBREAK_TEST_PAY: 'sandbox-key' })
    assert.equal(run.code, 1, run.stderr)
    assert.match(
      run.stderr,
      /not started: the secret "key" is in FIREBREAK_TEST_PAY here, and the host was started with/,
    )
    assert.equal((await firebreak(['down', '--state', join(directory, 'state')])).code, 0)
    await host.ended
  })

  it('S8, S9: an order to all stops its cells, and keeps what would start; after a release it starts again', async () => {
    const { at, host, run } = await scene()
    const alpha = run('alpha', TICKS)
    await until('it runs', () => alpha.stdout().includes('tick'))
    const contained = await firebreak(['kill', 'all', '--why', 'a test', ...at])
    assert.equal(contained.code, 0, contained.stdout + contained.stderr)
    await alpha.ended
    assert.equal((await run('alpha', 'exit 4').ended).code, 5)
    const by = ['--by', 'ana.costa@shop.example', '--reason', 'a test', ...at]
    const released = await firebreak(['release', 'alpha', ...by])
    assert.equal(released.code, 0, released.stderr)
    assert.equal((await run('alpha', 'exit 4').ended).code, 4)
    assert.equal((await run('omega', 'exit 4').ended).code, 5)
    appendFileSync(at[1] ?? '', '\n')
    const narrowed = await run('alpha', 'exit 4').ended
    assert.match(narrowed.stderr, /the configuration is another than the host has read/)
    assert.ok(existsSync(`/proc/${host.pid}`), 'the host went on all the while')
  })
})
