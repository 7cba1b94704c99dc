import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { agentName, cellId, NAME_PATTERN, upstreamName } from '../../model/index.ts'
import { agentOf, delegatedWorkspace, inspectedWorkspace, serverWorkspace } from './workspace-names.ts'

const name = fc.stringMatching(/^[ab][ab-]{0,5}$/).filter((text) => NAME_PATTERN.test(text))
const cell = fc.stringMatching(/^c_[ab]{16}$/).map(cellId)
const served = fc.oneof(
  name.map((agent) => ({ agent, workspace: agent })),
  fc.tuple(name, cell).map(([agent, id]) => ({ agent, workspace: delegatedWorkspace(agentName(agent), id) })),
)
const upstream = fc.tuple(name, fc.boolean()).map(([text, shared]) => {
  const server = { kind: 'stdio', command: [], cell: {}, shared } as never // only what names it
  return { name: upstreamName(text), server, shared }
})

describe('names of workspaces', () => {
  it('S3: no server has the files of an agent, nor of another server, whatever they are called', () => {
    fc.assert(
      fc.property(served, served, upstream, upstream, (one, other, first, second) => {
        const server = serverWorkspace(first, one.workspace)
        assert.notEqual(server, other.workspace)
        assert.notEqual(inspectedWorkspace(first), serverWorkspace(second, other.workspace))
        const same = first.name === second.name && first.shared === second.shared
        const both = same && (first.shared || one.workspace === other.workspace)
        assert.equal(server === serverWorkspace(second, other.workspace), both)
      }),
      { numRuns: 20_000 },
    )
  })

  it('tells whose files they are; a shared server’s are no agent’s', () => {
    const agents = ['desk', 'desk-two', 'other'].map((each) => ({ name: agentName(each) }))
    const delegated = delegatedWorkspace(agentName('desk'), cellId('c_0123456789abcdef'))
    assert.deepEqual(
      ['desk', 'desk-two', 'desk-two+files', delegated, `${delegated}+files`, '+files', '++files', 'desk-three'].map(
        (workspace) => agentOf(workspace, agents),
      ),
      ['desk', 'desk-two', 'desk-two', 'desk', 'desk', undefined, undefined, undefined],
    )
  })
})
