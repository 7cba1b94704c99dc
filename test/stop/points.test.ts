/** Each point of the stop made to lie or to hang: contained is said only where it is true. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { Confirmation } from '../../src/host/stop/containment.ts'
import { type Ran, SKIP } from '../kit/command-line.ts'
import { BY_MARIA, desk, fenced, ledgerHolds, nothingIsLeft, over, standsStill } from './kit.ts'

describe('S8: a point that does not confirm', { skip: SKIP, concurrency: 2 }, () => {
  it('a gateway that says it did, and did not: the kernel contradicts it, and it is ended', async () => {
    const lied = await desk()
    const run = await lied.start(undefined, 'gate')
    const stopped = await lied.ask(['contain', 'alpha', ...BY_MARIA, '--json'])
    assert.equal(stopped.code, 0, stopped.stdout)
    const still = await standsStill(lied)
    assert.ok(point(stopped, 'gate').confirmed, 'control: it lies')
    const connections = point(stopped, 'connections of ')
    assert.ok(connections.confirmed && connections.escalated, JSON.stringify(connections))
    assert.match(connections.said, /by the kernel, .* still stands; the gateway was ended/)
    await over(lied, run)
    still()
    await nothingIsLeft(lied)
  })

  it('a freezer that never says frozen: what does not stand still is killed', async () => {
    const unfrozen = await desk()
    const run = await unfrozen.start(undefined, 'freezer')
    const stopped = await unfrozen.ask(['contain', 'alpha', ...BY_MARIA, '--json'])
    assert.equal(stopped.code, 0, stopped.stdout)
    const still = await standsStill(unfrozen)
    const processes = point(stopped, 'processes of ')
    assert.ok(processes.confirmed && processes.escalated, JSON.stringify(processes))
    assert.match(processes.said, /^(?:no confirmation|.*"timeout").*; cgroup.events says populated 0$/)
    await over(unfrozen, run)
    still()
    await ledgerHolds(unfrozen)
    await nothingIsLeft(unfrozen)
  })

  it('what can be neither frozen nor killed is told loudly, and never called contained', async () => {
    const deaf = await desk()
    const run = await deaf.start(undefined, 'freezer,killer')
    const stopped = await deaf.ask(['contain', 'alpha', ...BY_MARIA])
    assert.equal(stopped.code, 1, stopped.stdout)
    assert.match(stopped.stdout, /^NO {3}processes of c_.* ended harder\)$/m)
    assert.match(stopped.stdout, /^NOT CONTAINED: /m)
    assert.doesNotMatch(stopped.stdout, /^frozen: /m)
    // Its gate is shut and its agent fenced all the same.
    const still = await standsStill(deaf)
    assert.match(stopped.stdout, /^yes {2}gate /m)
    assert.equal(fenced(deaf.state), 'frozen')
    run.child.kill('SIGKILL')
    await run.ended
    await over(deaf, run)
    still()
    await nothingIsLeft(deaf)
  })
})

/** Of an order that was asked with `--json`. */
function point({ stdout }: Ran, name: string): Confirmation {
  const { confirmations } = JSON.parse(stdout.trim().split('\n').at(-1) ?? '') as { confirmations: Confirmation[] }
  const found = confirmations.find((each) => each.point.startsWith(name))
  assert.ok(found, `${name} in ${stdout}`)
  return found
}
