import { no, ok, type Result, raised } from '../../model/index.ts'
import type { ControlRequest } from '../people/control-request.ts'
import { TOO_LATE } from '../people/control-socket.ts'
import { ownerFault } from '../people/release-rules.ts'
import { againText, fencedIn, isSameOrder } from '../stop/fences.ts'
import type { EnvironmentGround } from './environment-ground.ts'

type ReleaseGround = Pick<EnvironmentGround, 'cells' | 'config' | 'gateway' | 'numbers' | 'starting' | 'state'>
type ReleaseRequest = Extract<ControlRequest, { kind: 'release' }>

/**
 * Moves an agent up at its gateway, in the ledger first. The disk may take its time: who contains it meanwhile has the
 * last word, and what the gateway has moved up by then goes down again.
 */
export async function releaseAgent(
  { cells, config, gateway, numbers, starting, state }: ReleaseGround,
  { askedUs, seen, environment: _, kind: _kind, ...release }: ReleaseRequest,
  isLate: () => boolean,
): Promise<Result<void, string>> {
  const { agent, to } = release
  const fault = ownerFault(config, agent, release.by)
  if (fault !== undefined) return no(fault)
  const orders = starting.orders(agent)
  const refused = () => {
    if (isLate()) return TOO_LATE
    const fence = state.fences.read()
    if (!fence.ok) return fence.reason
    const stands = isSameOrder(fencedIn(fence.value, agent), seen) && starting.orders(agent) === orders
    return stands && !starting.orderedSince(agent, askedUs) ? undefined : againText(agent)
  }
  const before = refused()
  if (before !== undefined) return no(before)
  const number = numbers.nextAnswer()
  const told = gateway.tell({ kind: 'release', number, askedUs, ...release })
  const said = told.ok ? await gateway.services.said('ordered', number) : told
  if (!said.ok) return no(refused() ?? said.reason)
  const own = cells.all().filter(([, hosted]) => hosted.agent.name === agent)
  const since = refused()
  if (since !== undefined) {
    for (const [cell, { rung }] of own) if (rung !== 'normal') void gateway.order([cell], rung, since)
    return no(since)
  }
  starting.released(agent, to, askedUs)
  for (const [, hosted] of own) hosted.rung = raised(hosted.rung, to)
  return ok(undefined)
}
