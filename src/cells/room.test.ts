// In a process of its own: it counts the descriptors of the process.
/** The small pure parts of the room. */
import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, readdirSync, rmSync, statSync, symlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, it } from 'node:test'
import fc from 'fast-check'
import { liesIn, resolvedPath } from '../model/host/host-paths.ts'
import { hold } from './handle.ts'
import { idMap } from './kernel/owner-map.ts'
import { freeUid, reserveUid, reserveWorkspace, UID_FIRST, UID_LAST } from './kernel/uid.ts'
import { cgroupMounts } from './linux/limits/cgroup-host.ts'
import { diskOf } from './linux/limits/disk.ts'

const base = mkdtempSync(join(tmpdir(), 'firebreak-room-'))
after(() => rmSync(base, { recursive: true, force: true }))

it('cgroup hierarchies are read from mountinfo, hybrid and pure', () => {
  const hybrid = [
    '30 25 0:26 / /sys/fs/cgroup rw shared:9 - tmpfs tmpfs rw,mode=755',
    '31 30 0:27 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory',
    '32 30 0:28 / /sys/fs/cgroup/cpu,cpuacct rw - cgroup cgroup rw,cpu,cpuacct',
    '33 30 0:29 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw',
  ].join('\n')
  assert.deepEqual(
    cgroupMounts(hybrid).map(({ directory, version }) => [directory, version]),
    [
      ['/sys/fs/cgroup/memory', 1],
      ['/sys/fs/cgroup/cpu,cpuacct', 1],
      ['/sys/fs/cgroup/unified', 2],
    ],
  )
  assert.ok(cgroupMounts(hybrid)[1]?.controllers.includes('cpu'))
  assert.deepEqual(cgroupMounts('30 25 0:26 / /sys/fs/cgroup rw shared:4 - cgroup2 cgroup2 rw,nsdelegate'), [
    { directory: '/sys/fs/cgroup', version: 2, controllers: [] },
  ])
})

it('an owner map shows one id as another, all others as themselves, and none twice', () => {
  const id = fc.integer({ min: 0, max: 2 ** 32 - 2 })
  fc.assert(
    fc.property(id, id, id, (owner, shown, other) => {
      fc.pre(owner !== shown)
      const lines = idMap(owner, shown)
        .trim()
        .split('\n')
        .map((line) => line.split(' ').map(Number))
      const mapped = (from: number): number | undefined => {
        const hits = lines.filter(([inside = 0, , count = 0]) => from >= inside && from < inside + count)
        assert.ok(hits.length <= 1, 'mapped twice')
        const [inside = 0, outside = 0] = hits[0] ?? []
        return hits.length === 0 ? undefined : outside + from - inside
      }
      assert.equal(mapped(owner), shown)
      assert.equal(mapped(shown), undefined, 'a file of the shown id is nobody’s')
      if (other !== owner && other !== shown) assert.equal(mapped(other), other)
    }),
  )
})

it('a uid is held by one, and lies in our range', () => {
  const directory = join(base, 'uids')
  for (const random of [0, 0.5, 0.999_999_999_9]) {
    const uid = reserveUid(directory, 'a', () => random)
    assert.ok(uid.ok && uid.value >= UID_FIRST && uid.value <= UID_LAST)
    const second = reserveUid(directory, 'b', () => random)
    assert.ok(!second.ok && second.reason.kind === 'exhausted', 'the same number again and again')
    const third = reserveUid(directory, 'b', Math.random, uid.value)
    assert.deepEqual(third, { ok: false, reason: { kind: 'taken', uid: uid.value, holder: 'a' } })
    freeUid(directory, uid.value)
    assert.ok(reserveUid(directory, 'b', Math.random, uid.value).ok)
  }
  assert.equal(statSync(directory).mode & 0o777, 0o700)
})

it('a workspace is held by one', () => {
  const directory = join(base, 'locks')
  const held = reserveWorkspace(directory, '/state/changes', 'a')
  assert.ok(held.ok)
  assert.deepEqual(reserveWorkspace(directory, '/state/changes', 'b'), { ok: false, reason: 'a' })
  assert.ok(reserveWorkspace(directory, '/state/others', 'b').ok)
  held.value()
  assert.ok(reserveWorkspace(directory, '/state/changes', 'b').ok)
})

it('paths are compared as what they lead to, whether they exist or not', () => {
  mkdirSync(join(base, 'real/inner'), { recursive: true })
  symlinkSync(join(base, 'real'), join(base, 'link'))
  assert.equal(resolvedPath(join(base, 'link/inner')), join(base, 'real/inner'))
  assert.equal(resolvedPath(join(base, 'link/not/there')), join(base, 'real/not/there'))
  assert.ok(liesIn('/a/b', '/a') && liesIn('/a', '/a') && liesIn('/a', '/'))
  assert.ok(!liesIn('/ab', '/a') && !liesIn('/a', '/a/b'))
})

it('H1, H2: a descriptor is closed once, and not at all when it was taken', () => {
  const before = readdirSync('/proc/self/fd').length
  const handle = hold(-1)
  assert.equal(handle.take(), -1)
  handle.close()
  assert.throws(() => handle.fd)
  assert.throws(() => handle.take())
  assert.equal(readdirSync('/proc/self/fd').length, before)
})

it('the disk under a path is a whole one', () => {
  const disk = diskOf(base)
  assert.ok(disk === undefined || /^\d+:\d+$/.test(disk))
})
