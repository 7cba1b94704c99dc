/** A stdio server that ends while its agent lives: started again a few times, then given up, and every call told the truth. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { existsSync, readFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { networkInterfaces } from 'node:os'
import { join } from 'node:path'
import process from 'node:process'
import { describe, it } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { definitionDigest } from '../../src/gateway/protocols/mcp/contract/definition.ts'
import { writeAccepted } from '../../src/host/prepare/accepted.ts'
import { personName, toolName, upstreamName } from '../../src/model/index.ts'
import { firebreak, ledgerOf, NODE_CELL, type Running, repository, SKIP, startFirebreak } from '../kit/command-line.ts'
import { writeConfig } from '../kit/config-text.ts'
import { programs } from '../kit/host.ts'
import { cleanUp, temporaryDirectory } from '../kit/temporary.ts'
import { until } from '../kit/until.ts'
import { definitionOf } from './agents/lying-server.ts'

const AGENTS = { ...NODE_CELL.files, '/opt/agents': join(repository, 'test/e2e/agents') }

/** An agent that calls one tool of a stdio server, again and again. */
function runWith(
  command: readonly string[],
  tool = 'honest',
): {
  readonly run: Running
  readonly state: string
  readonly log: () => string
} {
  const directory = temporaryDirectory()
  const state = join(directory, 'state')
  const log = join(state, 'log/upstream-liar.log')
  const config = writeConfig(directory, {
    upstreams: { liar: { mcp: { command, cell: { files: AGENTS } }, tools: { [tool]: 'write' } } },
    agents: { alpha: { cell: { files: AGENTS } } },
  })
  const definition = definitionOf(tool)
  const by = { acceptedBy: personName('maria.silva@shop.example'), acceptedAtMs: Date.now() }
  const accepted = { name: toolName(tool), definition, digest: definitionDigest(definition), ...by }
  writeAccepted(config, new Map([[upstreamName('liar'), new Map([[toolName(tool), accepted]])]]))
  const agent = ['--', '/opt/node', '/opt/agents/steady.ts', `liar__${tool}`]
  const run = startFirebreak(['run', '-c', config, '-a', 'alpha', '--state', state, ...agent])
  return { run, state, log: () => (existsSync(log) ? readFileSync(log, 'utf8') : '') }
}

const GIVEN_UP = /^firebreak: liar: its server has ended 6 times: not started again before 20\S+Z$/

function said({ run }: { readonly run: Running }): readonly string[] {
  return run.stdout().split('\n').slice(0, -1)
}

