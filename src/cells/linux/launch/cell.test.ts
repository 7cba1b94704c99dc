import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { openSync } from 'node:fs'
import { it } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
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

it('S8: where its group is empty, no connection of a cell stands, while its pid 1 is still ending and shows no table', async () => {
  const init = { pid: 0, lives: () => true, kill: () => undefined }
  const given = parts()
  const seen = (isEmpty: boolean) =>
    cellOf({ ...given, monitor: spawn('true'), init, cgroup: { ...given.cgroup, isEmpty: () => isEmpty } }).connections(
      0,
    )
  assert.deepEqual([await seen(true), await seen(false)], [0, undefined])
})

it('K4: what is mounted of it is looked at once that was taken away, however long it takes', async () => {
  const monitor = spawn('true')
  await once(monitor, 'exit')
  let mounts = ['/nonexistent/cell/disk']
  const unmount = async () => {
    await delay(20)
    mounts = []
  }
  const init = { pid: 0, lives: () => false, kill: () => undefined }
  const cell = cellOf({ ...parts(), monitor, init, unmount, mountsUnder: () => mounts })
  assert.ok((await cell.teardown()).gone)
})

function parts(): Omit<CellParts, 'monitor' | 'init'> {
  const handle = () => hold(openSync('/dev/null', 'r'))
  return {
    receipt: {
      cell: 'c_test',
      root: 'none',
      limits: { pids: 8 },
      ports: [8000],
      anywhere: [],
    } as unknown as LaunchReceipt, // as far as it is read
    cgroup: {
      enforcedBy: { freeze: 'v2' },
      removal: 'removed',
      place: async () => ok(undefined),
      pids: () => [],
      isEmpty: () => true,
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
    unmount: async () => undefined,
    freeUid: () => true,
    mountsUnder: () => [],
    forget: () => undefined,
    mayBegin: () => ok(undefined),
  }
}
