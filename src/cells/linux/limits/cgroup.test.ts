import assert from 'node:assert/strict'
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, describe, it } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { CGROUP_PARENT, reapCgroup } from './cgroup.ts'

const directory = mkdtempSync(join(tmpdir(), 'cgroup-'))
after(() => rmSync(directory, { recursive: true, force: true }))

/** A group of a dead warden in a hierarchy of its own; a directory with a file in it cannot be removed, as a group in use. */
function groupOf(name: string) {
  const own = join(directory, name, CGROUP_PARENT, 'c_1')
  mkdirSync(own, { recursive: true })
  const quota = join(own, 'cpu.max')
  writeFileSync(quota, '5000 100000')
  const host = { controllers: { cpu: { directory: join(directory, name), version: 2 as const } } }
  return { own, quota, host }
}

describe('S13: the group of a cell whose warden is dead', () => {
  it('is removed when the kernel lets go of what has ended in it, and what ends is not throttled', async () => {
    const { own, quota, host } = groupOf('slow')
    const reaped = reapCgroup(host, 'c_1', 60_000)
    await delay(50)
    assert.equal(readFileSync(quota, 'utf8').slice(0, 3), 'max')
    rmSync(quota)
    assert.equal(await reaped, true)
    assert.ok(!existsSync(own))
  })

  it('is left where it is in use for longer than that', async () => {
    const { own, host } = groupOf('stuck')
    assert.equal(await reapCgroup(host, 'c_1', 40), false)
    assert.ok(existsSync(own))
  })

  it('is gone where it never was', async () => {
    assert.equal(await reapCgroup(groupOf('other').host, 'c_2', 0), true)
  })
})
