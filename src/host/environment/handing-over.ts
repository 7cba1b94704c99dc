import type { Cell } from '../../cells/driver.ts'
import type { Handle } from '../../cells/handle.ts'
import type { Agent, Config } from '../../config/config.ts'
import type { WardenMessage } from '../../gateway/link/setup.ts'
import { asJson, no, ok, type Result } from '../../model/index.ts'
import { landedFor, usedElsewhere } from '../files/landed-marks.ts'
import { livedSpans } from '../files/workspace-marks.ts'
import type { Kept } from '../services/servers.ts'
import type { Services } from '../services/services.ts'
import type { StdioUpstream } from '../services/upstream-cell.ts'
import type { KeptIssuer } from '../trust/kept-issuer.ts'
import type { EnvironmentGround } from './environment-ground.ts'

export type CellMessage = Extract<WardenMessage, { kind: 'cell' }>

/**
 * Hands a cell's listeners and the pipes of its stdio servers to a gateway; resolves when the gateway serves it and has
 * the start in the ledger. `message` is asked in the tick in which the gateway is told.
 */
export async function handOver(
  services: Services,
  listeners: readonly Handle[],
  servers: readonly Kept[],
  message: () => Result<CellMessage, string>,
): Promise<Result<void, string>> {
  // One that does not start is left out: its gateway knows why, and the others and the cell go on without it.
  await Promise.all(servers.map((server) => server.start()))
  if (listeners.length === 0) return no('the cell has no listener')
  const about = message()
  if (!about.ok) return about
  const told = services.tell(
    about.value,
    listeners.map(({ fd }) => fd),
  )
  return told.ok ? services.said('cell-ready', about.value.number) : told
}

/** Returns what a gateway is told of a cell, before its rung and what it is given. */
export function cellMessage(
  { config, state }: Pick<EnvironmentGround, 'config' | 'state'>,
  { number, cell, agent, parent, issuer }: Described,
): Result<CellMessage, string> {
  // What was delegated has a workspace that nobody had before.
  const kept = parent === undefined && agent.cell.workspace !== undefined
  const landed = landedFor(state.directory, config, agent)
  if (!landed.ok) return landed
  const used = kept ? usedElsewhere(state.directory, config, agent, Date.now()) : ok([])
  if (!used.ok) return used
  const signs = issuer?.forGateway()
  return ok({
    kind: 'cell',
    number,
    cell: cell.id,
    agent: agent.name,
    receipt: asJson(cell.receipt),
    labels: agent.cell.labels,
    ...(signs && { issuer: signs }),
    ...(cell.receipt.anywhere && { web: cell.receipt.anywhere }),
    ...(kept && { lived: livedSpans(state.directory, agent.name) }),
    // Of its own files the gateway knows more by `lived`.
    landed: [...landed.value.filter((work) => !kept || work.agent !== agent.name), ...used.value],
  })
}

interface Described {
  readonly number: number
  readonly cell: Cell
  readonly agent: Agent
  /** The number of the cell that delegates to it. */
  readonly parent?: number | undefined
  readonly issuer?: KeptIssuer | undefined
}

/** Returns the stdio upstreams that an agent is granted. */
export function stdioUpstreamsOf({ upstreams }: Config, { grants }: Agent): readonly StdioUpstream[] {
  const granted = new Set(grants.map(({ upstream }) => upstream))
  return [...upstreams.values()].flatMap((upstream) =>
    upstream.server.kind === 'stdio' && granted.has(upstream.name) ? [{ ...upstream, server: upstream.server }] : [],
  )
}
