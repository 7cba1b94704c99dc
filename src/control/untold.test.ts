import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, it } from 'node:test'
import { tellUntold } from './untold.ts'

const state = mkdtempSync(join(tmpdir(), 'firebreak-untold-'))
after(() => rmSync(state, { recursive: true }))

it('a damaged file keeps nothing behind it from being told, and stays', async () => {
  const directory = join(state, 'untold')
  mkdirSync(directory)
  writeFileSync(join(directory, '1-a.json'), '')
  for (const [name, checkpoint] of ['2-b', '3-c'].entries())
    writeFileSync(join(directory, `${checkpoint}.json`), JSON.stringify({ kind: 'checkpoint.made', name }))
  const told: unknown[] = []
  await tellUntold(state, async (entry) => told.push(entry) === 1)
  assert.equal(told.length, 2)
  assert.deepEqual(readdirSync(directory).toSorted(), ['1-a.json', '3-c.json'])
})
