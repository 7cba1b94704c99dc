import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { cellId } from '../../model/index.ts'
import { processesOf } from './contain.ts'

describe('S8: what is seen of the cells that were stopped', () => {
  it('keeps the order waiting no longer than its bound, whatever the cells have made to be looked at', async () => {
    const looked: string[] = []
    const cells = ['c_0000000000000001', 'c_0000000000000002'].map((name) => ({
      cell: {
        id: cellId(name),
        evidence: async () => {
          looked.push(name)
          Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 20)
          return { processes: [], processesInAll: 2 }
        },
      },
    }))
    const seen = [...(await processesOf(cells, 10)).values()]
    assert.deepEqual(seen, [
      { processes: [], processesInAll: 2 },
      { problem: 'others were looked at, and there was no time left' },
    ])
    assert.deepEqual(looked, ['c_0000000000000001'])
  })
})
