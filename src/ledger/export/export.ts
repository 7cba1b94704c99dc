import type { Entry } from '../../model/entry.ts'
import { parseJson } from '../../model/index.ts'
import { no, ok, type Result } from '../../model/result.ts'
import { canonicalText } from '../log/canonical.ts'
import type { LedgerFault } from '../log/fault.ts'
import { originOf } from '../log/ledger.ts'
import type { Log } from '../store.ts'
import { ocsfEvent } from './export-ocsf.ts'
import { otelRecord, otelRequest } from './export-otel.ts'
import type { Intent } from './intent.ts'

export type ExportFormat = 'jsonl' | 'ocsf' | 'otel'

/** Intents that wait for their outcome; an older one is forgotten, and its outcome exported without its actor. */
const INTENTS_MAX = 10_000
const OTEL_RECORDS_MAX = 512

/**
 * The entries of one log as lines of JSON, each ended by a newline: as they are; as OCSF events
 * (API Activity 6003, Application Lifecycle 6002); or as OTLP/JSON log requests of up to 512 records a line.
 */
export async function* exportLedger(log: Log, format: ExportFormat): AsyncGenerator<Result<string, LedgerFault>, void> {
  const origin = originOf(log.name)
  const intents = new Map<string, Intent>()
  let records: object[] = []
  for await (const read of log.read()) {
    if (!read.ok) {
      yield read
      return
    }
    const entry = read.value
    const intent = joined(entry, intents)
    if (format === 'jsonl') yield line(entry)
    else if (format === 'ocsf') {
      const event = ocsfEvent(entry, intent, origin)
      if (event !== undefined) yield line(event)
      else {
        const problem = `entry ${entry.seq} is of the kind ${JSON.stringify(entry.kind)}, which has no OCSF event here`
        yield no({ kind: 'not-a-ledger', path: log.paths[0] ?? log.name, problem })
        return
      }
    } else if (records.push(otelRecord(entry, intent)) === OTEL_RECORDS_MAX) {
      yield line(otelRequest(records, origin))
      records = []
    }
  }
  if (records.length > 0) yield line(otelRequest(records, origin))
}

function joined(entry: Entry, intents: Map<string, Intent>): Intent | undefined {
  if (entry.kind === 'action.intent') {
    const [oldest] = intents.keys()
    if (intents.size >= INTENTS_MAX && oldest !== undefined) intents.delete(oldest)
    intents.set(entry.action, entry)
  }
  if (entry.kind !== 'action.outcome') return undefined
  const intent = intents.get(entry.action)
  intents.delete(entry.action)
  return intent
}

function line(value: object): Result<string, LedgerFault> {
  // Canonical, so that an exported line can be hashed and compared; what was read from the ledger is JSON.
  const text = canonicalText(parseJson(JSON.stringify(value)))
  return text.ok ? ok(`${text.value}\n`) : no({ kind: 'not-a-ledger', path: '', problem: text.reason.problem })
}
