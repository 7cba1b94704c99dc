import assert from 'node:assert/strict'
import { mkdirSync, readdirSync, rmSync, utimesSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { it } from 'node:test'
import { temporaryDirectory } from '../../../test/kit/temporary.ts'
import { no, ok, type Rung } from '../../model/index.ts'
import { clearDelegations, DELEGATIONS_KEPT, isEvidence } from './delegations-kept.ts'

function stateWith(...names: readonly string[]) {
  const directory = join(temporaryDirectory(), 'workspaces')
  for (const [at, name] of names.entries()) {
    mkdirSync(join(directory, name), { recursive: true })
    writeFileSync(join(directory, name, 'record.json'), '{}')
    utimesSync(join(directory, name), 1_000 + at, 1_000 + at)
  }
  return { directory, workspace: (name: string) => join(directory, name) }
}

const one = (number: number) => `helper--${String(number).padStart(16, '0')}`
const discard = async (changes: string) => {
  for (const name of ['disk', 'record.json']) rmSync(join(changes, name), { force: true })
  return { ok: true }
}

it('of delegations that have ended the newest are kept, with the files of their servers; other workspaces stay', async () => {
  const many = Array.from({ length: DELEGATIONS_KEPT + 4 }, (_, at) => one(at))
  const state = stateWith('desk', 'desk+payments', '+shared', ...many.flatMap((name) => [name, `${name}+payments`]))
  const asked: string[] = []
  await clearDelegations(state, {
    stays: (name) => name === one(0),
    discard: async (changes) => {
      asked.push(changes)
      return changes.endsWith(one(1)) ? { ok: false } : discard(changes)
    },
  })
  const left = readdirSync(state.directory)
  const gone = [2, 3].flatMap((at) => [one(at), `${one(at)}+payments`])
  assert.deepEqual(
    left.filter((name) => gone.includes(name)),
    [],
  )
  for (const name of ['desk', 'desk+payments', '+shared', one(0), one(4), `${one(19)}+payments`])
    assert.ok(left.includes(name), name)
  assert.ok(left.includes(one(1)), 'what somebody works on stays')
  assert.equal(asked.length, 6, 'three of them are past the sixteenth; the live one is not asked about')
})

it('their bytes are bounded together, whatever their number', async () => {
  const state = stateWith(one(0), one(1), one(2))
  for (const at of [0, 1, 2]) {
    writeFileSync(join(state.directory, one(at), 'disk'), Buffer.alloc(4_096, 1))
    utimesSync(join(state.directory, one(at)), 1_000 + at, 1_000 + at)
  }
  await clearDelegations(state, { stays: () => false, discard }, 8_192)
  assert.deepEqual(readdirSync(state.directory), [one(1), one(2)])
  await clearDelegations(state, { stays: () => false, discard }, 1)
  assert.deepEqual(readdirSync(state.directory), [one(2)], 'the newest stays')
})

it('S16: what somebody has begun on files that were thrown away stays', async () => {
  const state = stateWith(one(0), one(1))
  mkdirSync(join(state.directory, one(0), 'checkpoints'))
  utimesSync(join(state.directory, one(0)), 1, 1)
  const begun = join(state.directory, one(0), 'record.json')
  await clearDelegations(
    state,
    {
      stays: () => false,
      discard: async () => {
        writeFileSync(begun, '')
        return { ok: true }
      },
    },
    -1,
  )
  assert.deepEqual(readdirSync(join(state.directory, one(0))), ['record.json'])
})

it('S8: those of a contained agent are evidence, and stay; of all, where it is not known who is contained', () => {
  const standing = (rung: Rung) => (agent: string) => ok(agent === 'helper' ? rung : 'normal')
  const of = (rung: Rung, workspace = one(1)) => isEvidence(workspace, standing(rung))
  assert.deepEqual(
    [of('watched'), of('restricted'), of('quarantined'), of('frozen'), of('killed')],
    [false, false, true, true, true],
  )
  assert.ok(of('frozen', `${one(1)}+payments`), 'and those of its servers')
  assert.equal(of('frozen', `desk--${'0'.repeat(16)}`), false)
  assert.equal(
    isEvidence(one(1), () => no('it cannot be read')),
    true,
  )
})

it('S8: an order that comes while delegations are being cleared keeps those that are left, and their checkpoints', async () => {
  const state = stateWith(one(0), one(1), one(2))
  for (const at of [0, 1]) mkdirSync(join(state.directory, one(at), 'checkpoints', 'k_1'), { recursive: true })
  for (const at of [0, 1, 2]) utimesSync(join(state.directory, one(at)), 1_000 + at, 1_000 + at)
  let ordered = false
  await clearDelegations(
    state,
    {
      stays: () => ordered,
      discard: async (changes) => {
        ordered = true
        return discard(changes)
      },
    },
    -1,
  )
  assert.deepEqual(readdirSync(state.directory), [one(0), one(1), one(2)])
  assert.deepEqual(readdirSync(join(state.directory, one(0))), ['checkpoints', 'record.json'])
  assert.deepEqual(readdirSync(join(state.directory, one(1), 'checkpoints')), ['k_1'])
})
