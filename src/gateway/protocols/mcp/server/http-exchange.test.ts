import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { Dispatcher } from 'undici'
import { LIMITS } from '../../../../model/index.ts'
import { Room } from '../../../fairness/room.ts'
import type { McpSent } from './connection.ts'
import { Exchange } from './http-exchange.ts'

/** The part of undici's dispatcher that an exchange uses. */
function exchange(
  room: Room,
  turn: (bytes: number) => Promise<void> | undefined = () => undefined,
  type = 'application/json',
  status = 200,
  session?: string,
) {
  const seen: { sent?: McpSent; aborted?: string; over: number; paused: number } = { over: 0, paused: 0 }
  const unused = () => undefined
  const asked = { url: 'http://127.0.0.1/mcp', inSession: false, batches: false, session }
  const told = { onSession: unused, onMessage: unused, onSessionLost: unused, onOver: () => seen.over++ }
  const events = { asked, ...told, turn, room }
  const options = { lastCheck: () => undefined, signal: new AbortController().signal }
  const onEnd = (sent: McpSent) => {
    seen.sent = sent
  }
  const handler = new Exchange(1, options, onEnd, events)
  const controller = {
    abort: (error: Error) => {
      seen.aborted = error.message
    },
    pause: () => seen.paused++,
    resume: unused,
  } as unknown as Dispatcher.DispatchController
  handler.onRequestStart(controller)
  handler.onResponseStart(controller, status, { 'content-type': type })
  return { handler, controller, seen }
}

