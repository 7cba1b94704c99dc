import type { Effect } from '../../model/action.ts'
import type { Entry } from '../../model/entry.ts'
import type { ToolName } from '../../model/ids.ts'
import { isConnection } from '../../model/operation.ts'
import type { Intent } from './intent.ts'

/** The version of the schema that these events follow: https://schema.ocsf.io/1.3.0/classes/api_activity. */
const VERSION = '1.3.0'
const API_ACTIVITY = 6003
const APPLICATION_LIFECYCLE = 6002

/** Create 1, read 2, update 3, other 99: OCSF knows no spending. */
const ACTIVITY: { readonly [effect in Effect]: number } = { read: 2, write: 3, spend: 1, irreversible: 99 }
const OTHER = 99

/** Success 1, failure 2; what may have landed is neither. */
const STATUS = { done: 1, failed: 2, withheld: 2, 'not-sent': 2, unknown: 0 } as const

/**
 * Writes one entry as one OCSF event; nothing for a kind that this version does not know. The whole entry stays in
 * `unmapped`, so that nothing is lost on the way.
 */
export function ocsfEvent(entry: Entry, intent: Intent | undefined, origin: string): object | undefined {
  const metadata = {
    version: VERSION,
    uid: `${origin}/${entry.seq}`,
    log_name: origin,
    product: { name: 'Firebreak', vendor_name: 'Firebreak' },
  }
  const base = { time: entry.atMs, category_uid: 6, unmapped: entry }
  switch (entry.kind) {
    case 'action.intent':
      return {
        ...base,
        ...api(ACTIVITY[entry.effect]),
        ...who(entry),
        metadata: about(metadata, entry.action),
        severity_id: 1,
        status_id: 0,
      }
    case 'action.outcome': {
      const activity = intent ? ACTIVITY[intent.effect] : OTHER
      const status_id = entry.happened === 'unknown' ? STATUS.unknown : STATUS[entry.outcome]
      const detail = entry.detail === undefined ? {} : { status_detail: entry.detail }
      const actor = intent ? who(intent) : unknownActor(entry.action)
      return {
        ...base,
        ...api(activity),
        ...actor,
        metadata: about(metadata, entry.action),
        severity_id: status_id === 1 ? 1 : 3,
        status_id,
        ...detail,
      }
    }
    case 'action.refused': {
      // The security_control profile: denied, blocked.
      const denied = { action_id: 2, disposition_id: 2 }
      const profiled = { ...about(metadata, entry.action), profiles: ['security_control'] }
      const activity = entry.effect ? ACTIVITY[entry.effect] : OTHER
      return { ...base, ...api(activity), ...who(entry), metadata: profiled, severity_id: 3, status_id: 2, ...denied }
    }
    case 'action.held': {
      // Not done, and not refused: an observer has to look.
      const held = { status_detail: 'held for a person', action_id: 99, disposition_id: 99 }
      const profiled = { ...about(metadata, entry.action), profiles: ['security_control'] }
      return {
        ...base,
        ...api(ACTIVITY[entry.effect]),
        ...who(entry),
        metadata: profiled,
        severity_id: 3,
        status_id: 99,
        ...held,
      }
    }
    case 'hold.answered':
      return {
        ...base,
        ...api(OTHER),
        ...unknownActor(entry.hold),
        actor: { user: { name: entry.by } },
        metadata: about(metadata, entry.hold),
        severity_id: 1,
        status_id: 1,
        status_detail: entry.approved ? 'approved' : 'denied',
      }
    case 'label.seen':
      return {
        ...base,
        ...lifecycle(99),
        app: { name: entry.agent, uid: entry.cell },
        metadata,
        severity_id: 1,
        status_id: 1,
        status_detail: `has seen ${entry.label}`,
      }
    case 'delegation.made':
      return {
        ...base,
        ...lifecycle(3),
        app: { name: entry.to, uid: entry.delegation },
        actor: { app_name: entry.agent, app_uid: entry.cell },
        metadata,
        severity_id: 1,
        status_id: 1,
      }
    case 'delegation.ended':
      return {
        ...base,
        ...lifecycle(4),
        app: { name: 'delegation', uid: entry.delegation },
        metadata,
        severity_id: 1,
        status_id: 1,
        status_detail: entry.why,
      }
    case 'definition.seen': {
      const call = { operation: entry.tool, service: { name: entry.upstream } }
      return {
        ...base,
        ...api(OTHER),
        ...unknownActor(),
        api: call,
        metadata,
        severity_id: 3,
        status_id: 2,
        status_detail: entry.problem,
      }
    }
    case 'upstream.seen':
      return {
        ...base,
        ...api(OTHER),
        ...unknownActor(),
        api: { operation: 'CONNECT', service: { name: entry.upstream } },
        metadata,
        severity_id: entry.problem === undefined ? 1 : 2,
        status_id: entry.problem === undefined ? 1 : 2,
        status_detail: entry.problem ?? 'it stands again',
      }
    case 'list.cut':
      return {
        ...base,
        ...api(OTHER),
        ...unknownActor(),
        api: { operation: `${entry.list}/list`, service: { name: entry.upstream } },
        metadata,
        severity_id: 2,
        status_id: 2,
        status_detail: entry.what.join('; '),
      }
    case 'egress.tried':
      return {
        ...base,
        ...api(OTHER),
        ...unknownActor(),
        api: { operation: 'CONNECT', service: { name: entry.upstream } },
        metadata,
        severity_id: entry.problem === undefined ? 1 : 3,
        status_id: entry.problem === undefined ? 1 : 2,
        status_detail: `${entry.place}${entry.problem === undefined ? '' : `: ${entry.problem}`}`,
      }
    case 'cell.sensed':
    case 'signal.raised':
    case 'rung.changed':
    case 'cell.contained':
      return {
        ...base,
        ...lifecycle(OTHER),
        app: { name: entry.agent, uid: entry.cell },
        metadata,
        severity_id: entry.kind === 'cell.sensed' ? 2 : 4,
        status_id: 1,
        status_detail: detailOf(entry),
      }
    case 'checkpoint.made':
    case 'checkpoint.restored':
      return {
        ...base,
        ...lifecycle(OTHER),
        app: { name: entry.agent, uid: entry.checkpoint },
        ...(entry.by !== 'firebreak' && { actor: { user: { name: entry.by } } }),
        metadata,
        severity_id: 1,
        status_id: 1,
        status_detail: `${entry.kind === 'checkpoint.made' ? 'files saved' : 'files restored'}: ${entry.why}`,
      }
    case 'undo.started':
    case 'undo.ended':
    case 'effect.checked':
      return {
        ...base,
        ...lifecycle(entry.kind === 'undo.started' ? 3 : entry.kind === 'undo.ended' ? 4 : OTHER),
        app: { name: 'undo', uid: entry.cell },
        ...(entry.kind === 'undo.started' && { actor: { user: { name: entry.by } } }),
        metadata: entry.kind === 'effect.checked' ? about(metadata, entry.action) : metadata,
        severity_id: 2,
        status_id: 1,
        ...(entry.kind === 'undo.started' && { status_detail: entry.why }),
      }
    case 'cell.started':
    case 'cell.taken-over':
      return {
        ...base,
        ...lifecycle(3),
        app: { name: entry.agent, uid: entry.cell },
        metadata,
        severity_id: entry.kind === 'cell.started' ? 1 : 2,
        status_id: 1,
        ...(entry.kind === 'cell.taken-over' && { status_detail: entry.why }),
      }
    case 'cell.ended':
      return {
        ...base,
        ...lifecycle(4),
        app: { name: 'cell', uid: entry.cell },
        metadata,
        severity_id: 1,
        status_id: 1,
      }
    case 'gateway.started':
      return {
        ...base,
        ...lifecycle(3),
        app: { name: `gateway ${entry.environment}`, version: entry.version },
        metadata,
        severity_id: 1,
        status_id: 1,
      }
    case 'configuration.applied':
      return {
        ...base,
        ...lifecycle(OTHER),
        app: { name: `gateway ${entry.environment}` },
        ...(entry.by !== 'firebreak' && { actor: { user: { name: entry.by } } }),
        metadata,
        severity_id: entry.widened === undefined ? 1 : 3,
        status_id: 1,
        status_detail: appliedText(entry),
      }
    case 'gateway.stopped':
      return {
        ...base,
        ...lifecycle(4),
        app: { name: `gateway ${entry.environment}` },
        metadata,
        severity_id: 1,
        status_id: 1,
        status_detail: entry.why,
      }
  }
}

