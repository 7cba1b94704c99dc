/** Tests of two WebSockets and what passes between them, with no connection and a clock that is moved by hand. */
import assert from 'node:assert/strict'
import { EventEmitter } from 'node:events'
import { beforeEach, describe, it, mock } from 'node:test'
import type { WebSocket } from 'ws'
import { openSecrets } from '../../content/secrets.ts'
import type { Passage, SendOptions } from '../../pipeline/line.ts'
import { WebSocketPassing } from './web-socket-passing.ts'

const SECRETS = openSecrets(new Map())
assert.ok(SECRETS.ok)
const NONE = SECRETS.value

/** One side, which takes what it is sent when it is told to. */
class Side extends EventEmitter {
  readonly OPEN = 1
  readonly CLOSED = 3
  readyState = 1
  bufferedAmount = 0
  isPaused = true
  sent: Uint8Array[] = []
  closed: readonly unknown[] | undefined
  isTerminated = false
  #untaken: (() => void)[] = []
  send(bytes: Uint8Array, _: unknown, then: () => void): void {
    this.sent.push(bytes)
    this.#untaken.push(then)
  }
  takes(): void {
    for (const then of this.#untaken.splice(0)) then()
  }
  pause(): void {
    this.isPaused = true
  }
  resume(): void {
    this.isPaused = false
  }
  close(...said: readonly unknown[]): void {
    this.closed ??= said
  }
  terminate(): void {
    this.isTerminated = true
    this.ends(1006)
  }
  ends(code: number): void {
    if (this.readyState === this.CLOSED) return
    this.readyState = this.CLOSED
    this.emit('close', code)
  }
  /** Has a message come from it. */
  says(bytes = 1): void {
    this.emit('message', Buffer.alloc(bytes), true)
  }
}

let nowMs = 0
beforeEach(() => {
  mock.reset()
  mock.timers.enable({ apis: ['setTimeout', 'setInterval'] })
  mock.method(performance, 'now', () => nowMs)
})

function pass(ms: number): void {
  nowMs += ms
  mock.timers.tick(ms)
}

function opened(send: Partial<SendOptions> = {}) {
  const [near, far] = [new Side(), new Side()]
  const turns: { readonly bytes: number; readonly go: () => void }[] = []
  const passing = new WebSocketPassing(near as unknown as WebSocket, far as unknown as WebSocket, {
    send: { lastCheck: () => undefined, signal: new AbortController().signal, ...send },
    secrets: NONE,
    // As where nobody else has anything to do, but for large pieces.
    turn: (bytes) => (bytes > 16_384 ? new Promise((go) => turns.push({ bytes, go })) : undefined),
  }) // all of two that is asked for here
  const told: { passage?: Passage } = {}
  passing.ended.then((passage) => {
    told.passage = passage
  })
  return { near, far, turns, told, passing }
}

describe('WP4: what comes', () => {
  it('is shown at once while there are as many as a model has words, and then together', () => {
    const { near, far } = opened()
    for (let i = 1; i <= 64; i++) {
      far.says()
      assert.equal(near.sent.length, i)
    }
    for (let i = 0; i < 36; i++) far.says()
    assert.equal(near.sent.length, 64)
    pass(5)
    assert.equal(near.sent.length, 100)
  })

  it('is at most 128 messages in one turn, and its origin waits for more', async () => {
    const { near, far, turns } = opened()
    for (let i = 0; i < 64; i++) far.says()
    near.sent = []
    for (let i = 0; i < 1_000; i++) far.says()
    assert.equal(far.isPaused, true)
    const shown: number[] = []
    for (let i = 0; i < 100 && near.sent.length < 1_000; i++) {
      const before = near.sent.length
      pass(5)
      turns.shift()?.go()
      await Promise.resolve()
      shown.push(near.sent.length - before)
      near.takes()
    }
    assert.equal(near.sent.length, 1_000)
    assert.ok(Math.max(...shown) <= 128, shown.join(' '))
    assert.equal(far.isPaused, false)
  })

  it('is shown to its end before its cell hears that it has ended', async () => {
    const { near, far, turns } = opened()
    for (let i = 0; i < 300; i++) far.says()
    far.ends(4_001)
    for (let i = 0; i < 20; i++) {
      pass(5)
      turns.shift()?.go()
      await Promise.resolve()
      assert.equal(near.closed === undefined, near.sent.length < 300)
    }
    assert.deepEqual(near.closed, [4_001])
  })
})

describe('a side that takes nothing', () => {
  it('S17: has the other wait, however short its messages are', () => {
    const { near, far } = opened()
    for (let i = 0; i < 1_023; i++) near.says()
    assert.equal(near.isPaused, false)
    near.says()
    assert.equal(near.isPaused, true)
    far.takes()
    assert.equal(near.isPaused, false)
  })

  it('WP3: of a cell has its origin wait until it reads', () => {
    const { near, far } = opened()
    near.bufferedAmount = 1_048_576
    far.says()
    assert.equal(far.isPaused, true)
    far.says()
    assert.equal(near.sent.length, 1, 'what had come already is held')
    near.bufferedAmount = 0
    near.takes()
    assert.deepEqual([far.isPaused, near.sent.length], [false, 2])
  })

  it('WP3: of a cell loses what its origin may not wait for, and the origin goes on', () => {
    const { near, far, told } = opened({ mayNotice: () => false })
    far.says()
    near.bufferedAmount = 1_048_576
    far.says()
    assert.deepEqual([near.isTerminated, far.isPaused, far.isTerminated], [true, false, false])
    far.says()
    assert.equal(told.passage, undefined)
  })
})

describe('WP5: it ends', () => {
  it('when nothing has passed for as long as its tool may be silent, and a refused message is no word', async () => {
    let why: string | undefined
    const { near, far, passing } = opened({ silenceMsMax: 5_000, mayNotice: () => false, lastCheck: () => why })
    pass(4_000)
    near.says()
    pass(4_000)
    assert.equal(far.isTerminated, false)
    why = 'it has learned what the origin may not know'
    near.says()
    assert.deepEqual([near.closed, far.isTerminated], [[1008, 'refused by Firebreak'], false])
    pass(1_500)
    assert.equal(far.isTerminated, true)
    const passage = await passing.ended
    assert.deepEqual([passage.passed, passage.why], [{ sent: 1, received: 0 }, why])
  })
})
