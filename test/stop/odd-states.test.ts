/** S8: whichever directory holds the state, a run can be stopped there, or does not start; and nobody is told "contained" in vain. */
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { firebreak, SKIP } from '../kit/command-line.ts'
import { temporaryDirectory } from '../kit/temporary.ts'
import { BY_MARIA, desk, fenced, ledgerHolds, nothingIsLeft, over, standsStill } from './kit.ts'

const FAILED = 1
const UNREACHABLE = 6
const USAGE = 2

describe('S8: a state in an odd place', { skip: SKIP, concurrency: 2 }, () => {
  it('a path of 300 bytes: ps tells of the cell, contain stops it, and its fence and receipt are there', async () => {
    const directory = temporaryDirectory()
    const state = join(directory, 'd'.repeat(150), 'e'.repeat(300 - directory.length - 152))
    assert.equal(state.length, 300)
    const far = await desk({ state })
    const run = await far.start()
    assert.match((await far.ask(['ps'])).stdout, /^c_\S+ +alpha +test +normal/m)
    // By another state of the same configuration it is not reached, and nobody is told that it is contained.
    const other = ['--config', far.config, '--state', join(directory, 'other')]
    for (const meant of ['alpha', 'test', 'maria.silva@shop.example']) {
      const elsewhere = await firebreak(['contain', meant, ...other, ...BY_MARIA])
      assert.equal(elsewhere.code, FAILED)
      assert.ok(/^NO {3}another state .*--state (.*) \(/m.exec(elsewhere.stdout)?.[1] === state, elsewhere.stdout)
    }
    // Whoever runs can be stopped by the names that it runs under, and by those that the configuration has by now.
    const [before, since] = ['maria.silva@shop.example', 'ana.lopes@shop.example']
    writeFileSync(far.config, readFileSync(far.config, 'utf8').replaceAll(before, since))
    for (const [owner, rung] of [
      [since, 'restricted'],
      [before, 'quarantined'],
    ] as const) {
      const lowered = await far.ask(['contain', owner, '--rung', rung, ...BY_MARIA])
      assert.equal(lowered.code, 0, lowered.stdout + lowered.stderr)
      assert.match(lowered.stdout, new RegExp(`^${rung}: c_`, 'm'), owner)
      assert.match((await far.ask(['ps'])).stdout, new RegExp(`^c_\\S+ +alpha +test +${rung}`, 'm'))
    }
    writeFileSync(far.config, readFileSync(far.config, 'utf8').replaceAll('alpha', 'omega'))
    const stopped = await far.ask(['contain', 'alpha', ...BY_MARIA])
    const still = await standsStill(far)
    assert.equal(stopped.code, 0, stopped.stdout + stopped.stderr)
    assert.match(stopped.stdout, /^yes {2}processes of c_/m)
    assert.equal(fenced(state), 'frozen')
    still()
    await over(far, run)
    await ledgerHolds(far)
    await nothingIsLeft(far)
  })

  it('one whose note of the places of its runs cannot be read: nobody is told that nothing runs', async () => {
    const state = join(temporaryDirectory(), 'state')
    mkdirSync(join(state, 'ledger'), { recursive: true })
    const contain = () => firebreak(['contain', 'all', '--state', state, ...BY_MARIA])
    assert.equal((await contain()).code, 0, 'control')
    mkdirSync(join(state, 'run-directories'))
    const told = await contain()
    assert.equal(told.code, FAILED, told.stdout)
    assert.match(told.stdout, /^NO {3}dead wardens +\S+run-directories cannot be read/m)
    assert.match(told.stdout, /^NO {3}host +\S+run-directories cannot be read/m)
    assert.match(told.stdout, /^NOT CONTAINED/m)
  })

  it('one in which no control socket can be made: run says so and starts nothing', async () => {
    const state = join(temporaryDirectory(), 'state')
    mkdirSync(state)
    writeFileSync(join(state, 'control'), 'no directory')
    const shut = await desk({ state })
    const ran = await shut.run().ended
    assert.equal(ran.code, FAILED)
    assert.match(ran.stderr, /^firebreak: not started: the control socket in \S+ does not open/)
    assert.equal(shut.upstream.calls.length, 0)
  })

  it('one whose fence cannot be written, and whose tenants are a file: each step has its line, and the next is taken', async () => {
    const state = join(temporaryDirectory(), 'state')
    mkdirSync(join(state, 'fence/lock'), { recursive: true })
    mkdirSync(join(state, 'ledger'))
    writeFileSync(join(state, 'tenants'), 'no directory')
    const { config } = await desk({ state })
    rmSync(config)
    assert.equal(spawnSync('/usr/bin/mkfifo', [config]).status, 0)
    const long = ['--as', 'maria.silva@shop.example', '--why', 'x'.repeat(100_000)]
    const told = await firebreak(['contain', 'all', ...long, '--config', config, '--state', state])
    assert.equal(told.code, FAILED, told.stdout + told.stderr)
    assert.match(told.stdout, /^NO {3}fence .*EISDIR/m)
    assert.match(told.stdout, /^yes {2}host /m)
    assert.match(told.stdout, /^NOT CONTAINED/m)
    assert.doesNotMatch(told.stderr, /\n\s+at /)
  })

  it('one of a tenant, and a directory that is none: nobody is stopped, nothing is written, and the state is told', async () => {
    const directory = temporaryDirectory()
    const state = join(directory, 'state')
    for (const part of ['ledger', 'witness']) mkdirSync(join(state, 'tenants/acme', part), { recursive: true })
    const { config } = await desk({ state })
    for (const [named, told] of [
      [join(state, 'tenants/acme'), `name --state ${state}`],
      [directory, `name --state ${state}`],
    ] as const) {
      const refused = await firebreak(['contain', 'all', ...BY_MARIA, '--config', config, '--state', named])
      assert.deepEqual([refused.code, refused.stdout], [USAGE, ''])
      assert.match(refused.stderr, /nobody was stopped/)
      assert.ok(refused.stderr.includes(told), refused.stderr)
      assert.ok(!existsSync(join(named, 'fence')))
    }
    // Whom the gate would not take for a person keeps it from confirming.
    for (const person of ['', 'x'.repeat(257)]) {
      const nobody = await firebreak(['contain', 'all', '--as', person, '--config', config, '--state', state])
      assert.deepEqual([nobody.code, nobody.stdout], [USAGE, ''])
      assert.match(nobody.stderr, /--as names nobody/)
    }
    const ran = await firebreak(['run', '--agent', 'alpha', '--config', config, '--state', join(state, 'tenants/acme')])
    assert.deepEqual([ran.code, ran.stderr.includes(`name --state ${state}`)], [USAGE, true], ran.stderr)
  })

  it('one whose path no call takes, and one in which nothing has run: no stack, and nothing is called contained', async () => {
    const directory = temporaryDirectory()
    const { config } = await desk({ state: join(directory, 'state') })
    for (const state of [join(directory, 'y/'.repeat(2_200)), join(directory, 'typo')])
      for (const whom of ['all', 'alpha']) {
        const told = await firebreak(['contain', whom, ...BY_MARIA, '--config', config, '--state', state])
        assert.equal(told.code, FAILED, told.stdout)
        assert.match(told.stdout, /^NO {3}state .* nothing has run in/m)
        assert.match(told.stdout, /^NOT CONTAINED/m)
        assert.doesNotMatch(told.stderr, /\n\s+at /)
      }
    const deep = join(directory, 'y/'.repeat(2_200))
    const ran = await firebreak(['run', '--agent', 'alpha', '--config', config, '--state', deep])
    assert.equal(ran.code, UNREACHABLE)
    assert.match(ran.stderr, /^firebreak: no state can lie there: ENAMETOOLONG/)
    assert.doesNotMatch(ran.stderr, /\n\s+at /)
    assert.notEqual((await firebreak(['ps', '--config', config, '--state', deep], {})).code, 0)
    assert.ok(!existsSync(join(directory, 'y')), 'and nothing is made')
  })
})