describe('an answer that is being read', () => {
  it('S17: in pieces of one byte it takes what its bytes take', () => {
    const room = new Room(16_384)
    const { handler, controller, seen } = exchange(room)
    const text = JSON.stringify({ jsonrpc: '2.0', id: 1, result: { text: 'x'.repeat(7_000) } })
    for (const byte of Buffer.from(text)) handler.onResponseData(controller, Uint8Array.of(byte))
    handler.onResponseEnd()
    assert.equal(seen.sent?.kind, 'answered')
    assert.equal(seen.over, 1)
    assert.ok(room.take(16_384), 'all of it was given back')
  })

  it('S17: more than its connection has room for is not kept', () => {
    assert.equal(LIMITS.answersBytesMax, 33_554_432)
    const room = new Room(LIMITS.answersBytesMax)
    const all = Array.from({ length: 9 }, () => exchange(room))
    const piece = new Uint8Array(4_000_000)
    for (const { handler, controller } of all) handler.onResponseData(controller, piece)
    assert.deepEqual(
      all.map(({ seen }) => seen.aborted),
      [...Array.from({ length: 8 }, () => undefined), 'too much is being answered at once'],
    )
  })

  it('is not lost by what is told meanwhile and cannot be read; an answer that cannot says why', () => {
    const stream = () => exchange(new Room(100_000), undefined, 'text/event-stream')
    const answer = 'data: {"jsonrpc":"2.0","id":1,"result":{"n":1.0}}\n\n'
    const odd = 'data: {"jsonrpc":"2.0","method":"notifications/progress","params":{"progress":NaN}}\n\n'
    const told = stream()
    told.handler.onResponseData(told.controller, Buffer.from(odd + answer))
    assert.equal(told.seen.sent?.kind, 'answered')
    const broken = stream()
    const unread = 'data: {"jsonrpc":"2.0","id":1,"result":{"method":"notifications/x","mean":NaN}}\n\n'
    broken.handler.onResponseData(broken.controller, Buffer.from(unread))
    const why = 'it sent an event that cannot be read: not JSON: NaN at "mean", which JSON does not have'
    assert.deepEqual(broken.seen.sent, { kind: 'unreadable', why, answers: true })
    const whole = exchange(new Room(100_000))
    whole.handler.onResponseData(whole.controller, Buffer.from('{"jsonrpc":"2.0","id":1,"result":{"a":1,"a":2}}'))
    whole.handler.onResponseEnd()
    const twice = 'its answer cannot be read: duplicate-key at $.result.a: a key stands in one object twice'
    assert.deepEqual(whole.seen.sent, { kind: 'unknown', why: twice, status: 200, unread: true, lives: true })
  })

  it('S17: a stream without an event ends at the bytes that an answer may have', () => {
    for (const text of ['\r', '\n', '\r\n', ': still here\n\n', 'data:\n\n']) {
      const { handler, controller, seen } = exchange(new Room(8_000_000), undefined, 'text/event-stream')
      const chunk = Buffer.from(text.repeat(Math.floor(65_536 / text.length)))
      let sent = 0
      for (; seen.sent === undefined && sent < 2 * LIMITS.answerBytesMax; sent += chunk.length)
        handler.onResponseData(controller, chunk)
      const why = 'its stream went on for 4194304 bytes without an event'
      assert.deepEqual([seen.sent, seen.aborted], [{ kind: 'unknown', why }, why], JSON.stringify(text))
      assert.ok(sent > LIMITS.answerBytesMax && sent <= LIMITS.answerBytesMax + 2 * chunk.length, `${sent}`)
    }
    const busy = exchange(new Room(8_000_000), undefined, 'text/event-stream')
    const told = 'data: {"jsonrpc":"2.0","method":"notifications/progress","params":{}}\n\n'
    const often = Buffer.from(told + '\n'.repeat(1_000_000))
    for (let i = 0; i < 6; i++) busy.handler.onResponseData(busy.controller, often)
    assert.equal(busy.seen.sent, undefined, 'an event begins the count anew')
  })

  it('S14: bytes of a stream wait for their turn, whether or not they hold an event', async () => {
    const turns: { readonly bytes: number; readonly give: () => void }[] = []
    const turn = (bytes: number) => new Promise<void>((give) => void turns.push({ bytes, give }))
    const { handler, controller, seen } = exchange(new Room(8_000_000), turn, 'text/event-stream')
    const empty = Buffer.alloc(65_536, '\r')
    for (let i = 0; i < 5; i++) handler.onResponseData(controller, empty)
    assert.deepEqual(
      [turns.map(({ bytes }) => bytes), seen.paused],
      [[65_536], 1],
      'and past some the stream with them',
    )
    const last = Buffer.from('data: {"jsonrpc":"2.0","id":1,"result":{}}\n\n')
    handler.onResponseData(controller, last)
    handler.onResponseEnd()
    const rounds: number[] = []
    for (let given = 0; given < turns.length; given++) {
      turns[given]?.give()
      await new Promise((resolve) => setImmediate(resolve))
      rounds.push(turns[given]?.bytes ?? 0)
    }
    assert.deepEqual(rounds, [65_536, last.length - 8])
    assert.equal(seen.sent?.kind, 'answered')
  })

  it('is read as events with a status of success alone, whatever type it says', () => {
    const event = Buffer.from('data: {"jsonrpc":"2.0","id":1,"result":{}}\n\n')
    const said = [200, 202, 302, 401, 404, 500].map((status) => {
      const each = exchange(new Room(100_000), undefined, 'text/event-stream', status, 'a session')
      each.handler.onResponseData(each.controller, event)
      each.handler.onResponseEnd()
      const { sent } = each.seen
      return sent?.kind === 'unreadable' ? `${sent.kind} ${sent.refused}` : sent?.kind
    })
    assert.deepEqual(said, [
      'answered',
      'answered',
      'unknown',
      'unreadable credential',
      'unreadable session',
      'unknown',
    ])
    const early = exchange(new Room(100_000), undefined, 'text/event-stream', 103)
    early.handler.onResponseStart(early.controller, 200, { 'content-type': 'application/json' })
    early.handler.onResponseData(early.controller, event.subarray(6))
    early.handler.onResponseEnd()
    assert.equal(early.seen.sent?.kind, 'answered')
  })

  it('S14: waits for its turn, and can be called off meanwhile', async () => {
    const { promise, resolve } = Promise.withResolvers<void>()
    const { handler, controller, seen } = exchange(new Room(100_000), () => promise)
    handler.onResponseData(controller, Buffer.from('{"jsonrpc":"2.0","id":1,"result":{}}'))
    handler.onResponseEnd()
    assert.equal(seen.sent, undefined)
    handler.cut('it was called off')
    assert.deepEqual(seen.sent, { kind: 'unknown', why: 'it was called off' })
    resolve()
  })
})
