import type { LoggedEntry } from '../../../ledger/store.ts'
import type { Entry } from '../../../model/entry.ts'
import { stateOperator } from '../../../operator/state-operator.ts'
import { type Call, type Command, EXIT, type ExitCode } from '../../command.ts'
import { STATE_OPTIONS, stateOf } from '../../options/state.ts'
import { entryLine, reasonsOf } from '../../print/entry-line.ts'
import { folded } from '../../print/printable.ts'

export const command: Command = {
  name: 'logs',
  usage: ['firebreak logs [--state <dir>] [--refused] [--cell <id>] [-f]'],
  example: 'firebreak logs --refused\nfirebreak logs -f',
  options: {
    ...STATE_OPTIONS,
    refused: { type: 'boolean', help: 'only what was refused' },
    cell: { type: 'string', value: 'id', help: 'only this cell' },
    follow: { type: 'boolean', short: 'f', help: 'go on as more is written' },
  },
  run,
}

async function run(call: Call): Promise<ExitCode> {
  const operator = stateOperator(stateOf(call))
  const collected: object[] = []
  /** The next entry of each log that has not been shown. */
  const next = new Map<string, number>()
  const show = (entry: LoggedEntry) => {
    next.set(entry.log, entry.seq + 1)
    if (!wanted(entry, call)) return
    if (call.print.json) collected.push(objectOf(entry))
    else for (const line of folded(entryLine(entry))) call.print.line(line)
  }
  try {
    for await (const entry of operator.entries()) show(entry)
    if (call.flag('follow') && !call.print.json)
      for await (const entry of operator.follow(new AbortController().signal, next)) show(entry)
  } catch (error) {
    call.print.fault(error instanceof Error ? error.message : String(error))
    return EXIT.storeUnreachable
  }
  call.print.object({ ok: true, entries: collected })
  return EXIT.ok
}

function wanted(entry: Entry, call: Call): boolean {
  if (call.flag('refused') && entry.kind !== 'action.refused' && entry.kind !== 'action.held') return false
  const cell = call.text('cell')
  return cell === undefined || ('cell' in entry && entry.cell === cell)
}

function objectOf(entry: Entry): object {
  if (entry.kind !== 'action.refused' && entry.kind !== 'action.intent' && entry.kind !== 'action.held') return entry
  return { ...entry, why: reasonsOf(entry.reasons) }
}
