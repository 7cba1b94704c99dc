import type { Config } from '../../config/config.ts'
import type { ActionId, CellId, EnvironmentName, Json, PersonName, Result } from '../../model/index.ts'
import type { Services } from '../services/services.ts'
import type { StdioUpstream } from '../services/upstream-cell.ts'

/** A person's order to compensate effects, newest first. `cell` is what the ledger calls it; it is no cell's id. */
export interface UndoOrder {
  readonly cell: CellId
  readonly environment: EnvironmentName
  readonly by: PersonName
  readonly why: string
  /** The selection as the person named it. */
  readonly what: Json
  /** Name of the workspace of the cell at whose stdio servers these effects were made. Absent: no cell's own. */
  readonly served?: string
  /** Newest first, at most `LIMITS.undoEffectsMax`. */
  readonly effects: readonly ActionId[]
}

/** Never: a gateway that is lost ends the waiting. */
const NO_LIMIT_MS = 2_147_483_647

/** One order, through the gateway of its environment. It ends in the ledger however it ends here. */
export async function carryOut(
  services: Pick<Services, 'tell' | 'said'>,
  number: number,
  { cell, by, why, what, effects }: UndoOrder,
): Promise<Result<void, string>> {
  const begun = await asked(services, 'cell-ready', { kind: 'undo', number, cell, by, why, what })
  if (!begun.ok) return begun
  const done = await asked(services, 'undone', { kind: 'undo-effects', number, effects })
  const receipt = { ordered: effects.length, ...(!done.ok && { problem: done.reason }) }
  const ended = await asked(services, 'cell-closed', { kind: 'ended', number, receipt })
  return done.ok ? ended : done
}

async function asked(
  services: Pick<Services, 'tell' | 'said'>,
  answer: 'cell-ready' | 'undone' | 'cell-closed',
  message: Parameters<Services['tell']>[0] & { readonly number: number },
): Promise<Result<void, string>> {
  const told = services.tell(message)
  return told.ok ? services.said(answer, message.number, NO_LIMIT_MS) : told
}

/** Stdio servers of the tools that undo is granted, as far as the order has effects of theirs. */
export function undoServers(
  { environments, upstreams }: Config,
  { environment, served }: Pick<UndoOrder, 'environment' | 'served'>,
): readonly StdioUpstream[] {
  const granted = new Set(environments.get(environment)?.undo?.grants.map(({ upstream }) => upstream))
  return [...upstreams.values()].flatMap((upstream) =>
    upstream.server.kind === 'stdio' && granted.has(upstream.name) && (upstream.server.shared || served !== undefined)
      ? [{ ...upstream, server: upstream.server }]
      : [],
  )
}
