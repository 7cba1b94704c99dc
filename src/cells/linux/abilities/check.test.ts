import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { newCellId } from '../../../model/ids.ts'
import { type CellSpec, launchFaultText } from '../../spec.ts'
import { checkSpec } from './check.ts'

function spec(changes: Partial<CellSpec>): CellSpec {
  return {
    id: newCellId(new Uint8Array(16)),
    command: ['true'],
    variables: {},
    root: { kind: 'host-usr' },
    files: [],
    limits: { memoryBytes: 2 ** 26, cpu: 1, pids: 8 },
    ports: [],
    stdio: { kind: 'pipes' },
    protectedPaths: [],
    ...changes,
  }
}

function fault(changes: Partial<CellSpec>): string {
  const checked = checkSpec(spec(changes))
  return checked.ok ? '' : launchFaultText(checked.reason)
}

describe('what a launch may ask for', () => {
  it('S17: 64 files are shown, and one more is refused', () => {
    const files = Array.from({ length: 65 }, (_, i) => ({ from: '/etc/hostname', to: `/shown/${i}` }))
    assert.equal(fault({ files: files.slice(1) }), '')
    assert.equal(fault({ files }), 'files: at most 64')
  })

  it('S10: what no cell may read lies in no root file system that one sees', () => {
    assert.match(fault({ unseenPaths: ['/usr/share/keys/pay'] }), /lies in \/usr, which every cell of this root sees/)
    assert.equal(fault({ unseenPaths: ['/srv/keys/pay'] }), '')
    const root = mkdtempSync(join(tmpdir(), 'firebreak-root-'))
    try {
      for (const name of ['proc', 'dev', 'tmp', 'srv']) mkdirSync(join(root, name))
      const shown = { root: { kind: 'directory', path: root } } as const
      assert.match(fault({ ...shown, unseenPaths: [join(root, 'srv/key')] }), /which every cell of this root sees/)
      assert.equal(fault({ ...shown, unseenPaths: ['/usr/share/keys/pay'] }), '')
    } finally {
      rmSync(root, { recursive: true })
    }
  })

  it('a place that nothing can be made for is refused in words, before anything is', () => {
    const shown = (to: string) =>
      fault({
        files: [
          { from: '/usr/share', to: '/opt/share' },
          { from: '/etc/hostname', to },
        ],
      })
    const why = (directory: string) =>
      `${directory} is shown read-only and has no such place for it: name another, as /opt/…`
    assert.equal(shown('/usr/local/share/tool/conf'), `/usr/local/share/tool/conf: ${why('/usr')}`)
    assert.equal(shown('/lib/nowhere/conf'), `/lib/nowhere/conf: ${why('/lib')}`)
    assert.equal(shown('/opt/share/nowhere'), `/opt/share/nowhere: ${why('/opt/share')}`)
    for (const place of ['/usr/bin/env', '/opt/share/misc', '/opt/sharing', '/etc/nowhere/conf'])
      assert.equal(shown(place), '', place)
  })

  it('S17: 16 listeners, and one more is refused', () => {
    const ports = Array.from({ length: 17 }, (_, i) => 7_000 + i)
    assert.equal(fault({ ports: ports.slice(1) }), '')
    assert.equal(fault({ ports }), 'ports: at most 16')
  })

  it('S17: 16 ports of every address, and one more is refused; none twice, and none that a program could take', () => {
    const anywhere = Array.from({ length: 17 }, (_, i) => ({ transport: 'tcp', port: 5_000 + i }) as const)
    assert.equal(fault({ anywhere: anywhere.slice(1) }), '')
    assert.equal(fault({ anywhere }), 'anywhere: at most 16')
    const [one = { transport: 'tcp', port: 0 }] = anywhere
    assert.equal(fault({ anywhere: [one, { ...one }] }), 'anywhere: one is given twice')
    assert.equal(fault({ anywhere: [one, { transport: 'udp', port: 53 }], ports: [53] }), '')
    assert.equal(fault({ anywhere: [one], ports: [one.port] }), 'anywhere: one of them is among ports')
    for (const port of [0, -1, 0.5, 65_536, Number.NaN])
      assert.equal(fault({ anywhere: [{ transport: 'tcp', port }] }), 'anywhere: between 1 and 65,535', `${port}`)
    assert.equal(fault({ anywhere: [{ transport: 'udp', port: 1_023 }] }), '')
    assert.match(fault({ anywhere: [{ transport: 'udp', port: 1_024 }] }), /^anywhere: of UDP below 1024/)
  })

  it('S17: a command and its variables of a mebibyte, and one byte more is refused', () => {
    // Each text ends with a NUL byte, the empty working directory too.
    const fits = 'x'.repeat(1_048_576 - 'true'.length - 3)
    assert.equal(fault({ command: ['true', fits] }), '')
    assert.equal(fault({ command: ['true', `${fits}x`] }), 'command: over 1048576 bytes')
  })
})
