import assert from 'node:assert/strict'
import { fstatSync, openSync } from 'node:fs'
import { describe, it } from 'node:test'
import { upstreamName } from '../../model/index.ts'
import { type Pipes, StdioPipes } from './stdio-pipes.ts'

const LIAR = upstreamName('liar')
const WAIT_MS_MAX = 15_000

function pair(): Pipes {
  return { server: 1, stdin: openSync('/dev/null', 'w'), stdout: openSync('/dev/null', 'r') }
}

function isOpen({ stdin, stdout }: Pipes): boolean {
  try {
    for (const fd of [stdin, stdout]) fstatSync(fd)
    return true
  } catch {
    return false
  }
}

describe('the pipes of stdio servers', () => {
  it('S17: whoever waits for a server that does not come is told after 15 s which one', async (t) => {
    t.mock.timers.enable({ apis: ['setTimeout'] })
    const pipes = new StdioPipes()
    let told: unknown
    const waiting = pipes.take(LIAR, 1).catch((error: unknown) => {
      told = error
    })
    t.mock.timers.tick(WAIT_MS_MAX - 1)
    await Promise.resolve()
    assert.equal(told, undefined)
    t.mock.timers.tick(1)
    await waiting
    assert.match(String(told), /Error: liar: its server is not running$/)
    const late = pair()
    pipes.offer(LIAR, 1, late)
    assert.equal(await pipes.take(LIAR, 1), late, 'one that comes later is for the next who asks')
  })

  it('S14: one that is started again is taken instead of the one before, whose ends are closed', async () => {
    const pipes = new StdioPipes()
    const [first, second] = [pair(), pair()]
    pipes.offer(LIAR, 1, first)
    pipes.offer(LIAR, 1, second)
    assert.ok(!isOpen(first))
    assert.equal(await pipes.take(LIAR, 1), second)
    const waiting = pipes.take(LIAR, 1)
    const third = pair()
    pipes.offer(LIAR, 1, third)
    assert.equal(await waiting, third)
  })

  it('S17: of one that is not started again soon is told at once, and why, until it is', async () => {
    const pipes = new StdioPipes()
    const waiting = pipes.take(LIAR, 1)
    pipes.refuse(LIAR, 1, 'it has ended 6 times')
    await assert.rejects(waiting, /^Error: liar: it has ended 6 times$/)
    await assert.rejects(pipes.take(LIAR, 1), /^Error: liar: it has ended 6 times$/)
    const [other, again] = [pair(), pair()]
    pipes.offer(LIAR, 2, other)
    assert.equal(await pipes.take(LIAR, 2), other, 'another cell’s is another one')
    pipes.offer(LIAR, 1, again)
    assert.equal(await pipes.take(LIAR, 1), again)
    const next = pipes.take(LIAR, 1)
    pipes.offer(LIAR, 1, again)
    assert.equal(await next, again, 'who asks then waits as before')
  })

  it('S3: a cell’s server is its own, and what nobody took is closed with its cell', async () => {
    const pipes = new StdioPipes()
    const [first, twelfth, shared] = [pair(), pair(), pair()]
    pipes.offer(LIAR, 1, first)
    pipes.offer(LIAR, 12, twelfth)
    pipes.offer(LIAR, null, shared)
    pipes.refuse(LIAR, 2, 'it has ended 6 times')
    pipes.forget(2)
    pipes.forget(1)
    assert.deepEqual([first, twelfth, shared].map(isOpen), [false, true, true])
    assert.equal(await pipes.take(LIAR, 12), twelfth)
    const waiting = pipes.take(LIAR, 2)
    pipes.offer(LIAR, 2, shared)
    assert.equal(await waiting, shared)
    assert.equal(await pipes.take(LIAR, null), shared)
  })
})
