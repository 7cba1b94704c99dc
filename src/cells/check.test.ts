import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { newCellId } from '../model/ids.ts'
import { checkSpec } from './check.ts'
import { type CellSpec, launchFaultText } from './spec.ts'

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

  it('S17: 16 listeners, and one more is refused', () => {
    const ports = Array.from({ length: 17 }, (_, i) => 7_000 + i)
    assert.equal(fault({ ports: ports.slice(1) }), '')
    assert.equal(fault({ ports }), 'ports: at most 16')
  })

  it('S17: a command and its variables of a mebibyte, and one byte more is refused', () => {
    // Each text ends with a NUL byte, the empty working directory too.
    const fits = 'x'.repeat(1_048_576 - 'true'.length - 3)
    assert.equal(fault({ command: ['true', fits] }), '')
    assert.equal(fault({ command: ['true', `${fits}x`] }), 'command: over 1048576 bytes')
  })
})
