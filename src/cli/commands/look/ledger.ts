import { once } from 'node:events'
import { resolve } from 'node:path'
import process from 'node:process'
import { logsOf } from '../../../host/state/logs.ts'
import { sealedPlaceOf } from '../../../host/state/stores.ts'
import { statesIn } from '../../../host/state/tenants.ts'
import { type ExportFormat, exportLedger } from '../../../ledger/export/export.ts'
import { faultText } from '../../../ledger/log/fault.ts'
import { proveEntry } from '../../../ledger/seal/prove.ts'
import { verifyLedger } from '../../../ledger/verify/verify.ts'
import type { LogReport } from '../../../ledger/verify/verify-log.ts'
import { no, ok, type Result } from '../../../model/index.ts'
import { type Call, type Command, EXIT, type ExitCode } from '../../command.ts'
import { STATE_OPTIONS, stateOf } from '../../options/state.ts'
import { printableJson } from '../../print/printable.ts'

export const command: Command = {
  name: 'ledger',
  usage: [
    'firebreak ledger verify [<ledger dir> --witness <witness dir>] [--without-keys]',
    'firebreak ledger prove [<ledger dir> --witness <witness dir>] --log <name> --entry <seq>',
    'firebreak ledger export [--state <dir>] [--format jsonl|ocsf|otel]',
  ],
  example:
    'firebreak ledger verify\nfirebreak ledger verify /backup/ledger --witness /elsewhere/witness\nfirebreak ledger export --format ocsf',
  words: 2,
  options: {
    ...STATE_OPTIONS,
    witness: {
      type: 'string',
      value: 'dir',
      help: 'the witness’s seals and key; a copy kept elsewhere proves more (default: the state’s own)',
    },
    'without-keys': { type: 'boolean', help: 'the keys of the payloads stayed elsewhere: count them, judge all else' },
    log: { type: 'string', value: 'name', help: 'which log of the ledger: an environment' },
    entry: { type: 'string', value: 'seq', help: 'which entry of it' },
    format: {
      type: 'string',
      value: 'jsonl|ocsf|otel',
      help: 'as they are, as OCSF events, or as OTLP/JSON (default: jsonl)',
    },
  },
  run,
}

async function run(call: Call): Promise<ExitCode> {
  switch (call.positionals[0]) {
    case 'verify':
      return verify(call)
    case 'prove':
      return prove(call)
    case 'export':
      return exportAll(call)
    default:
      call.print.fault('verify, prove or export?', ...command.usage)
      return EXIT.usage
  }
}

async function verify(call: Call): Promise<ExitCode> {
  const from = placesOf(call)
  if (!from.ok) {
    call.print.fault(from.reason, `usage: ${command.usage[0]}`)
    return EXIT.usage
  }
  const { ledgerDirectory, witness } = from.value
  const verified = await verifyLedger({
    ledgerDirectory: resolve(ledgerDirectory),
    witness: { directory: resolve(witness) },
    withoutKeys: call.flag('without-keys'),
  })
  if (!verified.ok) {
    call.print.fault(verified.reason.problem)
    return verified.reason.kind === 'witness-inside' ? EXIT.usage : EXIT.storeUnreachable
  }
  const { intact, logs, findings } = verified.value
  for (const { log, entries, sealed, unsealed, seals, sealedAtMs, payloads } of logs) {
    const at = sealedAtMs === undefined ? '' : `, the newest of ${new Date(sealedAtMs).toISOString()}`
    call.print.line(
      `${log}: ${entries} entries, ${sealed} under ${seals} seals${at}${unsealed > 0 ? `; ${unsealed} not yet witnessed` : ''}`,
    )
    const { checked, unchecked, erasedCells } = payloads
    const erased = erasedCells > 0 ? `; ${erasedCells} cells were erased` : ''
    if (unchecked > 0)
      call.print.line(`${log}: ${checked} payloads checked, ${unchecked} NOT: no key for them${erased}`)
  }
  for (const { log, kind, problem, seq, file, at } of findings) {
    const place = [seq === undefined ? '' : `entry ${seq}`, file ?? '', at === undefined ? '' : `byte ${at}`].filter(
      Boolean,
    )
    call.print.line(`${log}: ${kind.toUpperCase()} ${problem}${place.length > 0 ? ` (${place.join(', ')})` : ''}`)
  }
  call.print.line(intact ? intactText(logs) : 'NOT INTACT')
  call.print.object({ ok: intact, logs, findings })
  return intact ? EXIT.ok : EXIT.integrity
}

function intactText(logs: readonly LogReport[]): string {
  const bare = logs.filter(({ entries, sealed }) => entries > 0 && sealed === 0).map(({ log }) => log)
  const intact = 'intact: every entry under a seal is as it was when the witness signed'
  return bare.length === 0 ? intact : `${intact}; NOTHING is proven of ${bare.join(', ')}: no seal covers an entry`
}

/**
 * Returns the directories of ledger and witness, of which a person names both or none: seals that lie where the ledger
 * came from prove little, and are not taken silently.
 */
function placesOf(call: Call): Result<{ readonly ledgerDirectory: string; readonly witness: string }, string> {
  const [, ledger] = call.positionals
  const witness = call.text('witness')
  if (ledger !== undefined && witness !== undefined) return ok({ ledgerDirectory: ledger, witness })
  if (ledger !== undefined || witness !== undefined)
    return no('the ledger and the witness are read from two places: name both, or neither')
  const [state = '', ...tenants] = statesIn(stateOf(call))
  if (tenants.length > 0) return no('each tenant has a ledger and a witness of its own: name both')
  const { ledgerDirectory, witness: own } = sealedPlaceOf(state)
  return ok({ ledgerDirectory, witness: own.directory })
}

async function prove(call: Call): Promise<ExitCode> {
  const from = placesOf(call)
  const [log, seq] = [call.text('log'), Number(call.text('entry'))]
  if (!from.ok || log === undefined || !Number.isSafeInteger(seq)) {
    call.print.fault(
      from.ok ? '--log and --entry say which entry is proved' : from.reason,
      `usage: ${command.usage[1]}`,
    )
    return EXIT.usage
  }
  const { ledgerDirectory, witness } = from.value
  const proof = await proveEntry({
    ledgerDirectory: resolve(ledgerDirectory),
    log,
    seq,
    witness: { directory: resolve(witness) },
  })
  if (!proof.ok) {
    call.print.fault(proof.reason.problem)
    return proof.reason.kind === 'changed' ? EXIT.integrity : EXIT.failed
  }
  if (call.print.json) console.log(printableJson(proof.value))
  else for (const line of JSON.stringify(proof.value, null, 2).split('\n')) call.print.line(line)
  return EXIT.ok
}

async function exportAll(call: Call): Promise<ExitCode> {
  const format = formatOf(call.text('format') ?? 'jsonl')
  const logs = await logsOf(stateOf(call))
  if (format === undefined || !logs.ok) {
    call.print.fault(logs.ok ? '--format is jsonl, ocsf or otel' : logs.reason)
    return logs.ok ? EXIT.usage : EXIT.storeUnreachable
  }
  for (const { log } of logs.value) {
    for await (const line of exportLedger(log, format)) {
      if (!line.ok) {
        call.print.fault(faultText(line.reason))
        return EXIT.storeUnreachable
      }
      if (!process.stdout.write(line.value)) await once(process.stdout, 'drain')
    }
  }
  return EXIT.ok
}

function formatOf(text: string): ExportFormat | undefined {
  return text === 'jsonl' || text === 'ocsf' || text === 'otel' ? text : undefined
}
