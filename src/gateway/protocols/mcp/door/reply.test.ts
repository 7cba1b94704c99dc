import assert from 'node:assert/strict'
import { EventEmitter } from 'node:events'
import type { ServerResponse } from 'node:http'
import { describe, it } from 'node:test'
import { LIMITS } from '../../../../model/index.ts'
import { Room } from '../../../fairness/room.ts'
import { Reply } from './reply.ts'

/** A connection whose other end reads nothing until it is told to. */
class Unread extends EventEmitter {
  headersSent = false
  destroyed = false
  writableLength = 0

  writeHead() {
    this.headersSent = true
    return this
  }

  flushHeaders() {}

  write(text: string) {
    this.writableLength += text.length
    return false
  }

  end(text: string) {
    this.write(text)
  }

  read(event: 'drain' | 'close') {
    this.writableLength = 0
    this.emit(event)
  }

  destroy() {
    this.destroyed = true
    this.read('close')
  }
}

function reply(room: Room) {
  const response = new Unread()
  // As much of one as a reply uses.
  return { response, reply: new Reply(response as unknown as ServerResponse, room) }
}

const large = { result: { text: 'x'.repeat(4_000_000) } }

describe('an answer that is not read', () => {
  it('S17: counts against all that is kept for its cell; past that the connection of the newest is cut', () => {
    assert.equal(LIMITS.unreadBytesMax, 16_777_216)
    const room = new Room(LIMITS.unreadBytesMax)
    const replies = Array.from({ length: 5 }, () => reply(room))
    for (const each of replies) each.reply.answer(1, large)
    assert.deepEqual(
      replies.map(({ response }) => response.destroyed),
      [false, false, false, false, true],
    )
    replies[0]?.response.read('close')
    const next = reply(room)
    next.reply.answer(1, large)
    assert.equal(next.response.destroyed, false)
    for (const { response } of [...replies, next]) response.destroy()
    assert.ok(room.take(LIMITS.unreadBytesMax), 'all of it was given back')
  })

  it('S17: waits for thirty seconds, whether it is a whole answer or a stream; one that is read does not', (t) => {
    t.mock.timers.enable({ apis: ['setTimeout'] })
    const room = new Room(LIMITS.unreadBytesMax)
    const [whole, stream, slow] = [reply(room), reply(room), reply(room)]
    whole.reply.answer(1, large)
    stream.reply.notify('notifications/progress', {})
    slow.reply.notify('notifications/progress', {})
    t.mock.timers.tick(20_000)
    slow.response.read('drain')
    slow.reply.notify('notifications/progress', {})
    t.mock.timers.tick(9_999)
    assert.ok(!whole.response.destroyed && !stream.response.destroyed)
    t.mock.timers.tick(1)
    assert.ok(whole.response.destroyed && stream.response.destroyed && !slow.response.destroyed)
    t.mock.timers.tick(20_000)
    assert.ok(slow.response.destroyed)
  })
})
