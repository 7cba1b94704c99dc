import assert from 'node:assert/strict'
import { globSync } from 'node:fs'
import { join } from 'node:path'
import { it } from 'node:test'
import { PROGRAMS } from '../model/host/program-file.ts'

const sources = join(import.meta.dirname, '..')
/** Shown to cells, at places of their own, where no compiled code is kept. */
const IN_CELLS = /^(rehearsal\/drill|cells\/linux\/workspace\/inside)\//

it('every program of ours is bundled and compiled before the first start', () => {
  const programs = globSync(['**/main.ts', '**/*-main.ts'], { cwd: sources }).filter((path) => !IN_CELLS.test(path))
  assert.ok(programs.length >= 6, 'control: they are found')
  assert.deepEqual(programs.map((path) => path.replace('.ts', '')).sort(), [...PROGRAMS].sort())
})
