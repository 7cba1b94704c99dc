/** Scripted runs write into their ledgers, entry by entry, what was recorded before the house was rebuilt. */
import { describe, it } from 'node:test'
import { assertRecorded } from './compared.ts'
import { SCRIPTS } from './scripts.ts'

describe('a scripted run', () => {
  for (const [name, script] of Object.entries(SCRIPTS))
    it(`${name}: has the entries that were recorded`, async () => assertRecorded(name, await script()))
})
