import assert from 'node:assert/strict'
import { describe, it, type TestContext } from 'node:test'
import { setImmediate as turn } from 'node:timers/promises'
import type { Cell } from '../../cells/driver.ts'
import type { TeardownReceipt } from '../../cells/spec.ts'
import { no, ok, type Result } from '../../model/index.ts'
import { KeptServer } from './kept-server.ts'
import type { UpstreamCell } from './upstream-cell.ts'

const MINUTE_MS = 60_000

/** A cell that runs until `exit` or its teardown, which takes what is left of it. */
interface FakeCell {
  readonly exit: () => void
  running: boolean
  torn: boolean
}

interface FakeOptions {
  /** What a teardown leaves. */
  readonly left?: string
  /** Whether a launch succeeds, when that is known. */
  readonly launching?: () => Promise<boolean>
  /** The gateway cannot be told. */
  readonly deaf?: boolean
}

/** What it starts are no cells, and time stands still. */
function kept(t: TestContext, options: FakeOptions = {}) {
  t.mock.timers.enable({ apis: ['setTimeout', 'Date'], now: Date.UTC(2026, 10, 22, 15) })
  const cells: FakeCell[] = []
  const said = { down: [] as string[], noted: [] as string[], numbers: [] as number[] }
  const launch = async (): Promise<Result<UpstreamCell, string>> => {
    if (options.launching !== undefined && !(await options.launching())) return no('no uid is free')
    const { promise: exited, resolve } = Promise.withResolvers<void>()
    const fake: FakeCell = { exit: resolve, running: false, torn: false }
    cells.push(fake)
    const checks = [{ what: 'processes', gone: options.left === undefined, detail: options.left ?? 'none left' }]
    const cell = {
      exited,
      start: () => {
        fake.running = true
        return ok(undefined)
      },
      halt: async (rung: 'frozen' | 'killed') => {
        if (rung === 'frozen') return ok({ said: 'cgroup.events says frozen 1' })
        return options.left === undefined ? ok({ said: 'populated 0' }) : no({ kind: 'timeout' })
      },
      teardown: async () => {
        Object.assign(fake, { running: false, torn: true })
        resolve()
        return { gone: options.left === undefined, checks } as unknown as TeardownReceipt // all that is read of it
      },
    } as unknown as Cell // all that is asked of it
    return ok({ cell } as UpstreamCell) // its pipes are handed over by what the test gives
  }
  let numbers = 0
  const server = new KeptServer({
    launch,
    handOver: (_, number) => {
      said.numbers.push(number)
      return options.deaf === true ? no('the channel is closed') : ok(undefined)
    },
    newNumber: () => ++numbers,
    onDown: (why) => said.down.push(why),
    note: (text) => said.noted.push(text),
  })
  const pass = async (ms: number) => {
    await settle()
    t.mock.timers.tick(ms)
    await settle()
  }
  return { server, cells, said, pass }
}

async function settle(): Promise<void> {
  for (let turns = 0; turns < 5; turns++) await turn()
}

const runs = (cells: readonly FakeCell[]) => cells.filter(({ running }) => running).length

