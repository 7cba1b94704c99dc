// In a process of its own: it holds the main thread.
import assert from 'node:assert/strict'
import { closeSync, openSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { setImmediate as turn } from 'node:timers/promises'
import { temporaryDirectory } from '../../../test/kit/temporary.ts'
import { until } from '../../../test/kit/until.ts'
import { LIMITS } from '../../model/index.ts'
import { startHeartbeat } from '../link/heartbeat.ts'
import { HEARTBEAT_EVERY_MS, PULSE_BYTES } from '../link/pulse.ts'
import { LoopSlices } from './loop-slices.ts'

const LARGE = LIMITS.smallPieceBytesMax + 1

describe('turns', () => {
  it('S14: TU1: large pieces are one in each turn, and an owner with many does not keep another waiting', async () => {
    const turns = new LoopSlices()
    const done: string[] = []
    for (let i = 0; i < 20; i++) turns.take(ATTACKER, LARGE)?.then(() => done.push('attacker'))
    turns.take(NEIGHBOUR, LARGE)?.then(() => done.push('neighbour'))
    await turn()
    assert.equal(done.length, 1)
    await turn()
    await turn()
    assert.ok(done.includes('neighbour'), String(done))
    while (done.length < 21) await turn()
  })

  it('S14: TU2: small ones go straight through, so many for each owner in a turn', async () => {
    const turns = new LoopSlices()
    const take = () => Array.from({ length: LIMITS.smallPiecesMax }, () => turns.take(ATTACKER, 100))
    assert.ok(take().every((waiting) => waiting === undefined))
    const waiting = turns.take(ATTACKER, 100)
    assert.notEqual(waiting, undefined)
    assert.equal(turns.take(NEIGHBOUR, 100), undefined)
    await waiting
    await turn()
    assert.ok(take().every((each) => each === undefined))
  })
})

describe('messages of an upstream', () => {
  it('S14: tiny ones share a piece, and many of them wait all the same', () => {
    const turns = new LoopSlices()
    const turn = turns.batched(ATTACKER)
    const straight = Array.from({ length: 10_000 }, () => turn(50)).findIndex((waiting) => waiting !== undefined)
    assert.ok(straight > 1_000 && straight < 5_000, `${straight}`)
    assert.notEqual(turns.batched(NEIGHBOUR)(LARGE), undefined)
  })
})

const ATTACKER = {}
const NEIGHBOUR = {}

describe('the heartbeat', () => {
  it('S14: beats while the main thread moves, however long it is in one turn, and not while it is stuck', async (t) => {
    const file = join(temporaryDirectory(), 'beats')
    const fd = openSync(file, 'w')
    t.after(() => closeSync(fd))
    const turns = new LoopSlices()
    const beating = startHeartbeat(fd, turns, () => assert.fail('its thread failed'))
    t.after(() => beating.stop())
    const beats = () => statSync(file).size / PULSE_BYTES
    await until('it beats at rest', () => beats() >= 1)

    const before = beats()
    const patience = performance.now() + 20_000
    while (beats() < before + 2 && performance.now() < patience) turns.moved()
    assert.ok(beats() >= before + 2, 'one long turn of many pieces')

    const stuck = performance.now() + HEARTBEAT_EVERY_MS * 4
    const then = beats()
    while (performance.now() < stuck);
    assert.ok(beats() <= then + 1, 'one piece without an end')
  })
})
