/** Scripted runs write into their ledgers, entry by entry, what was recorded before the house was rebuilt. */
import { describe, it } from 'node:test'
import { assertRecorded, NOT_COMPARED } from './compared.ts'
import { SCRIPTS } from './scripts.ts'

describe('a scripted run', { skip: NOT_COMPARED }, () => {
  for (const [name, script] of Object.entries(SCRIPTS))
    it(`${name}: has the entries that were recorded`, async () => assertRecorded(name, await script()))
})
