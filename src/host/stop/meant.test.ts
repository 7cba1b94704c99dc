import assert from 'node:assert/strict'
import { it } from 'node:test'
import type { Agent, Config } from '../../config/config.ts'
import { agentName, environmentName, personName } from '../../model/index.ts'
import type { Order } from './containment.ts'
import { orderMeans } from './meant.ts'

it('S8: an order means a cell by what its agent was declared as, and by what it is declared as now', () => {
  const declared = (owner: string) =>
    ({ name: agentName('desk'), owner: personName(owner), environment: environmentName('live') }) as Agent // no more is looked at
  const now = { agents: new Map([[agentName('desk'), declared('maria')]]) } as unknown as Config // no more is looked at
  const of = (owner: string, agents?: Order['agents']) =>
    ({
      ...{ id: 'o_1', target: { kind: 'owner', name: personName(owner) }, rung: 'frozen', by: 'ana', why: '' },
      ...(agents && { agents }),
    }) as Order
  const began = declared('ana')
  assert.deepEqual(
    [of('ana'), of('maria'), of('tom'), of('tom', [agentName('desk')])].map((order) =>
      orderMeans(order, undefined, began, now),
    ),
    [true, true, false, true],
  )
  const gone = { agents: new Map() } as unknown as Config // no more is looked at
  assert.equal(orderMeans(of('tom', [agentName('desk')]), undefined, began, gone), false)
})
