/** One cell of the kill matrix: a real stop in which one process is ended at one step, and all that must hold of it. */
import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { temporaryDirectory } from '../kit/temporary.ts'
import type { Doom, Step, Victim } from './doom.ts'
import { BY_MARIA, desk, fenced, ledgerHolds, nothingIsLeft, standsStill } from './kit.ts'

export interface Killed {
  /** Whose step it is: the warden's, where nothing is said; or that of the command that orders, where none runs. */
  readonly of?: 'warden' | 'command'
  readonly step: Step
  readonly victim: Victim
  readonly signal?: Doom['signal']
}

/**
 * 1. The step was reached, and the process was there to be ended.
 * 2. Where contained was said, it is fenced, and it acts no more.
 * 3. Where it was not said, that is by the command's own end.
 * 4. A second order confirms everything.
 * 5. The ledger holds, and tells of no action after the first order.
 * 6. Nothing is left of the cell.
 */
export async function killedAt({ of = 'warden', step, victim, signal = 'SIGKILL' }: Killed): Promise<void> {
  const report = join(temporaryDirectory(), 'report')
  const stopped = await desk()
  const doom = { step, victim, signal, report, state: stopped.state }
  const run = await stopped.start(of === 'warden' ? doom : undefined)
  if (of === 'command') {
    // It fences only whom no warden has fenced.
    run.child.kill('SIGKILL')
    await run.ended
  }
  const first = await stopped.ask(['contain', 'alpha', ...BY_MARIA], of === 'command' ? doom : undefined)
  const told = first.stdout + first.stderr
  assert.ok(existsSync(report), `this step was not reached: ${told}`)
  const still = await standsStill(stopped)
  // Whoever was killed has said nothing of how it ended.
  if (victim === 'command' || of === 'command') assert.ok(Number.isNaN(first.code), told)
  else {
    assert.equal(first.code, 0, told)
    assert.match(first.stdout, /^frozen: /m)
    assert.doesNotMatch(first.stdout, /^NO /m)
    assert.equal(fenced(stopped.state), 'frozen')
  }
  const second = await stopped.ask(['kill', 'alpha', ...BY_MARIA])
  assert.equal(second.code, 0, second.stdout + second.stderr)
  assert.equal(fenced(stopped.state), 'killed')
  await run.ended
  still()
  await ledgerHolds(stopped)
  await nothingIsLeft(stopped)
}
