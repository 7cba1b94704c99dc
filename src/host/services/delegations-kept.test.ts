import assert from 'node:assert/strict'
import { mkdirSync, readdirSync, utimesSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { it } from 'node:test'
import { temporaryDirectory } from '../../../test/kit/temporary.ts'
import { clearDelegations, DELEGATIONS_KEPT } from './delegations-kept.ts'

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
const discard = () => ({ ok: true })

it('of delegations that have ended the newest are kept, with the files of their servers; other workspaces stay', () => {
  const many = Array.from({ length: DELEGATIONS_KEPT + 4 }, (_, at) => one(at))
  const state = stateWith('desk', 'desk+payments', '+shared', ...many.flatMap((name) => [name, `${name}+payments`]))
  const asked: string[] = []
  clearDelegations(state, {
    isLive: (name) => name === one(0),
    discard: (changes) => ({ ok: asked.push(changes) > 0 && !changes.endsWith(one(1)) }),
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

it('their bytes are bounded together, whatever their number', () => {
  const state = stateWith(one(0), one(1), one(2))
  for (const at of [0, 1, 2]) {
    writeFileSync(join(state.directory, one(at), 'disk'), Buffer.alloc(4_096, 1))
    utimesSync(join(state.directory, one(at)), 1_000 + at, 1_000 + at)
  }
  clearDelegations(state, { isLive: () => false, discard }, 8_192)
  assert.deepEqual(readdirSync(state.directory), [one(1), one(2)])
  clearDelegations(state, { isLive: () => false, discard }, 1)
  assert.deepEqual(readdirSync(state.directory), [one(2)], 'the newest stays')
})
