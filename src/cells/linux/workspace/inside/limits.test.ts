import assert from 'node:assert/strict'
import { existsSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { it } from 'node:test'
import { runs } from '../../../../../test/kit/runs.ts'
import { CHANGES_MAX, DEPTH_MAX, SAID_CHARACTERS_MAX } from './change.ts'
import { WALK_LIMITS, walk } from './walk.ts'

const MEMORY = '/dev/shm'

it('S17: the walk stops at the limit of changes, and says so', () => {
  // In memory where there is such a place: a disk takes ten seconds for so many files.
  const base = mkdtempSync(join(existsSync(MEMORY) ? MEMORY : tmpdir(), 'firebreak-walk-'))
  try {
    mkdirSync(join(base, 'upper/d'), { recursive: true })
    mkdirSync(join(base, 'lower'))
    const limits = { ...WALK_LIMITS, changes: runs(2_000, CHANGES_MAX) }
    for (let i = 0; i <= limits.changes; i++) writeFileSync(join(base, 'upper/d', `${i}`), '')
    let said = 0
    const trees = { lower: join(base, 'lower'), upper: join(base, 'upper'), merged: join(base, 'upper'), sinceMs: 0 }
    assert.equal(
      walk(trees, () => said++, limits),
      false,
    )
    assert.equal(said, limits.changes)
  } finally {
    rmSync(base, { recursive: true, force: true })
  }
})

it('S17: a walk that is given no other limits has those of a diff', () => {
  assert.deepEqual(WALK_LIMITS, { changes: CHANGES_MAX, characters: SAID_CHARACTERS_MAX })
  assert.deepEqual([CHANGES_MAX, SAID_CHARACTERS_MAX], [100_000, 64 * 1024 * 1024])
})

it('S17: the walk stops when it has said as much as anybody will read', () => {
  const base = mkdtempSync(join(tmpdir(), 'firebreak-walk-'))
  try {
    const deep = join(base, 'upper', ...Array.from({ length: 12 }, () => 'd'.repeat(250)))
    mkdirSync(deep, { recursive: true })
    const limits = { ...WALK_LIMITS, characters: runs(SAID_CHARACTERS_MAX / 32, SAID_CHARACTERS_MAX) }
    for (let i = 0; i < limits.characters / 6_700; i++) symlinkSync('t'.repeat(4_000), join(deep, `${i}`))
    let characters = 0
    const trees = { lower: join(base, 'lower'), upper: join(base, 'upper'), merged: join(base, 'upper'), sinceMs: 0 }
    assert.equal(
      walk(
        trees,
        (found) => {
          characters += JSON.stringify(found).length
        },
        limits,
      ),
      false,
    )
    assert.ok(characters >= limits.characters && characters < limits.characters + 10_000)
  } finally {
    rmSync(base, { recursive: true, force: true })
  }
})

it('S17: a tree deeper than the limit is refused from there on', () => {
  const base = mkdtempSync(join(tmpdir(), 'firebreak-walk-'))
  try {
    mkdirSync(join(base, 'upper', ...Array.from({ length: DEPTH_MAX + 10 }, () => 'd')), { recursive: true })
    const refused: string[] = []
    const trees = { lower: join(base, 'lower'), upper: join(base, 'upper'), merged: join(base, 'upper'), sinceMs: 0 }
    assert.equal(
      walk(trees, (found) => 'refused' in found && refused.push(found.why)),
      true,
    )
    assert.deepEqual(refused, [`deeper than ${DEPTH_MAX} directories`])
  } finally {
    rmSync(base, { recursive: true, force: true })
  }
})
