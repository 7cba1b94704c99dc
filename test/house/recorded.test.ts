/** Scripted runs write into their ledgers, entry by entry, what was recorded before the house was rebuilt. */
import assert from 'node:assert/strict'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import process from 'node:process'
import { describe, it } from 'node:test'
import { normalLines } from './normal-entries.ts'
import { SCRIPTS } from './scripts.ts'

describe('a scripted run', () => {
  for (const [name, script] of Object.entries(SCRIPTS))
    it(`${name}: has the entries that were recorded`, async () => {
      const file = join(import.meta.dirname, 'recorded', `${name}.jsonl`)
      const lines = normalLines(await script())
      // FIREBREAK_RECORD=1 writes what stands now: for a change of entries that somebody means.
      if (process.env.FIREBREAK_RECORD === '1') writeFileSync(file, `${lines.join('\n')}\n`)
      assert.ok(existsSync(file), `${file}: record it with FIREBREAK_RECORD=1`)
      assert.deepEqual(lines, readFileSync(file, 'utf8').trimEnd().split('\n'))
    })
})
