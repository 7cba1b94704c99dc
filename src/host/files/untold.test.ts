import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { mkdirSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { it } from 'node:test'
import { temporaryDirectory } from '../../../test/kit/temporary.ts'
import { tellUntold, type UntoldEntry } from './untold.ts'

const contained = { kind: 'cell.contained', cell: 'c_0123456789abcdef', agent: 'alpha', rung: 'frozen', receipt: {} }
const about = { checkpoint: 'k_00000000000000000001', workspace: 'alpha', by: 'firebreak', why: '' }
const made = { kind: 'checkpoint.made', ...about, madeAtMs: 1, bytes: 0 }
const restored = { kind: 'checkpoint.restored', ...about, restoredAtMs: 1, before: 'k_00000000000000000000' }

it('tells what was left in its order, and what is not taken, or fails, stays and keeps nothing back', async () => {
  const { state, left } = stateWith([contained, made, restored])
  const told: unknown[] = []
  await tellUntold(state, async (entry) => {
    told.push(entry)
    if (entry.kind === 'cell.contained') throw new Error('it is about nobody')
    return entry.kind === 'checkpoint.restored'
  })
  assert.deepEqual(told, [contained, made, restored])
  assert.deepEqual(left(), ['0.json', '1.json'])
})

const damaged: readonly unknown[] = [
  null,
  {},
  7,
  [],
  'cell.contained',
  { kind: 'toString' },
  { kind: 'checkpoint.dropped', ...about },
  { kind: 'cell.contained' },
  { ...contained, rung: 'asleep' },
  { ...contained, receipt: [] },
  { ...contained, agent: '' },
  { ...contained, cell: 'c_1' },
  { kind: 'checkpoint.made' },
  { ...made, workspace: 7 },
  { ...made, bytes: '0' },
  { ...made, cell: {} },
  { ...restored, before: 3 },
]
for (const value of damaged)
  it(`a file that holds ${JSON.stringify(value)} is no entry: it stays, and keeps nothing behind it from being told`, async () => {
    const { state, left } = stateWith([value, contained])
    assert.deepEqual(await toldIn(state), [contained])
    assert.deepEqual(left(), ['0.json'])
  })

it('one that is empty, cut short, far too long or no file is no entry either', async () => {
  const { state, directory, left } = stateWith([])
  writeFileSync(join(directory, '1.json'), '')
  writeFileSync(join(directory, '2.json'), JSON.stringify(contained).slice(0, -1))
  writeFileSync(join(directory, '3.json'), `${JSON.stringify(contained)}${' '.repeat(2_000_000)}`)
  mkdirSync(join(directory, '4.json'))
  execFileSync('mkfifo', [join(directory, '5.json')])
  writeFileSync(join(directory, '6.json'), JSON.stringify(contained))
  assert.deepEqual(await toldIn(state), [contained])
  assert.deepEqual(left(), ['1.json', '2.json', '3.json', '4.json', '5.json'])
})

async function toldIn(state: string): Promise<readonly UntoldEntry[]> {
  const told: UntoldEntry[] = []
  await tellUntold(state, async (entry) => told.push(entry) > 0)
  return told
}

function stateWith(values: readonly unknown[]) {
  const state = temporaryDirectory()
  const directory = join(state, 'untold')
  mkdirSync(directory)
  for (const [i, value] of values.entries()) writeFileSync(join(directory, `${i}.json`), JSON.stringify(value))
  return { state, directory, left: () => readdirSync(directory).toSorted() }
}
