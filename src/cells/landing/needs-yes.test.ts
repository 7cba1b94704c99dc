import assert from 'node:assert/strict'
import { it } from 'node:test'
import type { Change } from '../workspace.ts'
import { needsYes } from './needs-yes.ts'

function change(path: string, more: Partial<Change> = {}): Change {
  return { kind: 'added', path, type: 'file', mode: 0o644, bytes: 1, inode: '0', ...more }
}

it('S8: others have turns between two changes, of which a cell makes as many as are told', async () => {
  let turns = 0
  const changes = [
    change('b', { acts: 'git runs it' }),
    change('Makefile'),
    change('build', { type: 'directory' }),
    change('l', { type: 'symlink', target: '.envrc' }),
    change('plain.ts'),
  ]
  const yes = await needsYes(changes, () => Promise.resolve(void turns++))
  assert.deepEqual(
    yes.map(({ path }) => path),
    ['Makefile', 'b', 'l'],
    'by their names first',
  )
  assert.equal(turns, changes.length)
})
