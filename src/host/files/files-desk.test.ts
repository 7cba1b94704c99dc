/** A person's question about the files of a cell that lives. */
import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { describe, it } from 'node:test'
import { setImmediate } from 'node:timers/promises'
import { temporaryDirectory } from '../../../test/kit/temporary.ts'
import type { Warden } from '../../cells/driver.ts'
import type { Agent } from '../../config/config.ts'
import { agentName, cellId, checkpointId, no, ok, type Result, type Rung } from '../../model/index.ts'
import { openState } from '../state/state.ts'
import { fenceAgents } from '../stop/stop.ts'
import { storeOf } from './checkpoints.ts'
import { FilesDesk, type HeldWorkspace } from './files-desk.ts'
import { leaveUntold } from './untold.ts'

const standing = () => ok<Rung>('normal')

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
  const desk = new FilesDesk({ warden: {} as never, state, agents, held: () => [], standing, record })
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
    rung: 'normal',
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
    standing,
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

describe('S8: an order that comes while a restore is under way', () => {
  const name = agentName('alpha')
  const cell = cellId('c_0000000000000001')
  const order = {
    id: 'o_0000000000000001',
    target: { kind: 'agent', name },
    rung: 'frozen',
    by: 'm@x.example',
    why: 'harm',
  } as const

  /** Restores while `saving` comes as what is there is saved, and `ending` once its cell was ended. */
  const restored = async ({ saving, ending }: Record<'saving' | 'ending', Step>) => {
    const state = openState(temporaryDirectory(), false, Math.random)
    const store = storeOf(state.workspace('alpha'))
    const checkpoint = { ...CHECKPOINT, workspace: { lower: '/x', uid: 1, sinceMs: 1, owner: { uid: 1, gid: 1 } } }
    writeFileSync(store.begin(checkpoint.id), 'an image')
    await store.finish(checkpoint)
    let replaced = 0
    const fence = async () => assert.ok((await fenceAgents(state.fences, [name], order)).ok)
    const held = { workspace: 'alpha', cell: { id: cell }, agent: { name, cell: {} }, rung: 'normal' as Rung, again }
    let ended = false
    let stands: Result<Rung, string> = ok('normal')
    const orderIt = () => {
      stands = no('it was ordered to be frozen')
    }
    async function again(then: () => Promise<unknown>) {
      ended = true
      await ending({ fence, held, orderIt })
      return then()
    }
    const workspaces = {
      still: async () => {
        await saving({ fence, held, orderIt })
        return ok(ok({ checkpoint, unchanged: true, gone: [] }))
      },
      replace: async () => {
        replaced++
        return ok(undefined)
      },
    }
    const desk = new FilesDesk({
      warden: { workspaces } as unknown as Warden,
      state,
      agents: [{ name } as Agent],
      held: () => [held as unknown as HeldWorkspace],
      standing: () => stands,
      record: async () => true,
    })
    const detail = { checkpoint: checkpoint.id, by: 'm@x.example', why: 'a test' }
    const { said } = await desk.follow({ what: 'restore', workspace: 'alpha', detail })
    return { said, ended, replaced }
  }
  const nothing: Step = async () => {}

  it('leaves its cell as it stands, also before the fence has the order', async () => {
    assert.deepEqual(await restored({ saving: nothing, ending: nothing }), { said: 'done', ended: true, replaced: 1 })
    const fenced = await restored({ saving: ({ fence }) => fence(), ending: nothing })
    assert.match(fenced.said, /^alpha is frozen, since .+ restore without --restart$/)
    assert.deepEqual([fenced.ended, fenced.replaced], [false, 0])
    const marked = await restored({
      saving: async ({ held }) => {
        held.rung = 'frozen'
      },
      ending: nothing,
    })
    assert.match(marked.said, /^alpha is frozen\. Release it, or kill it and restore without --restart$/)
    assert.deepEqual([marked.ended, marked.replaced], [false, 0])
  })

  it('leaves the files of a cell that was ended for it', async () => {
    const { said, replaced } = await restored({ saving: nothing, ending: ({ fence }) => fence() })
    assert.match(said, /^c_0000000000000001 was ended, and nothing restored: alpha is frozen, since /)
    assert.equal(replaced, 0)
    const unfenced = await restored({ saving: nothing, ending: async (at) => at.orderIt() })
    assert.match(unfenced.said, /was ended, and nothing restored: alpha: it was ordered to be frozen\. Release it/)
    assert.equal(unfenced.replaced, 0)
  })
})

type Step = (at: {
  readonly fence: () => Promise<void>
  readonly held: { rung: Rung }
  /** The order holds in this process, and no fence has it. */
  readonly orderIt: () => void
}) => Promise<void>

const CHECKPOINT = {
  id: checkpointId('k_00000000000000000001'),
  occasion: 'asked',
  by: 'firebreak',
  why: 'a test',
  madeAtMs: 1,
  bytes: 8,
  stamp: 's',
  spans: [],
} as const
