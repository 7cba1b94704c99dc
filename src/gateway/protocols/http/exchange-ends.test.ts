/** The ends of an exchange and what may pass before them, with no connection and a clock that is moved by hand. */
import assert from 'node:assert/strict'
import { beforeEach, describe, it, type MockTimers, mock } from 'node:test'
import type { Dispatcher } from 'undici'
import { LIMITS } from '../../../model/index.ts'
import { openSecrets } from '../../content/secrets.ts'
import type { Passage, SendOptions, Sent } from '../../pipeline/line.ts'
import type { WebReply } from '../../web/web-request.ts'
import { HttpExchange, SILENCE_MS_MAX } from './exchange.ts'

const SECRETS = openSecrets(new Map())
assert.ok(SECRETS.ok)
const NONE = SECRETS.value

/** An answer as a cell has it that reads nothing, until it is told to read. */
class Slow implements WebReply {
  readonly gone = new AbortController().signal
  hasBegun = false
  hasEnough = false
  over: 'ended' | 'cut' | 'refused' | undefined
  bytes = 0
  writes = 0
  isRead = true
  #waiting: (() => void)[] = []
  begin(): boolean {
    this.hasBegun = true
    return true
  }
  write(piece: Uint8Array): boolean {
    this.bytes += piece.length
    this.writes++
    return this.isRead
  }
  drained(then: () => void): void {
    this.#waiting.push(then)
  }
  reads(): void {
    for (const then of this.#waiting.splice(0)) then()
  }
  end(): void {
    this.over = 'ended'
  }
  cut(): void {
    this.over = 'cut'
  }
  refuse(): void {
    this.over = 'refused'
  }
}

/** The connection, as far as an exchange orders it about. */
class Wire implements Dispatcher.DispatchController {
  readonly aborted = false
  readonly paused = false
  readonly reason = null
  isPaused = false
  isAborted = false
  pause(): void {
    this.isPaused = true
  }
  resume(): void {
    this.isPaused = false
  }
  abort(): void {
    this.isAborted = true
  }
}

let timers: MockTimers
beforeEach(() => {
  mock.timers.reset()
  mock.timers.enable({ apis: ['setTimeout', 'setInterval'] })
  timers = mock.timers
})

function opened(send: Partial<SendOptions> = {}, bodyBytes = 0) {
  const reply = new Slow()
  const wire = new Wire()
  const exchange = new HttpExchange({
    send: { lastCheck: () => undefined, signal: new AbortController().signal, onPart: () => undefined, ...send },
    secrets: NONE,
    method: 'POST',
    bodyBytes,
    reply,
    onHead: () => void reply.begin(),
  })
  const told: { sent?: Sent | Passage } = {}
  exchange.ended.then((sent) => {
    told.sent = sent
  })
  const comes = (bytes: number) => exchange.onResponseData(wire, new Uint8Array(bytes))
  const settled = async () => {
    await exchange.ended
    return told.sent ?? assert.fail()
  }
  return { exchange, reply, wire, told, comes, settled }
}

/** Begins it, and has the head of an answer come. */
function answered(send?: Partial<SendOptions>) {
  const all = opened(send)
  all.exchange.onRequestStart(all.wire)
  all.exchange.onResponseStart(all.wire, 200, {})
  return all
}

/** Bytes of the head that `answered` counts. */
const HEAD = JSON.stringify({ status: 200, headers: [] }).length

async function* piecesOf(...sizes: readonly number[]): AsyncGenerator<Uint8Array, void> {
  for (const size of sizes) yield new Uint8Array(size)
}

async function taken(pieces: AsyncGenerator<Uint8Array, void>): Promise<number> {
  let bytes = 0
  for await (const piece of pieces) bytes += piece.length
  return bytes
}

describe('the bytes of an exchange', () => {
  it('S7: are asked for before they pass: a body that is known never leaves, and nothing is charged', async () => {
    const { exchange, wire, settled } = opened({ bytesMax: 1_000 }, 1_001)
    exchange.onRequestStart(wire)
    const sent = await settled()
    assert.deepEqual([sent.kind, wire.isAborted], ['not-sent', true])
    const fits = opened({ bytesMax: 1_000 }, 1_000)
    fits.exchange.onRequestStart(fits.wire)
    assert.equal(fits.told.sent, undefined)
    fits.exchange.cut('over')
  })

  it('S7: of a body in pieces, the first that would be too many does not leave', async () => {
    const { exchange, wire, settled } = opened({ bytesMax: 1_000 })
    exchange.onRequestStart(wire)
    assert.equal(await taken(exchange.leaving(piecesOf(600, 400, 1, 1))), 1_000)
    assert.deepEqual([(await settled()).kind, wire.isAborted], ['unknown', true])
  })

  it('S7: both ways are counted together, and what did not pass is not counted', async () => {
    const { exchange, wire, comes, reply, settled } = opened({ bytesMax: 1_000 + HEAD })
    exchange.onRequestStart(wire)
    assert.equal(await taken(exchange.leaving(piecesOf(600))), 600)
    exchange.onResponseStart(wire, 200, {})
    comes(400)
    comes(1)
    const sent = await settled()
    assert.deepEqual(sent.kind === 'passed' && sent.passed, { sent: 600, received: 400 + HEAD })
    assert.equal(reply.over, 'cut')
  })

  it('HX1: a body ends in the tick in which its cell may send no more', async () => {
    let why: string | undefined
    const { exchange, wire, settled } = opened({ lastCheck: () => why })
    exchange.onRequestStart(wire)
    const leaving = exchange.leaving(piecesOf(1, 1))
    assert.equal((await leaving.next()).done, false)
    why = 'the cell is frozen'
    assert.equal((await leaving.next()).done, true)
    const sent = await settled()
    assert.deepEqual([sent.kind, 'why' in sent && sent.why, wire.isAborted], ['unknown', why, true])
  })
})

describe('a body that is left in the middle', () => {
  /** Takes the pieces that leave, and tells what became of the exchange some turns later. */
  async function leave(pieces: AsyncIterable<Uint8Array>, send: Partial<SendOptions>) {
    const { exchange, wire, told, reply } = opened(send)
    exchange.onRequestStart(wire)
    let bytes = 0
    let isEnded = false
    const all = (async () => {
      for await (const piece of exchange.leaving(pieces)) bytes += piece.length
      isEnded = true
    })()
    for (let i = 0; i < 20; i++) await Promise.resolve()
    const seen = { bytes, isEnded, isAborted: wire.isAborted, sent: told.sent?.kind, reply: reply.over }
    exchange.cut('over')
    await all
    assert.notEqual(told.sent?.kind === 'unknown' && told.sent.why, 'over', 'what was first is told')
    return seen
  }

  async function* breaking(): AsyncGenerator<Uint8Array, void> {
    yield new Uint8Array(7)
    throw new Error('aborted')
  }

  /** Allows this many pieces. */
  function learnsAfter(pieces: number, why = 'it has learned what the origin may not know') {
    let asked = 0
    return { lastCheck: () => (asked++ > pieces ? why : undefined) } // the first time for the head
  }

  const cut = { isEnded: true, isAborted: true, sent: 'unknown', reply: undefined }
  const silent = { isEnded: false, isAborted: false, sent: undefined, reply: 'refused' }

  it('is not left by its end, which may be told', async () => {
    const { exchange, wire, told } = opened()
    exchange.onRequestStart(wire)
    assert.equal(await taken(exchange.leaving(piecesOf(7))), 7)
    assert.deepEqual([wire.isAborted, told.sent], [false, undefined])
    exchange.cut('over')
  })

  it('F1: by a piece that may not leave: is cut, and where the origin may not notice, says nothing more', async () => {
    const known = await leave(piecesOf(7, 7), learnsAfter(1))
    assert.deepEqual(known, { bytes: 7, ...cut })
    const unknown = await leave(piecesOf(7, 7), { ...learnsAfter(1), mayNotice: () => false })
    assert.deepEqual(unknown, { bytes: 7, ...silent })
  })

  it('F1: by its cell that breaks off: likewise', async () => {
    assert.deepEqual(await leave(breaking(), {}), { bytes: 7, ...cut })
    assert.deepEqual(await leave(breaking(), { mayNotice: () => false }), { bytes: 7, ...silent })
  })

  it('F1: by its end, which may not be told: likewise', async () => {
    assert.deepEqual(await leave(piecesOf(7), learnsAfter(1)), { bytes: 7, ...cut })
    const unknown = await leave(piecesOf(7), { ...learnsAfter(1), mayNotice: () => false })
    assert.deepEqual(unknown, { bytes: 7, ...silent })
  })
})

describe('the end of an exchange', () => {
  it('HX6: comes when nothing has passed for as long as its tool may be silent', async () => {
    const { comes, settled, told } = answered({ silenceMsMax: 5_000 })
    timers.tick(4_000)
    comes(1)
    timers.tick(4_000)
    await Promise.resolve()
    assert.equal(told.sent, undefined, 'a byte is a word')
    timers.tick(2_000)
    const sent = await settled()
    assert.match(('why' in sent && sent.why) || '', /nothing has passed for 5 seconds/)
  })

  it('HX6: comes for a body whose cell does not go on, and after ten minutes where nobody says how long', async () => {
    const { exchange, wire, settled, told } = opened()
    exchange.onRequestStart(wire)
    timers.tick(SILENCE_MS_MAX)
    await Promise.resolve()
    assert.equal(told.sent, undefined)
    timers.tick(SILENCE_MS_MAX / 10)
    assert.equal((await settled()).kind, 'unknown')
  })

  it('HX6: comes after an hour, however slowly an origin goes on', async () => {
    const { comes, settled, reply } = answered()
    for (let ms = 0; ms < LIMITS.exchangeMsMax; ms += 60_000) {
      comes(1)
      timers.tick(60_000)
    }
    const sent = await settled()
    assert.match(('why' in sent && sent.why) || '', /too long/)
    assert.equal(reply.over, 'cut')
  })

  it('HX6: nobody is silent whom its cell does not read', async () => {
    const { exchange, comes, reply, told, wire } = answered({ silenceMsMax: 5_000 })
    reply.isRead = false
    comes(1)
    await Promise.resolve()
    assert.equal(wire.isPaused, true)
    timers.tick(60_000)
    await Promise.resolve()
    assert.equal(told.sent, undefined)
    exchange.cut('over')
  })

  it('comes where whoever takes it has enough, but not as a word that the origin may not have', async () => {
    const ends = answered()
    ends.reply.hasEnough = true
    ends.comes(1)
    await Promise.resolve()
    assert.deepEqual([ends.wire.isAborted, (await ends.settled()).kind], [true, 'passed'])
    const goesOn = answered({ mayNotice: () => false })
    goesOn.reply.hasEnough = true
    goesOn.comes(1)
    await Promise.resolve()
    goesOn.exchange.onResponseEnd(goesOn.wire)
    const sent = await goesOn.settled()
    assert.deepEqual([goesOn.wire.isAborted, 'why' in sent], [false, false])
  })
})

describe('an origin whose cell does not read', () => {
  it('F1: waits while it may notice that, and no longer once its cell has learned what it may not know', async () => {
    let may = true
    const { exchange, comes, reply, wire } = answered({ mayNotice: () => may })
    reply.isRead = false
    comes(1)
    await Promise.resolve()
    assert.equal(wire.isPaused, true)
    timers.tick(1_000)
    assert.equal(wire.isPaused, true)
    may = false
    timers.tick(1_000)
    assert.equal(wire.isPaused, false)
    comes(1)
    await Promise.resolve()
    assert.equal(wire.isPaused, false, 'nor for what comes later')
    exchange.cut('over')
  })

  it('HX5: goes on to its end for nobody, past what is held for a cell', async () => {
    const { exchange, comes, reply, wire, settled } = answered({ mayNotice: () => false })
    reply.isRead = false
    const all = 40 * 65_536
    for (let bytes = 0; bytes < all; bytes += 65_536) comes(65_536)
    assert.deepEqual([reply.over, wire.isPaused, wire.isAborted], ['cut', false, false])
    assert.ok(reply.bytes <= 1_048_576 + 2 * 65_536, `${reply.bytes}`)
    exchange.onResponseEnd(wire)
    const sent = await settled()
    assert.ok(sent.kind === 'passed' && sent.why === undefined)
    assert.equal(sent.passed.received, all + HEAD)
    assert.equal(reply.over, 'cut', 'it is not told as a whole one')
  })

  it('HX5: holds nothing against a cell that reads late', () => {
    const { exchange, comes, reply } = answered({ mayNotice: () => false })
    reply.isRead = false
    for (let i = 0; i < 100; i++) {
      comes(65_536)
      reply.reads()
    }
    assert.equal(reply.bytes, 100 * 65_536)
    exchange.onResponseEnd(new Wire())
    assert.equal(reply.over, 'ended')
  })

  it('goes on when its cell has read', async () => {
    const { exchange, comes, reply, wire } = answered()
    reply.isRead = false
    comes(1)
    await Promise.resolve()
    assert.equal(wire.isPaused, true)
    reply.reads()
    assert.equal(wire.isPaused, false)
    exchange.cut('over')
  })
})

describe('HX4: the pace at which pieces are looked at', () => {
  it('is theirs for as many as a model has words in a second; what goes on byte by byte is looked at together', async () => {
    const { exchange, reply, comes } = answered({ mayNotice: () => true })
    for (let i = 1; i <= 50; i++) {
      comes(1)
      // As the next read of the connection would.
      await Promise.resolve()
      assert.equal(reply.bytes, i)
    }
    for (let i = 0; i < 10_000; i++) {
      comes(1)
      await Promise.resolve()
    }
    assert.ok(reply.writes < 1_000, `${reply.writes}`)
    timers.tick(5)
    assert.equal(reply.bytes, 10_050)
    exchange.cut('over')
  })
})
