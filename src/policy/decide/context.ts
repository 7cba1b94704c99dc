import type { Effect } from '../../model/action.ts'
import type { EnvironmentName, PersonName } from '../../model/ids.ts'
import type { Label } from '../../model/label.ts'
import type { Rung } from '../../model/ladder.ts'
import { type CedarRecord, CedarSet, type Value, type Withheld } from '../cedar/value.ts'

/** Returns the context that policies see. Must hold exactly what `cedar-schema.ts` declares. */
export function contextOf(facts: {
  readonly args: CedarRecord | Withheld
  readonly effect: Effect
  readonly environment: EnvironmentName
  readonly owner: PersonName
  readonly rung: Rung
  readonly labels: ReadonlyMap<Label, unknown>
  readonly delegationDepth: number
  readonly nowMs: number
}): CedarRecord {
  const context = new Map<string, Value | Withheld>()
  context.set('args', facts.args)
  context.set('effect', facts.effect)
  context.set('environment', facts.environment)
  context.set('owner', facts.owner)
  context.set('rung', facts.rung)
  context.set('labels', new CedarSet([...facts.labels.keys()]))
  context.set('delegationDepth', facts.delegationDepth)
  context.set('time', timeOf(facts.nowMs))
  return context
}

const MINUTE_MS = 60_000
const DAY_MINUTES = 1440

/** Returns the members of the time in UTC. `weekday` is ISO's: 1 is Monday, 7 is Sunday (1970-01-01 was a Thursday). */
function timeOf(nowMs: number): CedarRecord {
  const minutes = Math.floor(nowMs / MINUTE_MS)
  const time = new Map<string, Value>()
  time.set('ms', Math.floor(nowMs))
  time.set('hour', Math.floor((minutes % DAY_MINUTES) / 60))
  time.set('minute', minutes % 60)
  time.set('weekday', ((Math.floor(minutes / DAY_MINUTES) + 3) % 7) + 1)
  return time
}
