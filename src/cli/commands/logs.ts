import { setTimeout as delay } from 'node:timers/promises'
import { reasonsFrom } from '../../gateway/record.ts'
import type { Entry } from '../../model/entry.ts'
import type { JsonObject } from '../../model/json.ts'
import { explain } from '../../policy/index.ts'
import { type Call, type Command, EXIT, type ExitCode } from '../command.ts'
import { printable } from '../printable.ts'
import { entriesOf, STATE_OPTIONS, stateOf } from '../state.ts'

export const command: Command = {
  name: 'logs',
  summary: 'Show what cells tried, what was let through and what was refused',
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

const FOLLOW_EVERY_MS = 500

async function run(call: Call): Promise<ExitCode> {
  const state = stateOf(call)
  const collected: object[] = []
  /** The next entry of each log that has not been shown. */
  const next = new Map<string, number>()
  const show = async () => {
    for await (const entry of entriesOf(state)) {
      if (entry.seq < (next.get(entry.log) ?? 0)) continue
      next.set(entry.log, entry.seq + 1)
      if (!wanted(entry, call)) continue
      if (call.print.json) collected.push(objectOf(entry))
      else call.print.line(lineOf(entry))
    }
  }
  try {
    await show()
    while (call.flag('follow') && !call.print.json) {
      await delay(FOLLOW_EVERY_MS)
      await show()
    }
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
  return { ...entry, why: explain({ reasons: nonEmpty(entry.reasons) }) }
}

function lineOf(entry: Entry): string {
  const time = new Date(entry.atMs).toISOString().slice(11, 23)
  return `${time}  ${textOf(entry)}`
}

function textOf(entry: Entry): string {
  switch (entry.kind) {
    case 'gateway.started':
      return `gateway of ${entry.environment} started, configuration ${entry.configuration.slice(0, 12)}`
    case 'gateway.stopped':
      return `gateway of ${entry.environment} stopped: ${printable(entry.why)}`
    case 'cell.started':
      return `${entry.cell} started: ${entry.agent} of ${entry.owner}`
    case 'cell.taken-over':
      return `${entry.cell} taken over by another gateway, ${entry.rung}: ${printable(entry.why)}`
    case 'cell.ended':
      return `${entry.cell} ended`
    case 'action.intent':
      return `${entry.action}  ${entry.undoes === undefined ? 'allowed ' : 'UNDOES  '} ${entry.effect.padEnd(12)} ${entry.upstream}/${printable(entry.tool)}${entry.spend === undefined ? '' : `  ${entry.spend}`}`
    case 'action.refused': {
      const [first = 'no reason'] = explain({ reasons: nonEmpty(entry.reasons) })
      const what = `${entry.upstream ?? '?'}/${printable(entry.tool ?? '?')}`
      return `${entry.action}  REFUSED  ${(entry.effect ?? '').padEnd(12)} ${what}  — ${printable(first)}${entry.more === undefined ? '' : ` (and ${entry.more} more in this second)`}`
    }
    case 'action.held': {
      const [first = 'no reason'] = explain({ reasons: nonEmpty(entry.reasons) })
      return `${entry.action}  HELD     ${entry.effect.padEnd(12)} ${entry.upstream}/${printable(entry.tool)}  — ${printable(first)}${entry.more === undefined ? '' : ` (and ${entry.more} more in this second)`}`
    }
    case 'hold.answered':
      return `${entry.hold}  ${entry.approved ? 'approved' : 'denied'} by ${printable(entry.by)}${entry.why === undefined ? '' : `: ${printable(entry.why)}`}`
    case 'label.seen':
      return `${entry.cell}  has seen ${entry.label}`
    case 'delegation.made':
      return `${entry.delegation}  ${entry.agent} delegates to ${entry.to}, level ${entry.depth}`
    case 'delegation.ended':
      return `${entry.delegation}  ended: ${printable(entry.why)}`
    case 'action.outcome':
      return `${entry.action}  ${entry.leaked === undefined ? '' : `LEAK CUT of ${entry.leaked.join(', ')}  `}${entry.outcome}${entry.detail === undefined ? '' : `: ${printable(entry.detail)}`}`
    case 'upstream.seen':
      return `${entry.upstream}  ${entry.problem === undefined ? 'stands again' : `is LEFT OUT: ${printable(entry.problem)}`}`
    case 'egress.tried':
      return `${entry.upstream} ${entry.problem === undefined ? 'reaches' : 'REFUSED'} ${printable(entry.place)}${entry.times === undefined ? '' : ` (${entry.times} times)`}${entry.problem === undefined ? '' : `  — ${printable(entry.problem)}`}`
    case 'cell.sensed':
      return `${entry.cell}  ${entry.sensor}: ${printable(entry.what)}${entry.count === undefined ? '' : ` (${entry.count} times)`}`
    case 'signal.raised':
      return `${entry.cell}  SIGNAL   ${entry.detector}${entry.mode === 'observe' ? ' (observe)' : ''}: ${printable(entry.what)}`
    case 'rung.changed':
      return `${entry.cell ?? entry.agent}  ${entry.from} → ${entry.to} by ${printable(entry.by)}: ${printable(entry.why)}`
    case 'cell.contained':
      return `${entry.cell}  CONTAINED (${entry.rung})${orderedText(entry.receipt)}`
    case 'checkpoint.made':
      return `${entry.checkpoint}  files of ${printable(entry.workspace)} saved by ${printable(entry.by)}${entry.name === undefined ? '' : ` as "${printable(entry.name)}"`}: ${printable(entry.why)}`
    case 'checkpoint.restored':
      return `${entry.checkpoint}  RESTORED in ${printable(entry.workspace)} by ${printable(entry.by)}: ${printable(entry.why)}`
    case 'undo.started':
      return `${entry.cell}  UNDO by ${printable(entry.by)}: ${printable(entry.why)}`
    case 'effect.checked': {
      const found = entry.undone === undefined ? 'cannot be told' : entry.undone ? 'does not stand' : 'stands'
      return `${entry.action}  ${found}${entry.problem === undefined ? '' : `: ${printable(entry.problem)}`}`
    }
    case 'undo.ended':
      return `${entry.cell}  undo ended`
    case 'definition.seen':
      return `${entry.upstream}/${printable(entry.tool)}: its definition is ${entry.problem}${entry.words ? ', in its descriptions only' : ''}`
    case 'list.cut': {
      const more = entry.more === undefined ? '' : `; and ${entry.more} more`
      return `${entry.upstream}: its ${entry.list} are not whole: ${entry.what.map(printable).join('; ')}${more}`
    }
    default:
      // A later version wrote it, or somebody who should not have.
      return `an entry of a kind that is not known here: ${JSON.stringify(entry)}`
  }
}

function nonEmpty(json: Parameters<typeof reasonsFrom>[0]) {
  const [first, ...rest] = reasonsFrom(json)
  if (first === undefined) throw new Error('an entry holds no reason')
  return [first, ...rest] as const
}

/** Returns by whom a stop was ordered and why; nothing for an entry that does not say. */
function orderedText({ by, why }: JsonObject): string {
  return typeof by === 'string' && typeof why === 'string' ? ` by ${printable(by)}: ${printable(why)}` : ''
}
