/** S9: nobody is let go on a terminal that a cell can write to, whoever types there. */
import assert from 'node:assert/strict'
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { SKIP } from '../kit/command-line.ts'
import { exitOf, onTerminal, terminal } from '../kit/terminal.ts'
import { until } from '../kit/until.ts'
import { BY_MARIA, desk, fenced } from './kit.ts'

describe('S9: the terminal of a run', { skip: SKIP }, () => {
  it('releases, approves and asks nothing; another one does', async () => {
    const shared = await desk()
    const own = ['--config', shared.config, '--state', shared.state]
    const [ofRun, ofPerson] = [terminal(), terminal()]
    const run = onTerminal(ofRun, ['run', '--agent', 'alpha', ...own])
    await until('it acts', () => shared.upstream.calls.length > 5)
    const contained = await shared.ask(['contain', 'alpha', '--rung', 'restricted', ...BY_MARIA])
    assert.equal(contained.code, 0, contained.stdout)

    const release = ['release', 'alpha', '--by', 'maria.silva@shop.example', '--reason', 'a test', ...own]
    const approve = ['approve', 'a_00000000000000000000', '--as', 'maria.silva@shop.example', ...own]
    assert.equal(await exitOf(onTerminal(ofRun, release)), 3)
    assert.match(
      ofRun.shown(),
      new RegExp(`a run \\(process ${run.pid}\\) shows what its cell writes on this terminal`),
    )
    assert.equal(await exitOf(onTerminal(ofRun, approve)), 3)
    assert.equal(fenced(shared.state), 'restricted')

    const asking = onTerminal(ofRun, ['approvals', '--ask', '--as', 'maria.silva@shop.example', ...own])
    assert.equal(await exitOf(asking), 3)
    // What asks before it does something asks nobody there.
    mkdirSync(join(shared.state, 'workspaces', 'desk'), { recursive: true })
    assert.equal(await exitOf(onTerminal(ofRun, ['commit', '--agent', 'desk', '--discard', ...own])), 4)
    assert.doesNotMatch(ofRun.shown(), /Throw away/)

    // What reads a pipe on its input may write on the terminal all the same.
    assert.equal(await exitOf(onTerminal(ofRun, release, 'ignore')), 3)
    assert.equal(await exitOf(onTerminal(ofPerson, release)), 0, ofPerson.shown())
    assert.equal(fenced(shared.state), undefined)
    const ended = exitOf(run)
    assert.equal((await shared.ask(['kill', 'alpha', ...BY_MARIA])).code, 0)
    await ended
  })
})
