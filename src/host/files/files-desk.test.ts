/** A person's question about the files of a cell that lives. */
import assert from 'node:assert/strict'
import { it } from 'node:test'
import { setImmediate } from 'node:timers/promises'
import { temporaryDirectory } from '../../../test/kit/temporary.ts'
import type { Agent } from '../../config/config.ts'
import { agentName, checkpointId } from '../../model/index.ts'
import { openState } from '../state/state.ts'
import { fenceAgents } from '../stop/stop.ts'
import { FilesDesk, type HeldWorkspace } from './files-desk.ts'
import { leaveUntold } from './untold.ts'

it('tells what was left once, though two gateways of a run ask for it', async () => {
  const state = openState(temporaryDirectory(), false, Math.random)
  const about = {
    workspace: 'alpha',
    checkpoint: checkpointId('k_00000000000000000001'),
    by: 'firebreak',
    why: 'a test',
  } as const
  leaveUntold(state.directory, { kind: 'checkpoint.made', ...about, madeAtMs: 1, bytes: 0 })
  const told: unknown[] = []
  const record = async (entry: unknown) => {
    told.push(entry)
    await setImmediate()
    return true
  }
  const agents = [{ name: agentName('alpha'), cell: { workspace: { name: 'alpha' } } } as unknown as Agent]
  const desk = new FilesDesk({ warden: {} as never, state, agents, held: () => [], record })
  await Promise.all([desk.tellUntold(), desk.tellUntold()])
  assert.equal(told.length, 1)
})

it('restores nothing under a contained agent: its cell stands as evidence, and would not begin anew', async () => {
  const state = openState(temporaryDirectory(), false, Math.random)
  const name = agentName('alpha')
  let begun = 0
  const held = {
    workspace: 'alpha',
    cell: { id: 'c_0000000000000001' },
    agent: { name },
    again: async () => {
      begun++
      return { ok: true, value: undefined }
    },
  } as unknown as HeldWorkspace
  const desk = new FilesDesk({
    warden: {} as never,
    state,
    agents: [{ name } as Agent],
    held: () => [held],
    record: async () => true,
  })
  const ask = { what: 'restore', workspace: 'alpha', detail: { checkpoint: 'k_1', save: false } } as const
  assert.match((await desk.follow(ask)).said, /there is no checkpoint k_1/)
  const order = {
    id: 'o_0000000000000001',
    target: { kind: 'agent', name: 'alpha' },
    rung: 'frozen',
    by: 'm@x.example',
    why: 'harm',
  } as const
  assert.ok((await fenceAgents(state.fences, [name], order)).ok)
  const said = await desk.follow(ask)
  assert.match(said.said, /alpha is frozen.* kill it and restore without --restart/)
  assert.deepEqual([said.ok, begun], [false, 0])
})
