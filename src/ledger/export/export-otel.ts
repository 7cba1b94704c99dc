import type { Entry } from '../../model/entry.ts'
import type { Json } from '../../model/json.ts'
import type { Intent } from './intent.ts'

/** An OTLP/JSON ExportLogsServiceRequest: proto3 JSON, so 64-bit numbers are strings. */
export function otelRequest(logRecords: readonly object[], origin: string): object {
  const resource = { attributes: [text('service.name', 'firebreak'), text('firebreak.log', origin)] }
  return {
    resourceLogs: [{ resource, scopeLogs: [{ scope: { name: 'firebreak.ledger', version: '1' }, logRecords }] }],
  }
}

/** Writes one entry as one log record. Severity: information 9, warning 13. */
export function otelRecord(entry: Entry, intent: Intent | undefined): object {
  const nanoseconds = `${BigInt(Math.trunc(entry.atMs)) * 1_000_000n}`
  const warns =
    entry.kind === 'action.refused' ||
    entry.kind === 'definition.seen' ||
    entry.kind === 'list.cut' ||
    entry.kind === 'signal.raised' ||
    entry.kind === 'rung.changed' ||
    entry.kind === 'cell.contained' ||
    (entry.kind === 'configuration.applied' && entry.widened !== undefined) ||
    (entry.kind === 'egress.tried' && entry.problem !== undefined) ||
    (entry.kind === 'action.outcome' && entry.outcome !== 'done')
  const { v: _version, atMs: _time, kind, ...members } = entry
  const joined = intent
    ? {
        agent: intent.agent,
        cell: intent.cell,
        environment: intent.environment,
        upstream: intent.upstream,
        tool: intent.tool,
      }
    : {}
  const attributes = Object.entries({ ...joined, ...members })
    .filter(([, value]) => value !== undefined)
    // Safe: an entry's members are JSON, by its type and by where it was read from.
    .map(([key, value]) => ({ key: `firebreak.${key}`, value: anyValue(value as Json) }))
  return {
    timeUnixNano: nanoseconds,
    observedTimeUnixNano: nanoseconds,
    severityNumber: warns ? 13 : 9,
    severityText: warns ? 'WARN' : 'INFO',
    eventName: `firebreak.${kind}`,
    body: { stringValue: kind },
    attributes,
  }
}

function text(key: string, value: string): object {
  return { key, value: { stringValue: value } }
}

function anyValue(value: Json): object {
  if (value === null) return {}
  switch (typeof value) {
    case 'string':
      return { stringValue: value }
    case 'boolean':
      return { boolValue: value }
    case 'number':
      return Number.isSafeInteger(value) ? { intValue: String(value) } : { doubleValue: value }
    default:
      if (Array.isArray(value)) return { arrayValue: { values: value.map(anyValue) } }
      return {
        kvlistValue: { values: Object.entries(value).map(([key, member]) => ({ key, value: anyValue(member) })) },
      }
  }
}
