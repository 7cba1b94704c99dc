import { reasonsFrom } from '../gateway/pipeline/record.ts'
import type { ActionHeld, ActionIntent, ActionRefused, Entry } from '../model/entry.ts'
import type { Json, JsonObject } from '../model/json.ts'
import { explain } from '../policy/index.ts'
import { column, joined, NONE, sentence, type Told, told } from './told.ts'

/** Returns an entry as one line of `logs`. */
export function entryLine(entry: Entry): string {
  const time = new Date(entry.atMs).toISOString().slice(11, 23)
  return `${time}  ${wordsOf(entry).text}`
}

/** Returns the reasons of an entry in sentences, at least one. */
export function reasonsOf(reasons: Json): readonly [string, ...string[]] {
  const [first, ...rest] = reasonsFrom(reasons)
  if (first === undefined) throw new Error('an entry holds no reason')
  const [text = 'no reason', ...more] = explain({ reasons: [first, ...rest] })
  return [text, ...more]
}

function wordsOf(entry: Entry): Told {
  switch (entry.kind) {
    case 'gateway.started':
      return told`gateway of ${entry.environment} started, configuration ${entry.configuration.slice(0, 12)}`
    case 'gateway.stopped':
      return told`gateway of ${entry.environment} stopped: ${sentence(entry.why)}`
    case 'cell.started':
      return told`${entry.cell} started: ${entry.agent} of ${entry.owner}`
    case 'cell.taken-over':
      return told`${entry.cell} taken over by another gateway, ${entry.rung}: ${sentence(entry.why)}`
    case 'cell.ended':
      return told`${entry.cell} ended`
    case 'action.intent':
      return told`${entry.action}  ${entry.undoes === undefined ? told`allowed ` : told`UNDOES  `} ${column(entry.effect, 12)} ${whatOf(entry)}${entry.spend === undefined ? NONE : told`  ${sentence(entry.spend)}`}`
    case 'action.refused':
      return told`${entry.action}  REFUSED  ${column(entry.effect ?? NONE, 12)} ${whatOf(entry)}${becauseOf(entry)}`
    case 'action.held':
      return told`${entry.action}  HELD     ${column(entry.effect, 12)} ${whatOf(entry)}${becauseOf(entry)}`
    case 'hold.answered':
      return told`${entry.hold}  ${entry.approved ? 'approved' : 'denied'} by ${entry.by}${after(entry.why)}`
    case 'label.seen':
      return told`${entry.cell}  has seen ${entry.label}`
    case 'delegation.made':
      return told`${entry.delegation}  ${entry.agent} delegates to ${entry.to}, level ${entry.depth}`
    case 'delegation.ended':
      return told`${entry.delegation}  ended: ${sentence(entry.why)}`
    case 'action.outcome':
      return told`${entry.action}  ${entry.leaked === undefined ? NONE : told`LEAK CUT of ${joined(entry.leaked)}  `}${entry.outcome}${after(entry.detail)}`
    case 'upstream.seen':
      return entry.problem === undefined
        ? told`${entry.upstream}  stands again`
        : told`${entry.upstream}  is LEFT OUT: ${sentence(entry.problem)}`
    case 'egress.tried':
      return told`${entry.upstream} ${entry.problem === undefined ? 'reaches' : 'REFUSED'} ${entry.place}${timesText(entry.times)}${entry.problem === undefined ? NONE : told`  — ${sentence(entry.problem)}`}`
    case 'cell.sensed':
      return told`${entry.cell}  ${entry.sensor}: ${sentence(entry.what)}${timesText(entry.count)}`
    case 'signal.raised':
      return told`${entry.cell}  SIGNAL   ${entry.detector}${entry.mode === 'observe' ? told` (observe)` : NONE}: ${sentence(entry.what)}`
    case 'rung.changed':
      return told`${entry.cell ?? entry.agent}  ${entry.from} → ${entry.to} by ${entry.by}: ${sentence(entry.why)}`
    case 'cell.contained':
      return told`${entry.cell}  CONTAINED (${entry.rung})${orderedText(entry.receipt)}`
    case 'checkpoint.made':
      return told`${entry.checkpoint}  files of ${entry.workspace} saved by ${entry.by}${entry.name === undefined ? NONE : told` as ${entry.name}`}: ${sentence(entry.why)}`
    case 'checkpoint.restored':
      return told`${entry.checkpoint}  RESTORED in ${entry.workspace} by ${entry.by}: ${sentence(entry.why)}`
    case 'undo.started':
      return told`${entry.cell}  UNDO by ${entry.by}: ${sentence(entry.why)}`
    case 'effect.checked': {
      const { undone } = entry
      const found = undone === undefined ? told`cannot be told` : undone ? told`does not stand` : told`stands`
      return told`${entry.action}  ${found}${after(entry.problem)}`
    }
    case 'undo.ended':
      return told`${entry.cell}  undo ended`
    case 'definition.seen':
      return told`${whatOf(entry)}: its definition is ${sentence(entry.problem)}${entry.words ? told`, in its descriptions only` : NONE}`
    case 'list.cut': {
      const more = entry.more === undefined ? NONE : told`; and ${entry.more} more`
      return told`${entry.upstream}: its ${entry.list} are not whole: ${joined(entry.what.map(sentence), '; ')}${more}`
    }
    default:
      // A later version wrote it, or somebody who should not have.
      return told`an entry of a kind that is not known here: ${sentence(JSON.stringify(entry))}`
  }
}

function whatOf({ upstream, tool }: Partial<Pick<ActionIntent, 'upstream' | 'tool'>>): Told {
  return told`${upstream ?? told`?`}/${tool ?? told`?`}`
}

function becauseOf({ reasons, more }: ActionRefused | ActionHeld): Told {
  const [first] = reasonsOf(reasons)
  return told`  — ${sentence(first)}${more === undefined ? NONE : told` (and ${more} more in this second)`}`
}

function after(text: string | undefined): Told {
  return text === undefined ? NONE : told`: ${sentence(text)}`
}

function timesText(count: number | undefined): Told {
  return count === undefined ? NONE : told` (${count} times)`
}

/** Returns by whom a stop was ordered and why; nothing for an entry that does not say. */
function orderedText({ by, why }: JsonObject): Told {
  return typeof by === 'string' && typeof why === 'string' ? told` by ${by}: ${sentence(why)}` : NONE
}
