import { join } from 'node:path'
import type { Config } from '../../config/config.ts'
import { faultText } from '../../ledger/log/fault.ts'
import { readEntries } from '../../ledger/log/read.ts'
import type { Declared, EffectRecord } from '../../ledger/views/effects.ts'
import type { Entry } from '../../model/entry.ts'
import { type EnvironmentName, no, ok, type Result } from '../../model/index.ts'
import { type Plan, Story, todo } from '../../recovery/plan.ts'
import { wardenFor } from '../drivers.ts'
import { delegatedWorkspace } from '../files/workspace-names.ts'
import { gatewaySetup, type Judged } from '../prepare/setup.ts'
import { leftOut, Servers } from '../services/servers.ts'
import { startServices } from '../services/services.ts'
import { openTenantState } from '../state/tenants.ts'
import { carryOut, type UndoOrder, undoServers } from './undo-order.ts'

/** What the configuration at hand says of an effect; nothing where it no longer declares its tool. */
export function declaredFor({ upstreams }: Config): (effect: EffectRecord) => Declared | undefined {
  return ({ upstream, tool }) => upstreams.get(upstream)?.tools.get(tool)
}

export async function storyOf(
  ledgerDirectory: string,
  onEntry: (entry: Entry) => void = () => undefined,
): Promise<Result<Story, string>> {
  const story = new Story()
  for await (const entry of readEntries(ledgerDirectory)) {
    if (!entry.ok) return no(faultText(entry.reason))
    story.take(entry.value)
    onEntry(entry.value)
  }
  return ok(story)
}

/**
 * What is to be done, newest first: one order for each workspace whose own stdio servers have effects to undo, since they
 * work on its files, and one for all other effects.
 */
export function ordersOf(
  { upstreams }: Config,
  story: Story,
  plan: Plan,
): readonly Pick<UndoOrder, 'served' | 'effects'>[] {
  const open = new Set(todo(plan))
  const groups = Map.groupBy(
    plan.effects.flatMap(({ effect }) => (open.has(effect.action) ? [effect] : [])),
    ({ agent, cell, upstream }) => {
      const mcp = upstreams.get(upstream)?.mcp
      if (mcp?.kind !== 'stdio' || mcp.shared) return undefined
      return story.wasDelegated(cell) ? delegatedWorkspace(agent, cell) : agent
    },
  )
  return [...groups].map(([served, effects]) => ({
    ...(served !== undefined && { served }),
    effects: effects.map(({ action }) => action),
  }))
}

/** Where no run is under way: gateway and witness are started for it, and stdio servers in cells; no agent's cell is. */
export async function undoAlone(
  judged: Judged,
  stateDirectory: string,
  order: UndoOrder,
): Promise<Result<void, string>> {
  const { config } = judged
  const { environment } = order
  const setup = gatewaySetup(judged, environment)
  const opened = openTenantState(config, environment, stateDirectory, config.profile === 'full')
  if (!opened.ok) return opened
  const state = opened.value
  const servers = undoServers(config, order)
  const warden = servers.length === 0 ? ok(undefined) : await wardenFor(config, environment)
  if (!warden.ok) return warden
  const services = await startServices(state, setup)
  if (!services.ok) {
    await warden.value?.close()
    return services
  }
  let numbers = NUMBER
  const kept =
    warden.value === undefined
      ? []
      : new Servers({
          warden: warden.value,
          config,
          state,
          secrets: new Map(setup.secrets),
          without: leftOut(setup),
          services: () => services.value,
          newNumber: () => ++numbers,
          mayBegin: () => ok(undefined),
          about: () => ({ part: 'person', state: state.directory, environment }),
        }).forUndo(servers, NUMBER, order.served ?? '')
  try {
    const started = await Promise.all(kept.map((server) => server.start()))
    return started.find((each) => !each.ok) ?? (await carryOut(services.value, NUMBER, order))
  } finally {
    await Promise.all(kept.map((server) => server.end()))
    await warden.value?.close()
    await services.value.stop('the undo has ended')
  }
}

const NUMBER = 1

/** Where an order's own gateway would write. */
export function ledgerDirectory(stateDirectory: string, environment: EnvironmentName): string {
  return join(stateDirectory, 'ledger', environment)
}
