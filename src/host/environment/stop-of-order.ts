import { cutsOff, no, ok, type Rung } from '../../model/index.ts'
import type { UndosUnderWay } from '../people/undos-under-way.ts'
import type { Servers } from '../services/servers.ts'
import { unbegun } from '../services/starting.ts'
import type { IsMeant } from '../services/told-cells.ts'
import type { Containing } from '../stop/contain.ts'
import type { Order } from '../stop/containment.ts'
import type { Halting, Leaving } from '../stop/stop.ts'
import type { EnvironmentGround } from './environment-ground.ts'
import type { HostedCell } from './hosted-cell.ts'

interface StopParts {
  readonly ground: EnvironmentGround
  readonly servers: Servers
  readonly undos: UndosUnderWay
}

/**
 * Gathers what an order stops, in its tick: what would begin for these cells alone does not, from here on. `isMeant` tells
 * of ended cells whether what they have told others stops, too.
 */
export function stopFor(
  { ground, servers, undos }: StopParts,
  order: Order,
  numbers: readonly number[],
  isMeant: IsMeant,
): Omit<Containing, 'goesOn'> {
  const { cells, environment, gateway, starting, state, warden } = ground
  const all = cells.withBelow(numbers)
  const stops = cutsOff(order.rung)
  const stopping = all.flatMap((number) => {
    const hosted = cells.get(number)
    if (hosted === undefined) return []
    const own = serversOf(hosted, order.rung)
    const workspace = hosted.agent.cell.workspace === undefined ? {} : { workspace: hosted.workspace }
    return [{ number, cell: hosted.cell, agent: hosted.agent.name, servers: own, ...workspace }]
  })
  const starts = all.flatMap((number) => starting.get(number) ?? [])
  return {
    order,
    stopping,
    leaving: [
      ...(stops ? starts.map(unbegun) : []),
      ...all.flatMap((number) => cells.ending(number) ?? []).map(endingByItself),
    ],
    shared: [
      ...(stops ? sharedOf(servers, all, isMeant, order.rung) : []),
      ...(namesUndos(ground, undos, order) ? undos.asStopped() : []),
    ],
    alsoAtGate: [
      ...starts.flatMap(({ number, told }) => (told === undefined ? [] : [number])),
      // Its streams stand until its gateway has followed its end.
      ...all.filter((number) => cells.ending(number) !== undefined),
    ],
    agents: stopping.map(({ agent }) => agent),
    services: gateway.services,
    state,
    environment,
    warden,
    number: ground.numbers.nextAnswer(),
    record: (entry) => gateway.record(entry),
  }
}

/** Tells whether an order means more than agents, and a server of an undo is to be named in its receipt. */
export function namesUndos(
  { environment }: Pick<EnvironmentGround, 'environment'>,
  undos: UndosUnderWay,
  { target, by }: Order,
): boolean {
  const all = target.kind === 'all' || (target.kind === 'environment' && target.name === environment)
  return all && by !== 'firebreak' && undos.isBusy()
}

function sharedOf(servers: Servers, numbers: readonly number[], isMeant: IsMeant, rung: Rung): readonly Halting[] {
  const stopped = servers.stopShared(new Set(numbers), isMeant, rung === 'killed' ? 'kill' : 'freeze')
  return stopped.map(({ name, halt, end }) => ({ point: `shared server ${name}`, halt, end }))
}

/**
 * Returns the servers that serve this cell alone: they stand still from `quarantined` on, since what one was told before
 * goes on in it.
 */
function serversOf({ kept }: HostedCell, rung: Rung): readonly Halting[] {
  if (!cutsOff(rung)) return []
  const own = kept.filter(({ shared }) => !shared)
  return own.map(({ server, upstream }) => {
    server.hold()
    const halt = () => server.halt(rung === 'killed' ? 'kill' : 'freeze')
    return { point: `its server ${server.cell?.id ?? upstream}`, halt, end: () => server.halt('kill') }
  })
}

/** Returns a cell that was ending when the order came, as a point of the stop: what it has sent may still land. */
function endingByItself({ cell, agent, kept, teardown }: HostedCell): Leaving {
  const own = kept.filter(({ shared }) => !shared)
  const gone = async () => {
    await Promise.all(own.map((server) => server.end()))
    const left = await Promise.all(own.map(({ server }) => server.cell?.left() ?? []))
    if (left.flat().length > 0 || teardown?.gone !== true) return no('it was ending, and not all of it is gone')
    return ok('it was ending by itself, and nothing of it is left')
  }
  return { point: `end of ${cell.id}`, cell: cell.id, agent: agent.name, gone }
}