function appliedText({
  after,
  narrowed = [],
  widened = [],
}: Extract<Entry, { kind: 'configuration.applied' }>): string {
  const less = narrowed.length === 0 ? '' : `; narrows ${narrowed.join(', ')}`
  const more = widened.map(({ agent, agreed, what }) => `; widens ${agent}, agreed by ${agreed}: ${what.join('; ')}`)
  return `configuration ${after}${less}${more.join('')}`
}

function api(activity: number) {
  return { class_uid: API_ACTIVITY, activity_id: activity, type_uid: API_ACTIVITY * 100 + activity }
}

function detailOf(
  entry: Extract<Entry, { kind: 'cell.sensed' | 'signal.raised' | 'rung.changed' | 'cell.contained' }>,
) {
  if (entry.kind === 'cell.contained') return entry.rung
  if (entry.kind === 'rung.changed') return `${entry.from} to ${entry.to} by ${entry.by}: ${entry.why}`
  return `${entry.kind === 'cell.sensed' ? entry.sensor : entry.detector}: ${entry.what}`
}

function lifecycle(activity: number) {
  return { class_uid: APPLICATION_LIFECYCLE, activity_id: activity, type_uid: APPLICATION_LIFECYCLE * 100 + activity }
}

/** An agent acts as an application; its owner is a person, named where the cell started. */
function who(entry: Extract<Entry, { kind: 'action.intent' | 'action.refused' | 'action.held' }>) {
  const service = entry.upstream === undefined ? {} : { service: { name: entry.upstream } }
  return {
    actor: { app_name: entry.agent, app_uid: entry.cell },
    src_endpoint: { name: entry.agent, uid: entry.cell },
    api: { operation: operationOf(entry), ...service, request: { uid: entry.action } },
  }
}

/** Returns the operation as OCSF has it: a tool's name; of a connection how and where it goes. */
function operationOf({ operation, tool = 'unknown' as ToolName }: Parameters<typeof who>[0]): string {
  return operation !== undefined && isConnection(operation) ? `${operation} ${tool}` : tool
}

function unknownActor(action?: string) {
  return {
    actor: { app_name: 'unknown' },
    src_endpoint: { name: 'unknown' },
    api: { operation: 'unknown', ...(action === undefined ? {} : { request: { uid: action } }) },
  }
}

function about<T extends object>(metadata: T, action: string) {
  return { ...metadata, correlation_uid: action }
}
