import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { it } from 'node:test'
import { BUBBLEWRAP } from '../launch/bubblewrap.ts'
import { lackingCapabilities, mapsCells, userNamespaceFix } from './root.ts'

it('capabilities that a container takes from its root are missed by name', () => {
  const status = (effective: string) => `Name:\tnode\nCapPrm:\t000001ffffffffff\nCapEff:\t${effective}\nCapBnd:\t0\n`
  assert.deepEqual(lackingCapabilities(status('000001ffffffffff')), [])
  // What docker gives by default.
  assert.deepEqual(lackingCapabilities(status('00000000a80425fb')), ['CAP_SYS_PTRACE', 'CAP_SYS_ADMIN'])
  assert.equal(lackingCapabilities('').length, 8)
})

it('a root whose user namespace has no uids for cells is none', () => {
  assert.equal(mapsCells('         0          0 4294967295\n'), true)
  assert.equal(mapsCells('         0     100000      65536\n'), false)
  assert.equal(mapsCells('         0       1000          1\n'), false)
  assert.equal(mapsCells(''), false)
})

it('what forbids user namespaces is named by the file that says so', { skip: !existsSync(BUBBLEWRAP) }, () => {
  const fixed = (path: string, value: string) => userNamespaceFix((asked) => (asked === path ? value : ''))
  assert.match(fixed('/proc/sys/kernel/apparmor_restrict_unprivileged_userns', '1'), /AppArmor profile for .*bwrap/)
  assert.match(fixed('/proc/sys/kernel/unprivileged_userns_clone', '0'), /^sysctl kernel\.unprivileged_userns_clone=1$/)
  assert.match(fixed('/proc/sys/user/max_user_namespaces', '0'), /^sysctl user\.max_user_namespaces=/)
  assert.match(fixed('/sys/fs/selinux/enforce', '1'), /^SELinux is enforcing/)
  for (const path of ['/proc/sys/kernel/apparmor_restrict_unprivileged_userns', '/sys/fs/selinux/enforce'])
    assert.match(fixed(path, '0'), /^in a container/)
})
