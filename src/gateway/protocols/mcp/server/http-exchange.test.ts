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
) {
  const seen: { sent?: McpSent; aborted?: string; over: number } = { over: 0 }
  const unused = () => undefined
  const asked = { url: 'http://127.0.0.1/mcp', inSession: false, batches: false, session: undefined }
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
  } as unknown as Dispatcher.DispatchController
  handler.onRequestStart(controller)
  handler.onResponseStart(controller, 200, { 'content-type': type })
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
