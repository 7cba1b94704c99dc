import { reasonsFrom } from '../../gateway/pipeline/record.ts'
import type {
  ActionHeld,
  ActionIntent,
  ActionOutcome,
  ActionRefused,
  ConfigurationApplied,
  Entry,
} from '../../model/entry.ts'
import type { Json, JsonObject } from '../../model/json.ts'
import { isConnection } from '../../model/operation.ts'
import { explain } from '../../policy/index.ts'
import { column, joined, NONE, type SafeText, safeLine, sentence } from './safe-line.ts'

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

function wordsOf(entry: Entry): SafeText {
  switch (entry.kind) {
    case 'gateway.started':
      return safeLine`gateway of ${entry.environment} started, configuration ${entry.configuration.slice(0, 12)}`
    case 'configuration.applied':
      return safeLine`configuration ${entry.after.slice(0, 12)} APPLIED in ${entry.environment} by ${entry.by}${appliedText(entry)}`
    case 'gateway.stopped':
      return safeLine`gateway of ${entry.environment} stopped: ${sentence(entry.why)}`
    case 'cell.started':
      return safeLine`${entry.cell} started: ${entry.agent} of ${entry.owner}`
    case 'cell.taken-over':
      return safeLine`${entry.cell} taken over by another gateway, ${entry.rung}: ${sentence(entry.why)}`
    case 'cell.ended':
      return safeLine`${entry.cell} ended`
    case 'action.intent':
      return safeLine`${entry.action}  ${entry.undoes === undefined ? safeLine`allowed ` : safeLine`UNDOES  `} ${column(entry.effect, 12)} ${whatOf(entry)}${entry.spend === undefined ? NONE : safeLine`  ${sentence(entry.spend)}`}`
    case 'action.refused':
      return safeLine`${entry.action}  REFUSED  ${column(entry.effect ?? NONE, 12)} ${whatOf(entry)}${becauseOf(entry)}`
    case 'action.held':
      return safeLine`${entry.action}  HELD     ${column(entry.effect, 12)} ${whatOf(entry)}${becauseOf(entry)}`
    case 'hold.answered':
      return safeLine`${entry.hold}  ${entry.approved ? 'approved' : 'denied'} by ${entry.by}${after(entry.why)}`
    case 'label.seen':
      return safeLine`${entry.cell}  has seen ${entry.label}`
    case 'delegation.made':
      return safeLine`${entry.delegation}  ${entry.agent} delegates to ${entry.to}, level ${entry.depth}`
    case 'delegation.ended':
      return safeLine`${entry.delegation}  ended: ${sentence(entry.why)}`
    case 'action.outcome':
      return safeLine`${entry.action}  ${entry.leaked === undefined ? NONE : safeLine`LEAK CUT of ${joined(entry.leaked)}  `}${entry.outcome}${passedText(entry)}${after(entry.detail)}`
    case 'upstream.seen':
      return entry.problem === undefined
        ? safeLine`${entry.upstream}  stands again`
        : safeLine`${entry.upstream}  is LEFT OUT: ${sentence(entry.problem)}`
    case 'egress.tried':
      return safeLine`${entry.upstream} ${entry.problem === undefined ? 'reaches' : 'REFUSED'} ${entry.place}${timesText(entry.times)}${entry.problem === undefined ? NONE : safeLine`  — ${sentence(entry.problem)}`}`
    case 'cell.sensed':
      return safeLine`${entry.cell}  ${entry.sensor}: ${sentence(entry.what)}${timesText(entry.count)}`
    case 'signal.raised':
      return safeLine`${entry.cell}  SIGNAL   ${entry.detector}${entry.mode === 'observe' ? safeLine` (observe)` : NONE}: ${sentence(entry.what)}`
    case 'rung.changed':
      return safeLine`${entry.cell ?? entry.agent}  ${entry.from} → ${entry.to} by ${entry.by}: ${sentence(entry.why)}`
    case 'cell.contained':
      return safeLine`${entry.cell}  CONTAINED (${entry.rung})${orderedText(entry.receipt)}`
    case 'checkpoint.made':
      return safeLine`${entry.checkpoint}  files of ${entry.workspace} saved by ${entry.by}${entry.name === undefined ? NONE : safeLine` as ${entry.name}`}: ${sentence(entry.why)}`
    case 'checkpoint.restored':
      return safeLine`${entry.checkpoint}  RESTORED in ${entry.workspace} by ${entry.by}: ${sentence(entry.why)}`
    case 'undo.started':
      return safeLine`${entry.cell}  UNDO by ${entry.by}: ${sentence(entry.why)}`
    case 'effect.checked': {
      const { undone } = entry
      const found =
        undone === undefined ? safeLine`cannot be told` : undone ? safeLine`does not stand` : safeLine`stands`
      return safeLine`${entry.action}  ${found}${after(entry.problem)}`
    }
    case 'undo.ended':
      return safeLine`${entry.cell}  undo ended`
    case 'definition.seen':
      return safeLine`${whatOf(entry)}: its definition is ${sentence(entry.problem)}${entry.words ? safeLine`, in its descriptions only` : NONE}`
    case 'list.cut': {
      const more = entry.more === undefined ? NONE : safeLine`; and ${entry.more} more`
      return safeLine`${entry.upstream}: its ${entry.list} are not whole: ${joined(entry.what.map(sentence), '; ')}${more}`
    }
    default:
      // A later version wrote it, or somebody who should not have.
      return safeLine`an entry of a kind that is not known here: ${sentence(JSON.stringify(entry))}`
  }
}

function whatOf({
  upstream,
  operation,
  tool,
  alongside = [],
}: Partial<Pick<ActionIntent, 'upstream' | 'operation' | 'tool' | 'alongside'>>): SafeText {
  if (operation !== undefined && isConnection(operation))
    return safeLine`${upstream ?? safeLine`?`} ${operation} ${tool ?? safeLine`?`}`
  const further = alongside.length === 0 ? NONE : safeLine` with ${joined(alongside)}`
  return safeLine`${upstream ?? safeLine`?`}/${tool ?? safeLine`?`}${further}`
}

function becauseOf({ reasons, more }: ActionRefused | ActionHeld): SafeText {
  const [first] = reasonsOf(reasons)
  return safeLine`  — ${sentence(first)}${more === undefined ? NONE : safeLine` (and ${more} more in this second)`}`
}

function after(text: string | undefined): SafeText {
  return text === undefined ? NONE : safeLine`: ${sentence(text)}`
}

/** Returns whom a configuration narrows, and whom it widens on whose word. */
function appliedText({ narrowed = [], widened = [] }: ConfigurationApplied): SafeText {
  const less = narrowed.length === 0 ? NONE : safeLine`; narrows ${joined(narrowed)}`
  const words = widened.map(({ agent, agreed, what: [first = ''] }) => {
    return safeLine`${agent}, agreed by ${agreed}: ${sentence(first)}`
  })
  return words.length === 0 ? less : safeLine`${less}; WIDENS ${joined(words, '; ')}`
}

function passedText({ passed }: ActionOutcome): SafeText {
  return passed === undefined ? NONE : safeLine`, ${passed.sent} bytes sent, ${passed.received} received`
}

function timesText(count: number | undefined): SafeText {
  return count === undefined ? NONE : safeLine` (${count} times)`
}

/** Returns by whom a stop was ordered and why; nothing for an entry that does not say. */
function orderedText({ by, why }: JsonObject): SafeText {
  return typeof by === 'string' && typeof why === 'string' ? safeLine` by ${by}: ${sentence(why)}` : NONE
}
