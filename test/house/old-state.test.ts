/**
 * A state that an earlier Firebreak wrote goes on. `old-state/state.tar.gz` is of commit a7eceb4, profile full: a run of
 * `alpha` (three calls, one of them held, a file left in its workspace), a checkpoint that no gateway has told of yet, and
 * a person's `contain beta`.
 */
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { cpSync, readFileSync, realpathSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { it } from 'node:test'
import { firebreak, ledgerOf, SKIP } from '../kit/command-line.ts'
import { temporaryDirectory } from '../kit/temporary.ts'

const CHECKPOINT = 'k_01m8mfne9cv9r8xvdte8'
const MARIA = 'maria.silva@shop.example'
/** The files that name the directory they were made in. */
const NAMING = ['record.json', `checkpoints/${CHECKPOINT}/checkpoint.json`]

it('a state of an earlier Firebreak: its ledger, fence, budget, workspace and checkpoint go on', {
  skip: SKIP,
}, async () => {
  const directory = realpathSync(temporaryDirectory())
  cpSync(join(import.meta.dirname, 'old-state'), directory, { recursive: true })
  execFileSync('tar', ['-xzSf', 'state.tar.gz', '--numeric-owner', '--same-owner', '-C', directory], { cwd: directory })
  const state = join(directory, '.firebreak')
  for (const name of NAMING) {
    const file = join(state, 'workspaces', 'alpha', name)
    writeFileSync(file, readFileSync(file, 'utf8').replaceAll('/tmp/firebreak-full', directory))
  }
  const ask = async (command: string, ...args: readonly string[]) => {
    const ran = await firebreak([command, ...args, '--config', join(directory, 'firebreak.yaml'), '--state', state])
    return { code: ran.code, text: ran.stdout + ran.stderr }
  }

  const verify = ['ledger', 'verify', join(state, 'ledger'), '--witness', join(state, 'witness')]
  const verified = await firebreak(verify)
  assert.equal(verified.code, 0, verified.stdout + verified.stderr)
  const replayed = await ask('replay')
  assert.equal(replayed.code, 0, replayed.text)
  const contained = await ask('run', '--agent', 'beta')
  assert.equal(contained.code, 5, contained.text)
  assert.match(contained.text, /beta is frozen, since .*, by maria\.silva@shop\.example: a test/)
  assert.match((await ask('diff', '--agent', 'alpha')).text, /^\+ left\.txt {2}5 bytes/m)

  const restored = await ask('restore', 'alpha', CHECKPOINT, '--yes', '--as', MARIA)
  assert.equal(restored.code, 0, restored.text)
  const pay = (to: string) => ['bank__pay', { to, note: 'again' }]
  const calls = JSON.stringify([['bank__contacts', {}], pay('EVIL1'), pay('GOOD1'), pay('GOOD1')])
  const run = await firebreak([
    ...['run', '--agent', 'alpha', '--config', join(directory, 'firebreak.yaml'), '--state', state, '--'],
    ...['/opt/node', '/opt/agent.ts', calls],
  ])
  assert.equal(run.code, 0, run.stderr)
  const answers = run.stdout.trim().split('\n')
  assert.match(answers[0] ?? '', /GOOD1/)
  assert.match(answers[1] ?? '', /Firebreak holds this call/)
  assert.match(answers[2] ?? '', /paid/)
  assert.match(answers[3] ?? '', /refused by Firebreak/, 'two of its four calls were made before')
  // What was restored is not what was shown.
  assert.equal((await ask('diff', '--agent', 'alpha')).code, 0)
  const committed = await ask('commit', '--agent', 'alpha', '--yes', '--as', MARIA)
  assert.equal(committed.code, 0, committed.text)
  assert.equal(readFileSync(join(directory, 'work', 'left.txt'), 'utf8'), 'left\n')
  const released = await ask('release', 'beta', '--by', MARIA, '--reason', 'it was a test')
  assert.equal(released.code, 0, released.text)

  const entries = await ledgerOf(state)
  const told = entries.flatMap((entry) => (entry.kind === 'checkpoint.made' ? [entry.checkpoint] : []))
  assert.deepEqual(told.slice(0, 1), [CHECKPOINT])
  const again = await firebreak(verify)
  assert.equal(again.code, 0, again.stdout + again.stderr)
})
