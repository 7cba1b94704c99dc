import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, it } from 'node:test'
import type { Chosen, WorkspaceDiff, Workspaces } from '../../cells/workspace.ts'
import { agentName, ok, type Rung } from '../../model/index.ts'
import { fileFences, makeFence } from '../stop/fence.ts'
import { fenceAgents, newOrderId } from '../stop/stop.ts'
import { commitWanted, containedNow, type WantedCommit, wantedFrom, wantedJson } from './commit.ts'

const DESK = agentName('desk')
let state = ''
beforeEach(() => {
  state = mkdtempSync(join(tmpdir(), 'commit-'))
  mkdirSync(join(state, 'workspaces', 'desk'), { recursive: true })
  makeFence(state)
})
afterEach(() => rmSync(state, { recursive: true, force: true }))

async function order(rung: Exclude<Rung, 'normal'>): Promise<string> {
  const target = { kind: 'agent', name: 'desk' } as const
  const id = newOrderId()
  assert.ok((await fenceAgents(fileFences(state), [DESK], { id, target, rung, by: 'maria', why: 'a test' })).ok)
  return id
}

/** Returns what lands of two changes; `meanwhile` comes after whoever lands has looked at them. */
async function landing(wanted: Partial<WantedCommit>, meanwhile: () => Promise<unknown> = async () => undefined) {
  const workspaces = {
    commitChosen: async (_: string, choose: (diff: WorkspaceDiff) => Promise<Chosen>) => {
      await meanwhile()
      const changes = [{ path: 'a' }, { path: 'b' }]
      const diff = { record: { lower: state }, changes, executes: [], refused: [] } as unknown as WorkspaceDiff
      return ok({ landed: (await choose(diff)).paths, refused: [], left: [] })
    },
  } as unknown as Workspaces // all that is asked of it
  const all = { rule: { allow: [['**']], never: [] }, confirmed: [], ...wanted }
  // As it travels to the run whose cell lives on the files.
  const landed = await commitWanted(workspaces, join(state, 'workspaces', 'desk'), wantedFrom(wantedJson(all)), DESK)
  return landed.ok ? landed.value.landed : JSON.stringify(landed.reason)
}

describe('S9: what a contained agent has changed', () => {
  it('does not land by a list that was made before the order', async () => {
    assert.deepEqual(await landing({ paths: ['a', 'b'] }), ['a', 'b'], 'control')
    assert.match(String(await landing({ paths: ['a', 'b'] }, () => order('quarantined'))), /nothing landed: desk is/)
    assert.match(String(await landing({}, () => order('frozen'))), /nothing landed: desk is/, 'nor by rule')
  })

  it('lands where a person has named it who was told of the last order', async () => {
    const first = await order('frozen')
    assert.match(String(await landing({ paths: ['a'] })), /nothing landed/)
    assert.match(String(await landing({ paths: ['a'], told: 'o_0000000000000000' })), /nothing landed/)
    assert.match(String(await landing({ told: first })), /nothing landed/, 'nobody has named anything')
    assert.deepEqual(await landing({ paths: ['a'], told: first }), ['a'])
    for (const rung of ['killed', 'frozen'] as const) {
      const told = containedNow(state, DESK)
      assert.ok(told.ok && told.value !== undefined)
      const known = { paths: ['a'], told: told.value.order }
      assert.match(String(await landing(known, () => order(rung))), /nothing landed/, `${rung} came meanwhile`)
    }
  })

  it('lands as any other while its agent is only watched or restricted', async () => {
    await order('restricted')
    assert.deepEqual(await landing({}), ['a', 'b'])
  })

  it('does not land where it cannot be told who is contained', async () => {
    rmSync(join(state, 'fence'), { recursive: true })
    assert.match(String(await landing({ paths: ['a'] })), /who is contained is not known/)
  })
})
