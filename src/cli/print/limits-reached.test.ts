import assert from 'node:assert/strict'
import { it } from 'node:test'
import type { LimitReached } from '../../cells/spec.ts'
import { limitsTold } from './limits-reached.ts'

const desk = { at: 'agents: desk: cell', cell: { memoryBytes: 512 * 1024 ** 2, pids: 64, wallMs: 7_200_000 } }
const LIMITS: readonly LimitReached['limit'][] = [
  ...(['memory', 'pids', 'wall', 'disk', 'temporary', 'descriptors'] as const),
  ...(['file-locks', 'open-files', 'socket-queues', 'unaccepted'] as const),
]

it('each limit that was hit has a line that names it and says what to change', () => {
  const told = limitsTold({ why: 'ended', limits: LIMITS.map((limit) => ({ limit })) }, desk)
  assert.equal(new Set(told.map(({ said }) => said)).size, LIMITS.length)
  for (const { said, change } of told) assert.ok(said.length > 20 && change.length > 20, said)
})

it('a child that was killed for memory is not told as the end of the cell', () => {
  const limits = [{ limit: 'memory', count: 1 }] as const
  const child = limitsTold({ why: 'ended', limits }, desk)
  assert.deepEqual(child, [
    {
      said: 'memory: a process of it was killed for want of it, and the cell went on; it has 512 MiB',
      change: 'more of it: agents: desk: cell: memory in firebreak.yaml',
    },
  ])
  const [whole] = limitsTold({ why: 'out-of-memory', limits }, desk)
  assert.match(whole?.said ?? '', /^the cell was ended/)
})
