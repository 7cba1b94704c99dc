import type { IncomingMessage } from 'node:http'
import { LIMITS, no, ok, type Result } from '../../model/index.ts'
import { GrowingBytes } from './growing-bytes.ts'
import type { Room } from './room.ts'

export type BodyFault = 'too-large' | 'too-many-pieces' | 'no-room' | 'broken-off'

/**
 * Reads a request's body, at most `LIMITS.frameBytesMax`. A larger one is refused on its declared length, or as soon as
 * it passes the limit; what is under way ends with the connection.
 *
 * - B1  Its memory counts in `room` until it is read; the caller gives back the length of what it gets.
 * - B2  Its sender cannot make many pieces of it: each costs a turn through the parser.
 */
export function readBody(request: IncomingMessage, room: Room): Promise<Result<Uint8Array, BodyFault>> {
  const declared = Number(request.headers['content-length'] ?? 0)
  if (declared > LIMITS.frameBytesMax) return Promise.resolve(no('too-large'))
  return new Promise((resolve) => {
    const body = new GrowingBytes()
    let pieces = 0
    let held = 0
    const give = (fault: BodyFault) => {
      request.off('data', onData).pause()
      // What goes on sending is not parsed any further.
      if (fault === 'too-many-pieces') request.destroy()
      body.take()
      room.give(held)
      held = 0
      resolve(no(fault))
    }
    const onData = (piece: Uint8Array) => {
      if (body.length + piece.length > LIMITS.frameBytesMax) return give('too-large')
      body.push(piece)
      const small = body.length < pieces * LIMITS.framePieceBytesMin
      if (++pieces > LIMITS.framePiecesMin && small) return give('too-many-pieces')
      if (!room.take(body.capacity - held)) return give('no-room')
      held = body.capacity
    }
    request.on('data', onData)
    request.once('end', () => {
      const length = body.length
      room.give(held - length)
      held = 0
      resolve(ok(body.take()))
    })
    // After `end` this changes nothing: a promise is settled once, and nothing is held.
    request.once('close', () => give('broken-off'))
    request.once('error', () => give('broken-off'))
  })
}
