import assert from 'node:assert/strict'
import { it } from 'node:test'
import { Room } from '../../fairness/room.ts'
import { GatheringReply } from './gathering-reply.ts'

it('S17: an answer has enough once it is too long, or its cell has no room for more, and says which', () => {
  const of = (room: number, ...pieces: readonly number[]) => {
    const reply = new GatheringReply(new AbortController().signal, new Room(room), 1_000)
    reply.begin(200, [])
    for (const bytes of pieces) reply.write(new Uint8Array(bytes))
    return [reply.hasEnough, reply.problem ?? '']
  }
  assert.deepEqual(of(10_000, 400, 600), [false, ''])
  assert.match(of(10_000, 400, 601).join(), /^true,.*more than 1000 bytes/)
  assert.match(of(500, 400, 400).join(), /^true,too much/)
})
