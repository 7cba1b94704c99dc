import { join } from 'node:path'
import { reasonsFrom } from '../../gateway/record.ts'
import { realDisk } from '../../ledger/disk.ts'
import { readPayload } from '../../ledger/payloads.ts'
import type { Entry } from '../../ledger/read.ts'
import type { CellId, Commitment } from '../../model/index.ts'
import { explain } from '../../policy/index.ts'
import { type Call, type Command, EXIT, type ExitCode } from '../command.ts'
import { entriesOf, printable, STATE_OPTION, stateOf } from '../state.ts'

export const command: Command = {
  name: 'why',
  summary: 'Show one action from its bytes to its outcome, with every reason',
  usage: ['firebreak why <action> [--state <dir>]'],
  example: 'firebreak why a_01m81y75kr4317w2mawh',
  options: {
    ...STATE_OPTION,
    config: { type: 'string', short: 'c', value: 'file', help: 'the configuration (default: firebreak.yaml)' },
    bytes: { type: 'boolean', help: 'show all bytes that were sent and answered, not only the first 2,000' },
  },
  run,
}

type About = (Entry & { readonly log: string }) | undefined

async function run(call: Call): Promise<ExitCode> {
  const [reference] = call.positionals
  if (reference === undefined) {
    call.print.fault('which action? Give the reference that the refusal carried', `usage: ${command.usage[0]}`)
    return EXIT.usage
  }
  const state = stateOf(call)
  let decided: About
  let outcome: About
  let started: About
  try {
    for await (const entry of entriesOf(state)) {
      if ('action' in entry && entry.action === reference) {
        if (entry.kind === 'action.outcome') outcome = entry
        else decided = entry
      }
      const cell = decided !== undefined && 'cell' in decided ? decided.cell : undefined
      if (entry.kind === 'cell.started' && (cell === undefined || entry.cell === cell) && decided === undefined)
        started = entry
    }
  } catch (error) {
    call.print.fault(error instanceof Error ? error.message : String(error))
    return EXIT.storeUnreachable
  }
  if (decided === undefined || (decided.kind !== 'action.intent' && decided.kind !== 'action.refused')) {
    call.print.fault(`there is no action ${printable(reference)} in ${state}`, 'firebreak logs lists what there is')
    return EXIT.failed
  }
  const directory = join(state, 'ledger', decided.log)
  const sent = await bytesOf(directory, decided.cell, decided.payload)
  const answered =
    outcome?.kind === 'action.outcome' ? await bytesOf(directory, decided.cell, outcome.payload) : undefined
  const [first, ...rest] = reasonsFrom(decided.reasons)
  const reasons = first === undefined ? [] : explain({ reasons: [first, ...rest] })
  const limit = call.flag('bytes') ? Number.POSITIVE_INFINITY : 2_000
  call.print.object({ ok: true, decided, outcome, reasons, sent, answered })
  const line = (name: string, value: string | undefined) => {
    if (value !== undefined) call.print.line(`  ${name.padEnd(10)}${printable(value).slice(0, limit)}`)
  }
  const verdict = decided.kind === 'action.intent' ? 'allowed' : 'refused'
  call.print.line(`${verdict}: ${decided.upstream ?? '?'}/${printable(decided.tool ?? '?')}`)
  line('when', `${new Date(decided.atMs).toISOString()}, entry ${decided.seq} of ${decided.log}`)
  line(
    'who',
    `${decided.agent} in cell ${decided.cell}${started?.kind === 'cell.started' ? `, owned by ${started.owner}` : ''}`,
  )
  line('effect', decided.effect)
  line('arguments', JSON.stringify(decided.args))
  for (const reason of reasons) line('why', reason)
  line('sent', sent)
  line(
    'outcome',
    outcome?.kind === 'action.outcome'
      ? `${outcome.outcome}${outcome.detail === undefined ? '' : `: ${outcome.detail}`}`
      : missingOutcome(decided),
  )
  line('answer', answered)
  return EXIT.ok
}

function missingOutcome(decided: Entry): string {
  return decided.kind === 'action.refused'
    ? 'nothing was sent'
    : 'unknown: no outcome was recorded, the effect may have happened'
}

async function bytesOf(directory: string, cell: CellId, payload: Commitment | undefined): Promise<string | undefined> {
  if (payload === undefined) return undefined
  const read = await readPayload(realDisk, directory, cell, payload)
  return read.ok ? read.value.toString('utf8') : `(${read.reason.kind})`
}
