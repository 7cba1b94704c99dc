import assert from 'node:assert/strict'
import { statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { it } from 'node:test'
import { temporaryDirectory } from '../../../test/kit/temporary.ts'
import { stateFault } from './state.ts'

it('a state that another user made is told with its owner, and one that is not there is none', () => {
  const state = temporaryDirectory()
  const { uid } = statSync(state)
  const fault = stateFault(state, () => false)
  const owner = uid === 0 ? 'root' : `uid ${uid}`
  assert.deepEqual(fault, {
    problem: `${state} cannot be read: a run of ${owner} made it`,
    fix: `do this as ${owner}, or name a state of your own with --state`,
  })
  assert.equal(stateFault(state), undefined)
  assert.equal(
    stateFault(join(state, 'none'), () => false),
    undefined,
  )
})

it('a path at which no state can lie is told as such: too long, or below a file', () => {
  const directory = temporaryDirectory()
  const file = join(directory, 'file')
  writeFileSync(file, '')
  for (const [path, why] of [
    [join(directory, 'a'.repeat(256)), /^no state can lie there: ENAMETOOLONG/],
    [join(directory, ...Array.from({ length: 30 }, () => 'a'.repeat(200))), /ENAMETOOLONG/],
    [join(file, 'state'), /ENOTDIR/],
  ] as const) {
    const fault = stateFault(path)
    assert.match(fault?.problem ?? '', why)
    assert.match(fault?.fix ?? '', /--state names another/)
  }
})
