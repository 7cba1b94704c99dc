/** Whether a mutant still answers as Cedar did: `differential.test.ts`, with cases that were drawn and answered before. */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import process from 'node:process'
import { it } from 'node:test'
import { disagreementsOnSet, disagreementsOnValue } from '../policy/differential/cases.ts'
import type { Chunk } from '../policy/differential/chunk.ts'

it('random policies and expressions answer as Cedar does', () => {
  const { sets, values } = JSON.parse(readFileSync(process.env.FIREBREAK_CEDAR_CASES ?? '', 'utf8')) as Chunk
  for (const each of values) assert.deepEqual(disagreementsOnValue(each), [])
  for (const each of sets) assert.deepEqual(disagreementsOnSet(each), [])
})