describe('S14: a stdio server that ends', { skip: SKIP, concurrency: true }, () => {
  it('S14: killed: one call fails and says so, at the most; the next ones find a new server', async () => {
    const token = `restarts-${process.pid}`
    const scene = runWith(['/opt/node', '/opt/agents/lying-server.ts', token])
    await until('the server answers', () => said(scene).includes('honest'))
    const [server = 0, ...others] = programs('/opt/node', token)
    assert.deepEqual(others, [])
    process.kill(server, 'SIGKILL')
    await until('another one runs', () => programs('/opt/node', token).some((pid) => pid !== server))
    const before = said(scene).length
    await until('the next are answered', () => said(scene).length > before + 5)
    // A call that came while there was none says so; one that came between two servers has waited for the next.
    const failed = said(scene).filter((line) => line !== 'honest')
    assert.ok(failed.length <= 1, failed.join('; '))
    assert.deepEqual(said(scene).slice(-3), ['honest', 'honest', 'honest'])
    for (const line of failed) {
      const [, outcome, reference] = /^(it was not sent|no answer came) \(reference (a_\w+)\)$/.exec(line) ?? []
      const recorded = (await ledgerOf(scene.state)).find(
        (entry) => entry.kind === 'action.outcome' && entry.action === reference,
      )
      assert.equal(
        recorded?.kind === 'action.outcome' && recorded.outcome,
        outcome === 'it was not sent' ? 'not-sent' : 'unknown',
      )
    }
    const [next = 0] = programs('/opt/node', token)
    assert.ok(next !== server && next > 0)
    scene.run.child.kill('SIGTERM')
    assert.equal((await scene.run.ended).code, 143)
    assert.deepEqual(programs('/opt/node', token), [], 'it ends with its agent, and is not started again')
  })

  it('S14: one that is given up, and does not end of that, is ended with its cell; the next call finds a new one', async () => {
    const token = `deaf-${process.pid}`
    const command = ['/opt/node', '/opt/agents/lying-server.ts', token, '--deaf']
    const scene = runWith(command, 'endless-line')
    await until('it is called', () => programs('/opt/node', token).length > 0)
    const [first = 0] = programs('/opt/node', token)
    // Its line without an end is cut, and nobody reads it any more.
    await until('a call has ended', () => said(scene).length > 0)
    assert.match(said(scene)[0] ?? '', /^no answer came \(reference a_\w+\)$/)
    await until('another one runs', () => programs('/opt/node', token).some((pid) => pid !== first))
    assert.equal(programs('/opt/node', token).length, 1, 'and not beside it')
    const calls = said(scene).length
    await until('it is called, too', () => said(scene).length > calls)
    assert.match(said(scene)[calls] ?? '', /^no answer came/)
    scene.run.child.kill('SIGTERM')
    assert.equal((await scene.run.ended).code, 143)
    assert.deepEqual(programs('/opt/node', token), [])
  })

  it('S17: one that keeps ending is started six times in all, then given up; the agent and its owner are told', async () => {
    // Each ends once it is spoken to: a slow host has an agent that calls before the last of them is gone.
    const scene = runWith(['/bin/sh', '-c', 'echo begun >&2; read -r _'])
    await until('it is given up', () => scene.log().includes('firebreak:'))
    // Longer than what lies between two starts.
    await delay(700)
    const lines = scene.log().trimEnd().split('\n')
    assert.deepEqual(lines.filter((line) => line === 'begun').length, 6)
    const notes = lines.filter((line) => line !== 'begun')
    assert.equal(notes.length, 1)
    assert.match(notes[0] ?? '', GIVEN_UP)
    const before = said(scene).length
    // A call that waited for it to come would take 15 s.
    await until('calls are refused without a wait', () => said(scene).length > before + 20)
    const told = said(scene)
    for (const line of told) assert.match(line, /^the upstream cannot be reached \(reference a_\w+\)$/)
    scene.run.child.kill('SIGTERM')
    assert.equal((await scene.run.ended).code, 143)
    const reference = /a_\w+/.exec(told[0] ?? '')?.[0] ?? ''
    const why = await firebreak(['why', reference, '--state', scene.state])
    assert.match(why.stdout, /the upstream is unavailable: liar: it ended before it answered — nothing leaves until/)
    const last = await firebreak(['why', /a_\w+/.exec(told.at(-1) ?? '')?.[0] ?? '', '--state', scene.state])
    assert.match(
      last.stdout.replaceAll(/\s+/g, ' '),
      /unavailable: liar: its server has ended 6 times: not started again before/,
    )
  })

  it('S6: S1: a stdio server has no network, by any address of the host', async () => {
    let reached = 0
    const server = createServer((socket) => {
      reached++
      socket.destroy()
    })
    server.listen(0, '::')
    cleanUp(() => void server.close())
    await once(server, 'listening')
    const address = server.address()
    const port = typeof address === 'object' && address !== null ? address.port : 0
    const outer = Object.values(networkInterfaces()).flatMap((each) => each?.map((at) => at.address) ?? [])
    const hosts = [...new Set(['127.0.0.1', '::1', ...outer])].filter((host) => !host.startsWith('fe80'))
    const tries = `for (const host of ${JSON.stringify(hosts)})
      require('net').connect(${port}, host).on('connect', () => console.error('REACHED', host)).on('error', (e) => console.error('no', e.code))`
    const scene = runWith(['/opt/node', '-e', tries])
    const told = () =>
      scene
        .log()
        .split('\n')
        .filter((line) => /^(no|REACHED) /.test(line))
    await until('every address was tried', () => told().length >= hosts.length)
    assert.deepEqual(
      told().filter((line) => line.startsWith('REACHED')),
      [],
    )
    assert.equal(reached, 0)
    scene.run.child.kill('SIGTERM')
    await scene.run.ended
  })
})