describe('a stdio server that is kept running', () => {
  it('KS1: one that ends is torn down, and started again after half a second', async (t) => {
    const { server, cells, pass } = kept(t)
    await server.start()
    cells[0]?.exit()
    await pass(499)
    assert.deepEqual([cells.length, cells[0]?.torn], [1, true])
    await pass(1)
    assert.deepEqual([cells.length, runs(cells)], [2, 1])
  })

  it('KS1: none is started beside one that is not gone; the gateway and the owner are told', async (t) => {
    const { server, cells, said, pass } = kept(t, { left: 'left: 4711' })
    await server.start()
    cells[0]?.exit()
    await pass(60 * MINUTE_MS)
    assert.equal(cells.length, 1)
    assert.deepEqual(said.down, ['its server could not be ended: processes (left: 4711); it is not started again'])
    assert.deepEqual(said.noted, said.down)
  })

  it('KS2: S14: one that is given up has two seconds to end, then its cell is; another is started', async (t) => {
    const { server, cells, said, pass } = kept(t)
    await server.start()
    server.givenUp(said.numbers[0] ?? 0)
    await pass(1_999)
    assert.deepEqual([cells[0]?.torn, runs(cells)], [false, 1])
    await pass(1)
    assert.equal(cells[0]?.torn, true)
    await pass(500)
    assert.deepEqual([cells.length, runs(cells)], [2, 1])
    server.givenUp(said.numbers[0] ?? 0)
    await pass(10_000)
    assert.equal(cells[1]?.running, true, 'what is said of the one before says nothing of this one')
  })

  it('KS3: S17: after five restarts the next waits a minute, then twice as long each time, a quarter of an hour at most', async (t) => {
    const { server, cells, said, pass } = kept(t)
    await server.start()
    for (let restarts = 1; restarts <= 5; restarts++) {
      cells.at(-1)?.exit()
      await pass(500)
      assert.equal(cells.length, 1 + restarts)
    }
    assert.deepEqual(said.down, [])
    for (const minutes of [1, 2, 4, 8, 15, 15]) {
      cells.at(-1)?.exit()
      const before = cells.length
      await pass(minutes * MINUTE_MS - 1)
      assert.equal(cells.length, before)
      await pass(1)
      assert.equal(cells.length, before + 1)
    }
    assert.equal(said.down[0], 'its server has ended 6 times: not started again before 2026-11-22T15:01:02Z')
    assert.equal(said.down.length, 6)
    assert.deepEqual(said.noted, said.down)
  })

  it('KS3: one that cannot be launched again is tried again like one that has ended', async (t) => {
    let able = true
    const { server, cells, said, pass } = kept(t, { launching: () => Promise.resolve(able) })
    await server.start()
    able = false
    cells[0]?.exit()
    await pass(500)
    await pass(500)
    assert.deepEqual(said.noted, Array(2).fill('its server cannot be started again: no uid is free'))
    able = true
    await pass(500)
    assert.equal(runs(cells), 1)
  })

  it('KS4: S13: at the end the running one is torn down, and none comes after it', async (t) => {
    const { server, cells, pass } = kept(t)
    await server.start()
    await server.end()
    await pass(60 * MINUTE_MS)
    assert.deepEqual([cells.length, runs(cells), cells[0]?.torn], [1, 0, true])
  })

  it('KS4: S13: nor after the end of one that waits to be started again', async (t) => {
    const { server, cells, pass } = kept(t)
    await server.start()
    cells[0]?.exit()
    await pass(100)
    await server.end()
    await pass(60 * MINUTE_MS)
    assert.deepEqual([cells.length, runs(cells)], [1, 0])
  })

  it('KS4: S13: one that was being launched at the end is torn down before that is over, and never runs', async (t) => {
    const launched = [Promise.withResolvers<boolean>(), Promise.withResolvers<boolean>()]
    let launches = 0
    const { server, cells, said, pass } = kept(t, {
      launching: () => launched[launches++]?.promise ?? Promise.resolve(false),
    })
    launched[0]?.resolve(true)
    await server.start()
    cells[0]?.exit()
    await pass(500)
    assert.equal(launches, 2)
    let over = false
    const ended = server.end().then(() => {
      over = true
    })
    await settle()
    assert.equal(over, false)
    launched[1]?.resolve(true)
    await ended
    assert.deepEqual([cells.length, runs(cells), cells[1]?.torn, said.numbers.length], [2, 0, true, 1])
    assert.deepEqual(said.noted, [])
  })

  it('KS5: S17: one that has lived a quarter of an hour gets its restarts back; one that lived less does not', async (t) => {
    const { server, cells, said, pass } = kept(t)
    await server.start()
    const endAfter = async (livedMs: number) => {
      await pass(livedMs)
      cells.at(-1)?.exit()
      const before = cells.length
      await pass(500)
      return cells.length - before
    }
    const livedMs = 15 * MINUTE_MS
    for (let restarts = 1; restarts <= 5; restarts++) assert.equal(await endAfter(livedMs - 1), 1)
    assert.equal(await endAfter(livedMs - 1), 0, 'the sixth waits')
    await pass(MINUTE_MS)
    assert.equal(runs(cells), 1)
    for (let restarts = 1; restarts <= 10; restarts++) assert.equal(await endAfter(livedMs), 1)
    assert.equal(said.down.length, 1)
    for (let restarts = 2; restarts <= 5; restarts++) assert.equal(await endAfter(0), 1)
    assert.equal(await endAfter(0), 0, 'the one that lived counts as the first of the new ones')
    assert.match(said.down[1] ?? '', /^its server has ended 6 times: /)
  })

  it('KS1: one that the gateway cannot be told of is torn down', async (t) => {
    const { server, cells } = kept(t, { deaf: true })
    assert.deepEqual(await server.start(), no('the channel is closed'))
    assert.deepEqual([cells[0]?.running, cells[0]?.torn], [false, true])
  })

  it('KS8: S8: one that could not be ended is not called gone by whoever stops it', async (t) => {
    const { server, cells, pass } = kept(t, { left: 'left: 4711' })
    await server.start()
    cells[0]?.exit()
    await pass(0)
    assert.equal(cells[0]?.torn, true)
    assert.deepEqual(await server.halt('kill'), no('{"kind":"timeout"}'))
  })

  it('KS8: nor is one that never began', async (t) => {
    const { server } = kept(t, { left: 'left: 4711', deaf: true })
    assert.ok(!(await server.start()).ok)
    assert.deepEqual(await server.halt('kill'), no('{"kind":"timeout"}'))
  })

  it('KS6: from the tick of an order on none is started again', async (t) => {
    const { server, cells, pass } = kept(t)
    await server.start()
    cells[0]?.exit()
    await settle()
    // It has ended by itself at the wrong moment: half a second later the next one would begin.
    assert.equal((await server.halt('freeze')).ok, true)
    await pass(MINUTE_MS)
    assert.deepEqual([cells.length, runs(cells)], [1, 0])
  })

  it('KS7: S8: one that was frozen stands when the gateway speaks to it no more, and is gone at the end', async (t) => {
    const { server, cells, said, pass } = kept(t)
    await server.start()
    assert.equal((await server.halt('freeze')).ok, true)
    server.givenUp(said.numbers[0] ?? 0)
    await pass(MINUTE_MS)
    assert.deepEqual([cells.length, cells[0]?.torn], [1, false])
    await server.end()
    assert.equal(cells[0]?.torn, true)
  })

  it('KS6: one that is being launched meanwhile does not begin, and is gone when the order is confirmed', async (t) => {
    const { promise: launched, resolve } = Promise.withResolvers<boolean>()
    const { server, cells } = kept(t, { launching: () => launched })
    const starting = server.start()
    const halted = server.halt('freeze')
    resolve(true)
    assert.match(String((await halted).ok && 'held'), /held/)
    assert.equal((await starting).ok, false)
    assert.deepEqual(
      cells.map(({ running, torn }) => [running, torn]),
      [[false, true]],
    )
  })

  it('KS4: the end of one that is being launched for the first time waits until it is gone', async (t) => {
    const { promise: launched, resolve } = Promise.withResolvers<boolean>()
    const { server, cells } = kept(t, { launching: () => launched })
    const starting = server.start()
    const ended = server.end()
    resolve(true)
    await ended
    assert.deepEqual(
      cells.map(({ running, torn }) => [running, torn]),
      [[false, true]],
    )
    assert.equal((await starting).ok, false)
  })
})
