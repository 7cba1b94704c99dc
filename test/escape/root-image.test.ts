/** A root file system of its own: everything in it may be the attacker's, its shell and its libraries included. */
import assert from 'node:assert/strict'
import { chmodSync, copyFileSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { hostDirectory, launched, ran, SKIP, spec } from './kit.ts'

/** With the host's programs behind /host, so that the image needs none of its own. */
function image(): { readonly root: string; readonly changes: Parameters<typeof spec>[1] } {
  const root = hostDirectory()
  chmodSync(root, 0o755)
  for (const name of ['bin', 'dev', 'etc', 'proc', 'tmp', 'usr']) mkdirSync(join(root, name))
  for (const name of ['lib', 'lib64']) symlinkSync(`usr/${name}`, join(root, name))
  const variables = { PATH: '/usr/bin' }
  const files = [{ from: '/usr', to: '/usr' }]
  return { root, changes: { root: { kind: 'directory', path: root }, variables, files } }
}

describe('a root of its own', { skip: SKIP }, () => {
  it('S1: its shell is not what waits for the filter of pid 1', async () => {
    const { root, changes } = image()
    // Whoever runs this first wins what the wait is there to prevent.
    copyFileSync('/usr/bin/true', join(root, 'bin/sh'))
    const waiting = Array.from({ length: 20 }, () => ran(spec(['grep', '^Seccomp:', '/proc/1/status'], changes)))
    for (const { stdout, stderr } of await Promise.all(waiting)) assert.equal(stdout, 'Seccomp:\t2\n', stderr)
  })

  it('S1: nor can it have its own libraries loaded into what waits', async () => {
    const { root, changes } = image()
    writeFileSync(join(root, 'etc/ld.so.preload'), '/usr/lib/evil.so\n')
    await assert.rejects(launched(spec(['true'], changes)), /ld\.so\.preload/)
    const linked = image()
    mkdirSync(join(linked.root, 'elsewhere'))
    writeFileSync(join(linked.root, 'elsewhere/preload'), '/usr/lib/evil.so\n')
    symlinkSync('/elsewhere/preload', join(linked.root, 'etc/ld.so.preload'))
    await assert.rejects(launched(spec(['true'], linked.changes)), /ld\.so\.preload/)
    const variables = { PATH: '/usr/bin', LD_PRELOAD: '/usr/lib/evil.so' }
    await assert.rejects(launched(spec(['true'], { ...image().changes, variables })), /LD_PRELOAD/)
  })

  it('S1: it is read-only, and shows nothing of the host but what was given', async () => {
    const { changes } = image()
    const { stdout, stderr } = await ran(
      spec(['sh', '-c', 'ls / /dev/firebreak; touch /x /etc/x /dev/firebreak/x'], changes),
    )
    assert.match(stdout, /^\/:\nbin\ndev\netc\nlib\nlib64\nproc\ntmp\nusr\n/)
    assert.equal(stderr.match(/touch: .*Read-only file system/g)?.length, 3, stderr)
  })
})
