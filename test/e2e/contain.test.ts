/** The stop, for real: a cell that ignores everything, spins, and goes on acting until it stands still. */
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { createHash, createPublicKey, verify } from 'node:crypto'
import { once } from 'node:events'
import { existsSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import process from 'node:process'
import { before, describe, it } from 'node:test'
import { askWardens } from '../../src/host/people/control-socket.ts'
import { againText } from '../../src/host/stop/fences.ts'
import { standingIn } from '../../src/host/stop/order/census.ts'
import { parseNote } from '../../src/ledger/log/note.ts'
import { monotonicUs } from '../../src/model/host/monotonic.ts'
import { agentName, personName } from '../../src/model/index.ts'
import {
  firebreak,
  ledgerOf,
  NODE_CELL,
  type Ran,
  type Running,
  repository,
  SKIP,
  startFirebreak,
} from '../kit/command-line.ts'
import { writeConfig } from '../kit/config-text.ts'
import { childrenOf } from '../kit/host.ts'
import { cleanUp, temporaryDirectory } from '../kit/temporary.ts'
import { until } from '../kit/until.ts'

const AGENTS = '/opt/lib/agents'
const cell = { files: { ...NODE_CELL.files, [AGENTS]: join(repository, 'test/e2e/agents') }, env: {} }
const MEMORY = '/opt/lib/node_modules/@modelcontextprotocol/server-memory/dist/index.js'
const MARIA = ['--as', 'maria.silva@shop.example', '--why', 'a test']

describe('S8, S9: the stop', { skip: SKIP }, () => {
  let config = ''
  const directory = temporaryDirectory()
  const fresh = () => join(temporaryDirectory(), 'state')

  before(async () => {
    config = writeConfig(directory, {
      upstreams: {
        memory: {
          mcp: { command: ['/opt/node', MEMORY], cell: { ...NODE_CELL, env: { MEMORY_FILE_PATH: '/tmp/graph.json' } } },
          tools: { create_entities: 'write' },
        },
      },
      agents: {
        alpha: { cell, command: ['/opt/node', `${AGENTS}/stubborn.ts`] },
        beta: { cell, command: ['/usr/bin/true'] },
      },
    })
    // What it makes is its own: no destination.
    const text = JSON.parse(readFileSync(config, 'utf8'))
    text.upstreams.memory.tools.create_entities = { effect: 'write', content: ['$'], accepts: ['untrusted'] }
    writeFileSync(config, JSON.stringify(text))
    const accepted = await firebreak(['accept', '--config', config, '--as', 'maria.silva@shop.example', '--yes'])
    assert.equal(accepted.code, 0, accepted.stderr)
  })

  const ask = (state: string, ...args: readonly string[]): Promise<Ran> =>
    firebreak([...args, '--config', config, '--state', state])

  async function acting(state: string): Promise<Running> {
    const run = startFirebreak(['run', '--config', config, '--agent', 'alpha', '--state', state])
    await until('it acts', () => run.stdout().split('done').length > 5)
    return run
  }

  it('contained means confirmed: nothing more is admitted, and it starts no more until a person lets it', async () => {
    const state = fresh()
    const run = await acting(state)
    const stopped = await ask(state, 'contain', 'alpha', ...MARIA, '--json')
    assert.equal(stopped.code, 0, stopped.stdout + stopped.stderr)
    const { confirmations, order } = JSON.parse(stopped.stdout.trim().split('\n').at(-1) ?? '')
    const points = confirmations.map((each: { point: string; by: string }) => `${each.point.split(' ')[0]} ${each.by}`)
    for (const point of ['gate gateway', 'connections kernel', 'processes kernel', 'its kernel', 'fence disk'])
      assert.ok(points.includes(point), `${point} in ${points}`)
    assert.ok(
      confirmations.every((each: { confirmed: boolean; escalated: boolean }) => each.confirmed && !each.escalated),
    )

    const entries = await ledgerOf(state)
    const lowered = entries.findIndex((entry) => entry.kind === 'rung.changed' && entry.to === 'frozen')
    assert.ok(lowered > 0)
    assert.equal(entries.slice(lowered).filter(({ kind }) => kind === 'action.intent').length, 0)
    const printed = run.stdout()
    await new Promise((done) => setTimeout(done, 500))
    assert.equal(run.stdout(), printed, 'not one more instruction')
    assert.equal((await ledgerOf(state)).filter(({ kind }) => kind === 'cell.contained').length, 1)
    receiptHolds(state, order)

    const listed = await ask(state, 'ps', '--json')
    assert.equal(JSON.parse(listed.stdout.trim().split('\n').at(-1) ?? '').contained.alpha.rung, 'frozen')
    assert.equal((await ask(state, 'kill', 'alpha', ...MARIA)).code, 0)
    await run.ended

    const again = await ask(state, 'run', '--agent', 'alpha')
    assert.equal(again.code, 5)
    assert.match(
      again.stderr,
      /alpha is killed, since .*, by maria\.silva@shop\.example: a test .* firebreak release alpha/,
    )
    assert.equal((await ask(state, 'run', '--agent', 'beta')).code, 0, 'others go on')

    assert.equal((await ask(state, 'release', 'alpha', '--reason', 'fine')).code, 2, 'nobody answers for it')
    const released = await ask(state, 'release', 'alpha', '--by', 'maria.silva@shop.example', '--reason', 'it is fine')
    assert.equal(released.code, 0, released.stderr)
    const up = (await ledgerOf(state)).filter((entry) => entry.kind === 'rung.changed').at(-1)
    assert.deepEqual(
      [up?.from, up?.to, up?.by, up?.why],
      ['killed', 'normal', 'maria.silva@shop.example', 'it is fine'],
    )
    const third = await acting(state)
    third.child.kill('SIGKILL')
    await third.ended
  })

  it('a gateway that stands still confirms nothing: it is ended, and the cell with it', async () => {
    const state = fresh()
    const run = await acting(state)
    const gateway = childrenOf(run.pid, 'gateway/main')[0] ?? assert.fail('there is no gateway')
    process.kill(gateway, 'SIGSTOP')
    const stopped = await ask(state, 'contain', 'alpha', ...MARIA, '--json')
    assert.equal(stopped.code, 0, stopped.stdout + stopped.stderr)
    const { confirmations } = JSON.parse(stopped.stdout.trim().split('\n').at(-1) ?? '')
    const gate = confirmations.find((each: { point: string }) => each.point === 'gate')
    assert.ok(gate.confirmed && gate.escalated, JSON.stringify(gate))
    assert.match(gate.said, /the gateway was ended, and its listeners with it/)
    assert.throws(() => process.kill(gateway, 0))
    // In a slow hour the gateway that takes its place has told it already.
    const isTold = (await ledgerOf(state)).some((e) => e.kind === 'cell.contained' && e.receipt.by === MARIA[1])
    if (!isTold) assert.match(stopped.stderr, /no gateway is there to tell the ledger: the next run does/)
    await run.ended
    assert.equal((await ask(state, 'run', '--agent', 'alpha')).code, 5)
    const stops = async () => (await ledgerOf(state)).flatMap((e) => (e.kind === 'cell.contained' ? [e] : []))
    assert.equal((await ask(state, 'run', '--agent', 'beta')).code, 0)
    const all = await stops()
    const by = all.map(({ receipt }) => receipt.by)
    assert.equal(new Set(by).size, by.length, `each told once: ${JSON.stringify(by)}`)
    const stop = all.find(({ receipt }) => receipt.by === MARIA[1])
    assert.deepEqual([stop?.agent, stop?.rung, stop?.receipt.contained], ['alpha', 'frozen', true])
    assert.match((await ask(state, 'logs')).stdout, /CONTAINED \(frozen\) by maria\.silva@shop\.example: a test/)
  })

  it('a warden that stands still is ended, and its stop comes into the ledger with the next run', async () => {
    const state = fresh()
    const run = await acting(state)
    process.kill(run.pid, 'SIGSTOP')
    const stopped = await ask(state, 'contain', 'alpha', ...MARIA)
    assert.equal(stopped.code, 0, stopped.stdout + stopped.stderr)
    assert.match(stopped.stdout, /^yes {2}warden \d+ +it did not answer, and was ended/m)
    assert.match(stopped.stderr, /no gateway is there to tell the ledger: the next run does/)
    await run.ended
    assert.equal((await ask(state, 'run', '--agent', 'beta')).code, 0)
    const stops = (await ledgerOf(state)).flatMap((e) => (e.kind === 'cell.contained' ? [e] : []))
    assert.deepEqual(
      stops.map(({ agent, rung, receipt: { by, why, contained, mayLandInAll } }) => {
        return [agent, rung, by, why, contained, typeof mayLandInAll]
      }),
      [['alpha', 'frozen', MARIA[1], 'a test', true, 'number']],
    )
  })

  it('goes to its end where nobody reads on what it says, and its exit code is its own', async () => {
    const state = fresh()
    const run = await acting(state)
    // Its warden hears nothing: the order has to end it, which comes after the first line.
    process.kill(run.pid, 'SIGSTOP')
    const words = ['kill', 'all', '--config', config, '--state', state, ...MARIA]
    const order = spawn(join(repository, 'bin/firebreak'), words, { stdio: ['ignore', 'pipe', 'pipe'] })
    cleanUp(() => void order.kill('SIGKILL'))
    for (const stream of [order.stdout, order.stderr]) stream.once('data', () => void stream.destroy())
    const [code] = await once(order, 'close')
    assert.equal(code, 0)
    assert.deepEqual(standingIn([state]), [])
    await run.ended
  })

  it('the fence outlives a warden that was killed, and holds where none runs', async () => {
    const state = fresh()
    const run = await acting(state)
    assert.equal((await ask(state, 'contain', 'alpha', ...MARIA)).code, 0)
    // A gateway that stands still does not end with its warden, and holds its connections and secrets.
    const gateway = childrenOf(run.pid, 'gateway/main')[0] ?? assert.fail('there is no gateway')
    process.kill(gateway, 'SIGSTOP')
    run.child.kill('SIGKILL')
    await run.ended
    assert.equal((await ask(state, 'contain', 'alpha', ...MARIA)).code, 0)
    const status = `/proc/${gateway}/status`
    // Nobody reaps it, perhaps: what has ended is a zombie then.
    assert.doesNotMatch(existsSync(status) ? readFileSync(status, 'utf8') : '', /^State:\t[^Z]/m)
    assert.equal((await ask(state, 'run', '--agent', 'alpha')).code, 5)
    const other = fresh()
    assert.equal((await ask(other, 'run', '--agent', 'beta')).code, 0)
    const stopped = await ask(other, 'contain', 'beta', ...MARIA)
    assert.match(stopped.stdout, /frozen: no cell of it runs/)
    assert.equal((await ask(other, 'run', '--agent', 'beta')).code, 5)
  })

  it('a fence that is missing or damaged starts nobody, and contain all mends it', async () => {
    const state = fresh()
    assert.equal((await ask(state, 'run', '--agent', 'beta')).code, 0)
    const file = join(state, 'fence', 'fence.json')
    for (const damage of [() => writeFileSync(file, '{}'), () => rmSync(file)]) {
      damage()
      const refused = await ask(state, 'run', '--agent', 'beta')
      assert.equal(refused.code, 7)
      assert.match(refused.stderr, /who is contained is not known|is damaged/)
      assert.equal((await ask(state, 'contain', 'beta', ...MARIA)).code, 1, 'one alone does not mend it')
      assert.equal((await ask(state, 'contain', 'all', ...MARIA)).code, 0)
      assert.equal((await ask(state, 'run', '--agent', 'beta')).code, 5)
      const released = await ask(state, 'release', 'beta', '--by', 'maria.silva@shop.example', '--reason', 'it is fine')
      assert.equal(released.code, 0, released.stderr)
      assert.equal((await ask(state, 'run', '--agent', 'beta')).code, 0)
    }
  })

  it('restricted and watched are told to the cell that runs, and to the next; quarantined, its server stands still', async () => {
    const state = fresh()
    const run = await acting(state)
    assert.equal((await ask(state, 'contain', 'alpha', '--rung', 'restricted', ...MARIA)).code, 0)
    await until('it is refused', () => run.stdout().includes('refused'))
    // The warden itself holds a release against the order that stands: no other one, and none that was never seen.
    const about = { environment: 'test', from: 'restricted', to: 'normal', why: 'a test' } as const
    const asked = { ...about, agent: agentName('alpha'), by: personName('maria'), askedUs: monotonicUs() }
    for (const seen of [{}, { seen: { order: 'o_0000000000000000', rung: 'restricted' } }] as const) {
      const [answer] = await askWardens(state, { kind: 'release', ...asked, ...seen }, () => undefined)
      assert.deepEqual([answer?.ok, answer?.said], [false, againText(asked.agent)])
    }
    assert.equal((await ledgerOf(state)).filter((entry) => entry.kind === 'rung.changed').length, 1, 'nor the ledger')
    const released = await ask(state, 'release', 'alpha', '--by', 'maria.silva@shop.example', '--reason', 'it is fine')
    assert.equal(released.code, 0, released.stderr)
    const printed = run.stdout().length
    // No warden is reached: that it runs is the kernel's word, and nothing is called restricted.
    renameSync(join(state, 'control'), join(state, 'aside'))
    const unreached = await ask(state, 'contain', 'alpha', '--rung', 'watched', ...MARIA)
    renameSync(join(state, 'aside'), join(state, 'control'))
    assert.equal(unreached.code, 1, unreached.stdout)
    assert.match(unreached.stdout, /^NO {3}cell c_\S+ +it runs, and no warden that was asked tells of it/m)
    assert.match(unreached.stdout, /NOT CONTAINED/)
    await until('it acts again', () => run.stdout().slice(printed).includes('done'))
    // Its server is no relay: it stands still all the same, by the order and not because nobody named it. And a server
    // alone is nobody that could be contained: named by itself, it means the cell on whose word it acts.
    const [server] = standingIn([state]).filter(({ about }) => about?.part === 'server')
    const cutOff = await ask(state, 'contain', String(server?.cell), '--rung', 'quarantined', ...MARIA)
    assert.match(cutOff.stdout, /^c_[0-9a-z]{16} is a server that acts for c_[0-9a-z]{16}, /m)
    assert.match(cutOff.stdout, /^yes {2}connections of c_/m)
    assert.equal(cutOff.code, 0, cutOff.stdout + cutOff.stderr)
    assert.match(cutOff.stdout, /^yes {2}its server c_/m)
    assert.doesNotMatch(cutOff.stdout, /no warden named it/)
    // A frozen one that no warden is reached for is ended: who holds it may let it go.
    assert.equal((await ask(state, 'contain', 'alpha', '--rung', 'frozen', ...MARIA)).code, 0)
    renameSync(join(state, 'control'), join(state, 'aside'))
    const killed = await ask(state, 'kill', 'alpha', ...MARIA)
    renameSync(join(state, 'aside'), join(state, 'control'))
    assert.equal(killed.code, 0, killed.stdout)
    assert.match(killed.stdout, /^yes {2}processes of c_\S+ +no warden named it, and it was ended/m)
    assert.equal((await ask(state, 'kill', 'environment-that-is-none')).code, 2)
    assert.equal((await ask(state, 'kill', 'test', ...MARIA)).code, 0)
    await run.ended
  })
})

/** Signed with the warden's key, over exactly what it says. */
function receiptHolds(state: string, order: string): void {
  const directory = join(state, 'receipts')
  const note = readFileSync(join(directory, `${order}.note`), 'utf8')
  const [, x = ''] = /^[^+]+\+[0-9a-f]{8}\+(\S+)$/m.exec(readFileSync(join(directory, 'warden.pub'), 'utf8')) ?? []
  const parsed = parseNote(note.length > 4_096 ? `x\n${note.slice(note.lastIndexOf('\n\n') + 1)}` : note)
  assert.ok(parsed.ok, JSON.stringify(parsed))
  const text = note.slice(0, note.lastIndexOf('\n\n') + 1)
  const raw = Buffer.from(x, 'base64').subarray(1)
  const key = createPublicKey({ key: { kty: 'OKP', crv: 'Ed25519', x: raw.toString('base64url') }, format: 'jwk' })
  const [signature] = parsed.value.signatures
  assert.ok(signature && verify(null, Buffer.from(text), key, signature.bytes))
  assert.equal(verify(null, Buffer.from(text.replace('true', 'fals')), key, signature.bytes), false)
  const receipt = JSON.parse(text)
  assert.equal(receipt.contained, true)
  const [evidence] = Object.values(receipt.evidence) as {
    processes: { command: string; environment: string[] }[]
    files: { added: number; paths: string[] }
  }[]
  const processes = evidence?.processes
  const entries = readFileSync(join(directory, receipt.entries.file), 'utf8')
  assert.equal(createHash('sha256').update(entries).digest('hex'), receipt.entries.sha256)
  assert.ok(receipt.entries.whole && entries.includes('"kind":"rung.changed"') && entries.includes('"action.outcome"'))
  assert.ok(
    processes?.some(({ command }) => command.includes('for (;;)')),
    JSON.stringify(processes),
  )
  assert.ok(processes?.every((each) => each.environment.every((name) => !name.includes('='))))
}
