import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { SavedFirst } from './saved-first.ts'

function stand(waitMsMax?: number) {
  let asks = 0
  const first = new SavedFirst(() => asks++, waitMsMax)
  const gone = new AbortController()
  const settled: (string | undefined)[] = []
  const wait = () => void first.saved(gone.signal).then((problem) => settled.push(problem))
  return { first, gone, settled, wait, asks: () => asks }
}

const turn = () => new Promise((resolve) => setImmediate(resolve))

describe('actions that wait for their files to be saved', () => {
  it('SF1: one that comes while the warden is at it waits for the next', async () => {
    const { first, settled, wait, asks } = stand()
    wait()
    wait()
    wait()
    assert.equal(asks(), 1)
    first.heard(undefined)
    await turn()
    assert.deepEqual([settled.length, asks()], [1, 2], 'the second question is for both others')
    first.heard('the disk is full')
    await turn()
    assert.deepEqual(settled, [undefined, 'the disk is full', 'the disk is full'])
    assert.equal(asks(), 2)
  })

  it('SF2: an answer that comes late is not taken for that of the next question', async () => {
    const { first, gone, settled, wait, asks } = stand()
    wait()
    gone.abort()
    await turn()
    assert.deepEqual(settled, ['the cell is gone'])
    const later = first.saved(new AbortController().signal)
    assert.equal(asks(), 1, 'the first is still under way')
    first.heard(undefined)
    assert.equal(asks(), 2)
    first.heard('no')
    assert.equal(await later, 'no')
  })

  it('SF3 S17: nothing waits longer than the bound', async () => {
    const { settled, first } = stand(20)
    settled.push(await first.saved(new AbortController().signal))
    assert.deepEqual(settled, ['it was not done within 20 ms'])
    first.heard(undefined)
  })
})
