import type { Config } from '../../config/config.ts'
import { faultText } from '../../ledger/log/fault.ts'
import type { Log } from '../../ledger/store.ts'
import type { Declared, EffectRecord } from '../../ledger/views/effects.ts'
import { UndoHistory } from '../../ledger/views/undo-history.ts'
import type { Entry } from '../../model/entry.ts'
import { no, ok, type Result } from '../../model/index.ts'
import { type Plan, todo } from '../../recovery/plan.ts'
import { delegatedWorkspace } from '../files/workspace-names.ts'
import type { UndoOrder } from './undo-order.ts'

/** Returns what the configuration at hand declares of an effect; nothing where it no longer declares its tool. */
export function declaredFor({ upstreams }: Config): (effect: EffectRecord) => Declared | undefined {
  return ({ upstream, tool }) => upstreams.get(upstream)?.tools.get(tool)
}

/** Reads what a log tells of effects; `onEntry` hears each entry on the way. */
export async function storyOf(
  log: Log,
  onEntry: (entry: Entry) => void = () => undefined,
): Promise<Result<UndoHistory, string>> {
  const story = new UndoHistory()
  for await (const entry of log.read()) {
    if (!entry.ok) return no(faultText(entry.reason))
    story.take(entry.value)
    onEntry(entry.value)
  }
  return ok(story)
}

/**
 * Returns what is to be done, newest first: one order for each workspace whose own stdio servers have effects to undo, since they
 * work on its files, and one for all other effects.
 */
export function ordersOf(
  { upstreams }: Config,
  story: UndoHistory,
  plan: Plan,
): readonly Pick<UndoOrder, 'served' | 'effects'>[] {
  const open = new Set(todo(plan))
  const groups = Map.groupBy(
    plan.effects.flatMap(({ effect }) => (open.has(effect.action) ? [effect] : [])),
    ({ agent, cell, upstream }) => {
      const server = upstreams.get(upstream)?.server
      if (server?.kind !== 'stdio' || server.shared) return undefined
      return story.wasDelegated(cell) ? delegatedWorkspace(agent, cell) : agent
    },
  )
  return [...groups].map(([served, effects]) => ({
    ...(served !== undefined && { served }),
    effects: effects.map(({ action }) => action),
  }))
}
