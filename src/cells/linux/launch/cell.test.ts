import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { openSync } from 'node:fs'
import { it } from 'node:test'
import { ok } from '../../../model/result.ts'
import { hold } from '../../handle.ts'
import type { LaunchReceipt } from '../../spec.ts'
import { type CellParts, cellOf } from './cell.ts'

it('K4: a pid 1 that the kernel gives back a while after its monitor is waited for, and nothing is said to be left', async () => {
  const monitor = spawn('true')
  await once(monitor, 'exit')
  // As what is killed for want of memory: its group is empty, and it is on its way out.
  let looks = 0
  const cell = cellOf({ ...parts(), monitor, init: { pid: 0, lives: () => ++looks < 4, kill: () => undefined } })
  const { gone, checks } = await cell.teardown()
  assert.deepEqual([gone, checks.filter((check) => !check.gone)], [true, []])
})

function parts(): Omit<CellParts, 'monitor' | 'init'> {
  const handle = () => hold(openSync('/dev/null', 'r'))
  return {
    receipt: { cell: 'c_test', root: 'none', limits: { pids: 8 } } as unknown as LaunchReceipt, // as far as it is read
    cgroup: {
      enforcedBy: { freeze: 'v2' },
      removal: 'removed',
      place: async () => ok(undefined),
      pids: () => [],
      freeze: async () => ok(undefined),
      thaw: async () => ok(undefined),
      kill: async () => ok(undefined),
      counts: () => ({ outOfMemoryKills: 1, forksRefused: 0 }),
      remove: () => true,
    },
    listeners: [],
    listen: async () => ok([]),
    stdio: { kind: 'pipes', stdin: handle(), stdout: handle(), stderr: handle() },
    unblock: handle(),
    directory: '/nonexistent/cell',
    hidesCommand: false,
    decoys: [],
    unmount: () => true,
    freeUid: () => true,
    mountsUnder: () => [],
    forget: () => undefined,
    mayBegin: () => ok(undefined),
  }
}
