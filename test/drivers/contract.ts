/** What every driver promises, asked of one: the same tests run over each. */
import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import type { Census } from '../../src/cells/census.ts'
import type { Cell, Driver, Warden } from '../../src/cells/driver.ts'
import type { CellSpec } from '../../src/cells/spec.ts'
import { newCellId } from '../../src/model/ids.ts'
import { no, ok } from '../../src/model/result.ts'
import { transportOf } from '../kit/listener.ts'

/** A driver, and what a test must know to let its cells do something. */
export interface Contracted {
  readonly driver: Driver
  readonly census: Census
  /** Commands of which one says `hello` and ends with 3, and one says `tick` again and again. */
  readonly commands: { readonly hello: CellSpec['command']; readonly ticks: CellSpec['command'] }
  /** Lets a warden die beside a cell of it that has begun, about `about`; returns that cell and where to look for it. */
  readonly leaveDead: (spec: CellSpec) => Promise<{ readonly runDirectories: readonly string[] }>
}

export function contract({ driver, census, commands, leaveDead }: Contracted, skip: string | false = false): void {
  describe(`driver ${driver.name}`, { skip }, () => {
    const directory = mkdtempSync(join(tmpdir(), 'firebreak-driver-'))
    let warden: Warden
    before(async () => {
      const opened = await driver.open({})
      assert.ok(opened.ok, JSON.stringify(opened))
      warden = opened.value
    })
    after(async () => {
      await warden.close()
      rmSync(directory, { recursive: true, force: true })
    })

    const asked = (command: CellSpec['command'], changes: Partial<CellSpec> = {}): CellSpec => ({
      id: newCellId(randomBytes(16)),
      command,
      variables: { PATH: '/usr/bin:/bin', TOKEN: 'its value' },
      root: { kind: 'host-usr' },
      files: [],
      limits: { memoryBytes: 256 * 1024 ** 2, cpu: 1, pids: 32, wallMs: 600_000 },
      ports: [7070],
      stdio: { kind: 'pipes' },
      protectedPaths: [],
      ...changes,
    })
    const launched = async (...spec: Parameters<typeof asked>): Promise<Cell> => {
      const cell = await warden.launch(asked(...spec))
      assert.ok(cell.ok, JSON.stringify(cell))
      return cell.value
    }
    let outputs = 0
    /** Takes what a cell says; `said` is as much of it as has come. */
    const heard = (cell: Cell) => {
      const path = join(directory, `said-${++outputs}`)
      const [stdin, stdout] = [openSync('/dev/null', 'r'), openSync(path, 'w')]
      const pump = cell.pump({ stdin, stdout, stderr: stdout })
      void pump.done.then(() => {
        for (const fd of [stdin, stdout]) closeSync(fd)
      })
      return { done: pump.done, said: () => readFileSync(path, 'utf8') }
    }
    const until = async (what: string, holds: () => boolean) => {
      for (let spentMs = 0; !holds(); spentMs += 10) {
        assert.ok(spentMs < 20_000, what)
        await delay(10)
      }
    }

    it('tells its abilities, and fits the profile that it opens with', async () => {
      const { kernel, findings, promises } = await driver.abilities()
      assert.notEqual(kernel, '')
      assert.ok(findings.every(({ holds, fix }) => holds === (fix === undefined)))
      assert.ok(promises.every(({ promise }) => /^S\d+ /.test(promise)))
      assert.equal(driver.unfit(warden.profile), undefined)
    })

    it('launches a cell that waits: nothing of it has run, and its receipt tells no value', async () => {
      const cell = await launched(commands.hello)
      const { done, said } = heard(cell)
      await delay(100)
      assert.equal(said(), '')
      assert.deepEqual(cell.receipt.command, commands.hello)
      assert.deepEqual(cell.receipt.variables, ['PATH', 'TOKEN'])
      assert.ok(!JSON.stringify(cell.receipt).includes('its value'))
      assert.equal(cell.door.listeners.length, 1)
      assert.deepEqual(await cell.connections(process.pid), ok(1))
      assert.ok((await cell.left()).length > 0)
      const { gone } = await cell.teardown()
      assert.ok(gone)
      assert.equal((await cell.exited).why, 'never-started')
      await done
      assert.equal(said(), '')
    })

    it('begins once, closes its own listeners first, and passes on what the cell says', async () => {
      const cell = await launched(commands.hello)
      const { done, said } = heard(cell)
      assert.deepEqual([cell.start(), cell.start()], [ok(undefined), ok(undefined)])
      assert.ok(cell.door.listeners.every(({ open }) => !open))
      const { code, why } = await cell.exited
      assert.deepEqual([code, why], [3, 'ended'])
      await done
      assert.equal(said(), 'hello\n')
      assert.ok((await cell.teardown()).gone)
    })

    it('asks whether a cell may begin in the tick in which it would, and leaves it where it may not', async () => {
      let may = true
      const asking = await warden.launch(asked(commands.hello), () =>
        may ? ok(undefined) : no('it was ordered to stop'),
      )
      assert.ok(asking.ok)
      may = false
      assert.deepEqual(asking.value.start(), no('it was ordered to stop'))
      assert.ok((await asking.value.teardown()).gone)
      assert.equal((await asking.value.exited).why, 'never-started')
    })

    it('freezes with a proof: nothing runs until it is thawed, however often it is frozen', async () => {
      const cell = await launched(commands.ticks)
      const { said } = heard(cell)
      cell.start()
      await until('it runs', () => said().includes('tick'))
      for (const _ of ['once', 'again']) {
        const proof = await cell.halt('frozen')
        assert.ok(proof.ok, JSON.stringify(proof))
        assert.notEqual(proof.value.said, '')
        assert.ok(Math.abs(Date.now() - proof.value.atMs) < 10_000)
      }
      // What it had said before is on its way.
      await delay(100)
      const before = said()
      await delay(300)
      assert.equal(said(), before)
      const { processesInAll } = await cell.evidence()
      assert.ok(Number(processesInAll) > 0)
      assert.ok((await cell.thaw()).ok)
      await until('it goes on', () => said().length > before.length)
      assert.ok((await cell.teardown()).gone)
    })

    it('kills with a proof, also what stands frozen, and nothing is left', async () => {
      for (const frozen of [false, true]) {
        const cell = await launched(commands.ticks)
        const { said } = heard(cell)
        cell.start()
        await until('it runs', () => said().includes('tick'))
        if (frozen) assert.ok((await cell.halt('frozen')).ok)
        const proof = await cell.halt('killed')
        assert.ok(proof.ok, JSON.stringify(proof))
        assert.notEqual(proof.value.said, '')
        assert.deepEqual(await cell.left(), [])
        const { code, why } = await cell.exited
        assert.deepEqual([code, why], [137, 'killed'])
        assert.ok((await cell.halt('killed')).ok, 'and says so again')
        assert.ok((await cell.teardown()).gone)
      }
    })

    it('ends a cell by a signal to its command, or by its clock', async () => {
      const signalled = await launched(commands.ticks)
      assert.equal(signalled.signal(15), false, 'it has not begun')
      const { said } = heard(signalled)
      signalled.start()
      await until('it runs', () => said().includes('tick'))
      assert.equal(signalled.signal(15), true)
      assert.deepEqual([(await signalled.exited).code, (await signalled.exited).why], [143, 'ended'])
      const limits = { memoryBytes: 256 * 1024 ** 2, cpu: 1, pids: 32, wallMs: 300 }
      const late = await launched(commands.ticks, { limits })
      late.start()
      const { why, limits: reached } = await late.exited
      assert.equal(why, 'wall-clock')
      assert.deepEqual(reached, [{ limit: 'wall' }])
      for (const cell of [signalled, late]) assert.ok((await cell.teardown()).gone)
    })

    it('makes listeners anew for a cell that lives, and for no other', async () => {
      const cell = await launched(commands.ticks)
      cell.start()
      assert.deepEqual(await cell.connections(process.pid), ok(0))
      const again = await cell.listenAgain()
      assert.ok(again.ok, JSON.stringify(again))
      assert.equal(again.value.length, 1)
      for (const listener of again.value) listener.close()
      await cell.halt('killed')
      await cell.exited
      assert.ok(!(await cell.listenAgain()).ok)
      assert.ok((await cell.teardown()).gone)
    })

    it('makes a door for each port of every address, behind those of its loopback', async () => {
      const anywhere = [
        { transport: 'tcp', port: 443 },
        { transport: 'udp', port: 53 },
      ] as const
      const cell = await launched(commands.ticks, { anywhere })
      assert.deepEqual(cell.receipt.anywhere, anywhere)
      assert.deepEqual(
        cell.door.listeners.map(({ fd }) => transportOf(fd)),
        ['tcp', 'tcp', 'udp'],
      )
      assert.deepEqual(await cell.connections(process.pid), ok(3))
      cell.start()
      assert.ok(cell.door.listeners.every(({ open }) => !open))
      assert.deepEqual(await cell.connections(process.pid), ok(0))
      const again = await cell.listenAgain()
      assert.ok(again.ok, JSON.stringify(again))
      assert.deepEqual(
        again.value.map(({ fd }) => transportOf(fd)),
        ['tcp', 'tcp', 'udp'],
      )
      assert.deepEqual(await cell.connections(process.pid), ok(3))
      for (const listener of again.value) listener.close()
      assert.ok((await cell.teardown()).gone)
      const other = await launched(commands.ticks)
      assert.ok(!('anywhere' in other.receipt))
      assert.ok((await other.teardown()).gone)
    })

    it('tears down with a receipt that names each check, the same one however often', async () => {
      const cell = await launched(commands.ticks)
      cell.start()
      const [one, other] = await Promise.all([cell.teardown(), cell.teardown()])
      assert.equal(one, other)
      assert.equal(one.cell, cell.id)
      assert.ok(one.gone && one.checks.length > 0 && one.checks.every(({ gone, detail }) => gone && detail !== ''))
      assert.ok(one.checks.some(({ what }) => what === 'processes'))
      assert.ok(cell.door.listeners.every(({ open }) => !open))
    })

    it('refuses what contradicts itself, before anything is made', async () => {
      const wrong = [
        asked(commands.hello, { ports: [7070, 7070] }),
        asked(commands.hello, { limits: { memoryBytes: 1, cpu: 1, pids: 32 } }),
        asked(['\0']),
        asked(commands.hello, { anywhere: [{ transport: 'tcp', port: 7070 }] }),
        asked(commands.hello, { anywhere: [{ transport: 'udp', port: 1_024 }] }),
      ]
      for (const spec of wrong) {
        const refused = await warden.launch(spec)
        assert.ok(!refused.ok && refused.reason.kind === 'spec', JSON.stringify(refused))
        assert.deepEqual(driver.refusal(spec), refused.reason)
      }
      assert.equal(driver.refusal(asked(commands.hello)), undefined)
    })

    it('gives a workspace to one cell at a time', async () => {
      const lower = mkdtempSync(join(directory, 'work-'))
      const workspace = { lower, changes: join(directory, 'changes'), at: '/work' }
      const cell = await launched(commands.ticks, { workspace })
      const second = await warden.launch(asked(commands.ticks, { workspace }))
      assert.ok(!second.ok && second.reason.kind === 'workspace', JSON.stringify(second))
      assert.match(second.reason.problem, new RegExp(`^in use by .*${cell.id}`))
      assert.ok((await cell.teardown()).gone)
    })

    it('finds a cell without its warden, and reaps it once that is dead', async () => {
      const about = { part: 'agent', state: directory, environment: 'test', agent: 'desk' } as const
      const cell = await launched(commands.ticks, { about })
      cell.start()
      const at = { runDirectories: [warden.runDirectory] }
      const standing = () => census.look([at]).cells.find((each) => each.cell === cell.id)
      assert.deepEqual([standing()?.about, standing()?.begun, standing()?.frozen], [about, true, false])
      assert.deepEqual(census.notesOf(at, cell.id), [about])
      assert.ok(census.wardens(at).includes(process.pid))
      const spec = asked(commands.ticks, { about: { ...about, agent: 'orphan' } })
      const { runDirectories } = await leaveDead(spec)
      const reaped = await census.reap(runDirectories)
      const dead = reaped.find(({ cells }) => cells.includes(spec.id))
      assert.deepEqual([dead?.left, dead?.untold], [[], undefined])
      assert.deepEqual(dead?.noted, [{ cell: spec.id, about: spec.about }])
      assert.deepEqual(await census.reap(runDirectories), [])
      assert.ok(standing(), 'never that of a warden that lives')
      assert.ok((await cell.teardown()).gone)
      assert.equal(standing(), undefined)
    })
  })
}
