import assert from 'node:assert/strict'
import { existsSync, mkdirSync, readdirSync, utimesSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { temporaryDirectory } from '../../../../test/kit/temporary.ts'
import { reapOrphans } from './run-directory.ts'

const DEAD = JSON.stringify({ pid: 4_194_304, startTicks: '1' })

describe('what dead wardens have left', () => {
  it('is removed, and nothing else is that lies where runs do', async () => {
    const base = join(temporaryDirectory(), 'base')
    const place = (name: string, file: string, text = '') => {
      mkdirSync(join(base, name), { recursive: true, mode: 0o700 })
      writeFileSync(join(base, name, file), text)
    }
    place('runs/r_0000000000000001', 'owner', DEAD)
    place('runs/r_0000000000000001/cells/c_1', 'about')
    // Its removal was cut off.
    place('runs/r_0000000000000002/cells/c_2', 'about')
    const others = ['runs/experiment-1', 'runs/r_0000000000000003', 'runs/r_12', 'runs/.r_0000000000000004']
    for (const name of others) place(name, 'model.bin')
    place('runs/r_12', 'owner', DEAD)
    place('uids', 'readme')
    place('uids', '1950000001')
    for (const name of ['readme', '1950000001']) utimesSync(join(base, 'uids', name), 1, 1)
    const reaped = await reapOrphans(base, { controllers: {} })
    assert.deepEqual(reaped.map(({ run }) => run).sort(), ['r_0000000000000001', 'r_0000000000000002'])
    assert.deepEqual(
      others.filter((name) => !existsSync(join(base, name, 'model.bin'))),
      [],
    )
    assert.equal(readdirSync(join(base, 'runs')).length, others.length)
    assert.deepEqual(readdirSync(join(base, 'uids')), ['readme'])
  })
})
