/** What a detector lowers stays lowered: on disk for its agent, whatever becomes of the process that saw it. */
import assert from 'node:assert/strict'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { CGROUP_PARENT, killMembers } from '../../src/cells/linux/limits/cgroup.ts'
import { openCgroups } from '../../src/cells/linux/limits/cgroup-host.ts'
import type { LiveCell } from '../../src/host/people/control-request.ts'
import { ledgerOf, SKIP } from '../kit/command-line.ts'
import { childrenOf } from '../kit/host.ts'
import { until } from '../kit/until.ts'
import { type Desk, desk, FALLS, fenced, ledgerHolds, nothingIsLeft, over } from './kit.ts'

const trap = (rung: string) => ({ decoys: ['book/trap'], detectors: { decoy: { rung } } })

describe('S8, S9: where a detector has put a cell', { skip: SKIP, concurrency: 2 }, () => {
  it('restricted: its agent stands there on disk, also after its warden was killed', async () => {
    const seen = await desk({ command: FALLS, containment: trap('restricted') })
    const run = await seen.start()
    await until('it is fenced', () => fenced(seen.state) === 'restricted')
    assert.deepEqual(
      (await cellsOf(seen)).map(({ rung }) => rung),
      ['restricted'],
    )
    run.child.kill('SIGKILL')
    await run.ended
    const calls = seen.upstream.calls.length
    const again = seen.run()
    await until('it is refused from its first call on', () => again.stdout().includes('refused'))
    assert.deepEqual(
      (await cellsOf(seen)).map(({ rung }) => rung),
      ['restricted'],
    )
    await over(seen, again)
    assert.equal(seen.upstream.calls.length, calls, 'it only reads')
    await nothingIsLeft(seen)
  })

  it('watched: ps tells it, and no start is kept from it', async () => {
    const seen = await desk({ command: FALLS, containment: trap('watched') })
    const run = await seen.start()
    await until('ps tells it', async () => (await cellsOf(seen)).some(({ rung }) => rung === 'watched'))
    assert.equal(fenced(seen.state), undefined)
    await over(seen, run)
  })

  for (const [lie, title] of [
    ['mute', 'the gateway that comes after it tells what it stood on'],
    ['mutes', 'without one, the ledger does'],
  ] as const)
    it(`a gateway killed before its warden heard of a rung: ${title}`, async () => {
      const unheard = await desk({ command: FALLS, containment: trap('quarantined') })
      const run = await unheard.start(undefined, lie)
      await until('it is fenced', () => fenced(unheard.state) === 'quarantined')
      await run.ended
      await ledgerHolds(unheard)
      await over(unheard, run)
      await nothingIsLeft(unheard)
    })

  it('a cell that ends by itself once such a gateway is gone: its agent is fenced all the same', async () => {
    const unheard = await desk({ command: FALLS, containment: trap('quarantined') })
    const run = await unheard.start(undefined, 'mute')
    // Its gateway falls silent soon, and is ended three seconds later: nobody has time to start a command.
    const gateways = () => childrenOf(run.pid, 'gateway/main')
    const [first = 0] = gateways()
    const { unified } = openCgroups(CGROUP_PARENT)
    const started = (await ledgerOf(unheard.state)).flatMap((entry) => (entry.kind === 'cell.started' ? [entry] : []))
    const [{ cell } = { cell: '' }] = started
    assert.ok(unified !== undefined && cell !== '' && first > 0)
    // While another gateway is started, the cell stands still; then none of it is left to be given to that one.
    while (gateways().includes(first)) await delay(2)
    killMembers(join(unified, CGROUP_PARENT, cell), true)
    const { stderr } = await run.ended
    assert.doesNotMatch(stderr, /goes on with another/, 'control: it ended before')
    assert.equal(fenced(unheard.state), 'quarantined')
    await nothingIsLeft(unheard)
  })
})

async function cellsOf(each: Desk): Promise<readonly LiveCell[]> {
  const listed = await each.ask(['ps', '--json'])
  return JSON.parse(listed.stdout.trim().split('\n').at(-1) ?? '').cells
}
