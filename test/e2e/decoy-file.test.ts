/** A file that nobody should open, from the kernel's word in a real cell to the fence on the disk. */
import assert from 'node:assert/strict'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { firebreak, ledgerOf, SKIP, startFirebreak } from '../kit/command-line.ts'
import { writeConfig } from '../kit/config-text.ts'
import { temporaryDirectory } from '../kit/temporary.ts'
import { until } from '../kit/until.ts'

const DECOY = '/home/agent/.aws/credentials'
const RUMMAGES = `trap '' INT TERM; (while :; do echo tick; sleep 0.05; done) & sleep 1; cat ${DECOY}; wait`

describe('a decoy file', { skip: SKIP }, () => {
  it('S8, S9: stops whoever opens it, by itself: the cell stands still and its agent starts no more', async () => {
    const directory = temporaryDirectory()
    const config = writeConfig(directory, {
      upstreams: {},
      agents: {
        alpha: { command: ['/bin/sh', '-c', RUMMAGES] },
        beta: { command: ['/bin/sh', '-c', 'ls -lR /home/agent && cat /etc/hostname'] },
      },
      containment: { decoys: { files: [DECOY] }, detectors: { decoy: { rung: 'frozen' } } },
    })
    const state = join(directory, 'state')
    const at = ['--config', config, '--state', state]
    assert.equal((await firebreak(['run', ...at, '--agent', 'beta'])).code, 0, 'who only looks around goes on')

    const run = startFirebreak(['run', ...at, '--agent', 'alpha'])
    const kinds = async () => (await ledgerOf(state)).map(({ kind }) => kind)
    await until('it is contained', async () => (await kinds()).includes('cell.contained'))
    const told = run.stdout()
    assert.match(told, /tick/)
    await delay(500)
    assert.equal(run.stdout(), told, 'not one more instruction')

    const entries = await ledgerOf(state)
    const sensed = entries.findIndex((entry) => entry.kind === 'cell.sensed' && entry.sensor === 'decoy-file')
    const signal = entries.findIndex((entry) => entry.kind === 'signal.raised' && entry.detector === 'decoy')
    const lowered = entries.find((entry) => entry.kind === 'rung.changed')
    assert.ok(sensed > 0 && signal > sensed, `${sensed} ${signal}`)
    assert.deepEqual([lowered?.by, lowered?.to, lowered?.signal], ['firebreak', 'frozen', entries[signal]?.seq])
    assert.equal((await firebreak(['run', ...at, '--agent', 'alpha'])).code, 5)
    assert.equal(
      (await firebreak(['kill', 'alpha', ...at, '--as', 'maria.silva@shop.example', '--why', 'a test'])).code,
      0,
    )
    await run.ended
  })
})
