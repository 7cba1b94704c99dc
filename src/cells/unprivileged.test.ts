import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import process from 'node:process'
import { describe, it } from 'node:test'
import { uidArgument } from './unprivileged.ts'

const root = process.getuid?.() === 0
const UID = 1_900_000_007

/** What a service could still do after it was shut, told by a process that was. */
const PROGRAM = `
  import { readFileSync } from 'node:fs'
  import { shutProcess } from ${JSON.stringify(join(import.meta.dirname, 'unprivileged.ts'))}
  shutProcess(${UID})
  const tried = (attempt) => { try { attempt(); return 'done' } catch (error) { return error.code ?? error.message } }
  const status = readFileSync('/proc/self/status', 'utf8')
  console.log(JSON.stringify({
    uid: process.getuid(),
    groups: process.getgroups(),
    back: tried(() => process.setuid(0)),
    shadow: tried(() => readFileSync('/etc/shadow')),
    memory: tried(() => readFileSync('/proc/1/environ')),
    newPrivileges: /NoNewPrivs:\\t(\\d)/.exec(status)[1],
    threads: new Set(status.match(/Uid:.*/g)).size,
  }))`

describe('shutProcess', { skip: root ? false : 'needs root to give up' }, () => {
  it('S6: a service is its own uid for good, without groups, without a way back', () => {
    const child = spawnSync(process.execPath, ['--input-type=module', '-e', PROGRAM], { encoding: 'utf8' })
    assert.equal(child.status, 0, child.stderr)
    const seen = JSON.parse(child.stdout)
    assert.deepEqual(
      { ...seen, groups: seen.groups.filter((group: number) => group !== UID) },
      { uid: UID, groups: [], back: 'EPERM', shadow: 'EACCES', memory: 'EACCES', newPrivileges: '1', threads: 1 },
    )
  })
})

it('a uid is a number above 0, or the service does not start', () => {
  assert.equal(uidArgument(['--uid', '42']), 42)
  assert.equal(uidArgument([]), undefined)
  for (const wrong of ['0', '-1', 'root', '']) assert.throws(() => uidArgument(['--uid', wrong]), RangeError)
})
