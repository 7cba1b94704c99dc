import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { beforeEach, describe, it } from 'node:test'
import { memoryDriver } from '../../src/cells/memory/driver.ts'
import type { ScriptedProgram, ScriptStep } from '../../src/cells/memory/program.ts'
import type { CellSpec } from '../../src/cells/spec.ts'
import { newCellId } from '../../src/model/ids.ts'
import { contract } from './contract.ts'

const programs = new Map<string, ScriptedProgram>([
  ['hello', () => [{ say: 'hello\n' }, { end: 3 }]],
  ['ticks', ticking],
])

function* ticking(): Iterable<ScriptStep> {
  for (;;) {
    yield { say: 'tick\n' }
    yield { forMs: 5 }
  }
}

const driver = memoryDriver(programs)
contract({
  driver,
  census: driver.census,
  commands: { hello: ['hello'], ticks: ['ticks'] },
  async leaveDead(spec) {
    const warden = await driver.open({})
    assert.ok(warden.ok)
    const cell = await warden.value.launch(spec)
    assert.ok(cell.ok && cell.value.start().ok)
    warden.value.die()
    return { runDirectories: [warden.value.runDirectory] }
  },
})

describe('a fault that is planted', () => {
  const faulty = memoryDriver(programs)
  beforeEach(() => {
    for (const step of Object.keys(faulty.faults)) delete faulty.faults[step as keyof typeof faulty.faults] // its own keys
  })
  const spec = (): CellSpec => ({
    id: newCellId(randomBytes(16)),
    command: ['ticks'],
    variables: {},
    root: { kind: 'host-usr' },
    files: [],
    limits: { memoryBytes: 256 * 1024 ** 2, cpu: 1, pids: 32 },
    ports: [],
    stdio: { kind: 'pipes' },
    protectedPaths: [],
  })
  const opened = async () => {
    const warden = await faulty.open({})
    assert.ok(warden.ok)
    return warden.value
  }
  const launched = async () => {
    const cell = await (await opened()).launch(spec())
    assert.ok(cell.ok)
    return cell.value
  }
  const WHY = 'planted'

  it('keeps a driver from fitting, and a cell from being launched', async () => {
    faulty.faults.fit = WHY
    assert.match(JSON.stringify(faulty.unfit('full')), /the full profile: planted/)
    faulty.faults.launch = WHY
    assert.match(JSON.stringify(await (await opened()).launch(spec())), /planted/)
    delete faulty.faults.launch
    faulty.faults.listen = WHY
    assert.match(JSON.stringify(await (await opened()).launch(spec())), /planted/)
  })

  it('keeps a cell from beginning, standing still, going on, and being told', async () => {
    const cell = await launched()
    faulty.faults.begin = WHY
    assert.deepEqual(cell.start(), { ok: false, reason: WHY })
    delete faulty.faults.begin
    assert.ok(cell.start().ok)
    for (const [step, act] of [
      ['freeze', () => cell.halt('frozen')],
      ['thaw', () => cell.thaw()],
      ['connections', () => cell.connections(0)],
      ['listen', () => cell.listenAgain()],
      ['kill', () => cell.halt('killed')],
    ] as const) {
      faulty.faults[step] = WHY
      const done = await act()
      assert.ok(!done.ok && JSON.stringify(done.reason).includes(WHY), step)
      delete faulty.faults[step]
      assert.ok((await act()).ok, `control: ${step}`)
    }
    assert.ok((await cell.teardown()).gone)
  })

  it('leaves something of a cell, and of a dead warden', async () => {
    const cell = await launched()
    cell.start()
    faulty.faults.kill = WHY
    const { gone, checks } = await cell.teardown()
    assert.equal(gone, false)
    assert.ok(checks.some((check) => !check.gone && check.detail === 'its script goes on'))
    delete faulty.faults.kill
    assert.ok((await cell.halt('killed')).ok)
    const dying = await opened()
    assert.ok((await dying.launch(spec())).ok)
    dying.die()
    faulty.faults.reap = WHY
    assert.deepEqual(
      (await faulty.census.reap([])).map(({ left }) => left),
      [[WHY]],
    )
    delete faulty.faults.reap
    assert.deepEqual(
      (await faulty.census.reap([])).map(({ left }) => left),
      [[]],
    )
    assert.deepEqual(await faulty.census.reap([]), [])
  })
})
