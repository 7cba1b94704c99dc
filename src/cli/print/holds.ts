import { duration } from '../../config/units.ts'
import { reasonsFrom } from '../../gateway/pipeline/record.ts'
import type { AnswerAsk, AnswerFault } from '../../host/people/answer-hold.ts'
import type { Whole } from '../../host/people/held-whole.ts'
import type { HoldAnswer } from '../../host/people/mailbox.ts'
import { yamlQuoted, yamlText } from '../../host/prepare/tool-stub.ts'
import type { KnownHold } from '../../ledger/views/holds.ts'
import {
  type ActionHeld,
  isJsonObject,
  type Json,
  jsonPath,
  LIMITS,
  no,
  ok,
  pathKey,
  personName,
  type Result,
} from '../../model/index.ts'
import { stateOperator } from '../../operator/state-operator.ts'
import { explain, HOLD_REASONS_MAX } from '../../policy/index.ts'
import { type Call, EXIT, type ExitCode, type Option } from '../command.ts'
import { STATE_OPTIONS, stateOf } from '../options/state.ts'
import { loginName } from '../person/login-name.ts'
import { sharedTerminal } from '../person/own-terminal.ts'
import { unread, unreadText, unseenText } from './held-whole.ts'
import { named, plain, printable, wrapped } from './printable.ts'

/** Options of `approve` and `deny`. */
export const ANSWER_OPTIONS: Readonly<Record<string, Option>> = {
  ...STATE_OPTIONS,
  as: { type: 'string', value: 'person', help: 'who answers, as the ledger will name them (default: the login name)' },
  why: { type: 'string', value: 'text', help: 'the reason, for the ledger' },
}

/** Reads, checks and gives one answer, and waits a moment for the gateway to have it. */
export async function answer(call: Call, approved: boolean): Promise<ExitCode> {
  const state = stateOf(call)
  const shared = approved ? sharedTerminal(state) : undefined
  if (shared !== undefined) {
    call.print.fault(shared)
    return EXIT.denied
  }
  const [reference] = call.positionals
  const found = await findHold(call, state, reference)
  if (!found.ok) return found.reason
  const hold = found.value
  const forMs = call.text('for') === undefined ? LIMITS.approvalMsMax / 4 : duration(call.text('for') ?? '')
  if (forMs === undefined || forMs > LIMITS.approvalMsMax) {
    call.print.fault(`--for ${call.text('for')}: a duration of at most 1h, like 15min`)
    return EXIT.usage
  }
  const operator = stateOperator(state)
  const why = call.text('why')
  const by = personName(call.text('as') ?? loginName())
  const ask = { hold, approved, by, forMs, ...(why !== undefined && { why }) }
  const fault = await operator.answerFault(ask)
  if (fault !== undefined) return tellFault(call, ask, fault)
  const whole = approved ? await operator.whole(hold) : undefined
  if (whole !== undefined) {
    const ending = await unread(call, hold, whole, wordsFor(hold, undefined, whole, Number.POSITIVE_INFINITY))
    if (ending !== undefined) return ending
  }
  const read = whole?.ok ? whole.value.digest : undefined
  const answered = await operator.answer({ ...ask, ...(read !== undefined && { read }) })
  if (!answered.ok) return tellFault(call, ask, answered.reason)
  call.print.object({ ok: true, hold: hold.held.hold, approved, by, inForce: answered.value })
  call.print.line(`${approved ? 'approved' : 'denied'} by ${named(by)}: ${whatOf(hold)}`)
  if (approved) {
    call.print.line(
      answered.value
        ? `The agent may make exactly this call once, within ${Math.round(forMs / 60_000)} minutes.`
        : 'No gateway of this environment runs now: the next one takes it. Run the agent again, to make exactly this call once.',
    )
  }
  if (call.flag('always')) for (const line of rulesFor(hold)) call.print.line(line)
  return EXIT.ok
}

async function findHold(
  call: Call,
  state: string,
  reference: string | undefined,
): Promise<Result<KnownHold, ExitCode>> {
  if (reference === undefined) {
    call.print.fault('which hold? Give its reference', 'firebreak approvals lists what waits')
    return no(EXIT.usage)
  }
  let holds: readonly KnownHold[]
  try {
    holds = await stateOperator(state).holds()
  } catch (error) {
    call.print.fault(error instanceof Error ? error.message : String(error))
    return no(EXIT.storeUnreachable)
  }
  const hold = holds.find(({ held }) => held.hold === reference)
  if (hold === undefined) {
    call.print.fault(`there is no hold ${printable(reference)} in ${state}`, 'firebreak approvals lists what waits')
    return no(EXIT.failed)
  }
  if (hold.state !== 'waiting') {
    call.print.fault(
      `hold ${reference} is ${hold.state}${hold.by === undefined ? '' : `, answered by ${named(hold.by)}`}`,
    )
    return no(EXIT.failed)
  }
  return ok(hold)
}

/** Prints why an answer does not count, and returns the exit code. */
export function tellFault(call: Call, { hold, by }: Pick<AnswerAsk, 'hold' | 'by'>, fault: AnswerFault): ExitCode {
  const { hold: id } = hold.held
  switch (fault.kind) {
    case 'another-person':
      call.print.fault(
        `environment "${fault.environment}" is hardened: ${named(by)} owns the agent that asks, and another person has to approve ${id}`,
        'whoever else may decide it: firebreak approve <hold> --as <person>',
      )
      return EXIT.denied
    case 'contained':
      call.print.fault(`not approved: ${plain(fault.problem, 1)}`, APPROVE_LATER)
      return EXIT.contained
    case 'unseen':
      call.print.fault(...unseenText(hold.held, fault.problem))
      return EXIT.denied
    case 'unread':
      call.print.fault(...unreadText(hold.held, undefined))
      return EXIT.needsApproval
    case 'given':
      call.print.fault(fault.problem, 'firebreak approvals --all shows it; a denial takes the place of an approval')
      return EXIT.failed
    case 'answered': {
      const { state, by: other } = fault.hold
      call.print.fault(`${id} was ${state} by ${named(other ?? 'nobody')} before this answer came`)
      return EXIT.failed
    }
    case 'not-taken':
      call.print.fault(`the gateway did not take the answer to ${id}`, 'its log, in the state, says why')
      return EXIT.failed
  }
}

const APPROVE_LATER = 'once it is released, it can be approved: what was approved before is withdrawn then'

export function whatOf({ held }: KnownHold): string {
  return `${held.agent} → ${held.upstream}/${named(held.tool)} (${held.effect}${held.spend === undefined ? '' : `, ${held.spend}`})`
}

/** Characters of arguments that are shown in a list of holds; more are shown by `why` and at the approval. */
const LISTED_CHARACTERS = 4_000

/**
 * Returns what a person reads before they answer: what would happen, with what, and why it waits. Arguments of more than
 * so many characters are shown as their entry has them, which says so.
 */
export function wordsFor(
  hold: KnownHold,
  answered: HoldAnswer | undefined,
  whole: Result<Whole, string>,
  characters: number = LISTED_CHARACTERS,
): readonly string[] {
  const { held, attempts } = hold
  const state = answered === undefined ? hold.state : answerText(answered)
  const [first, ...rest] = reasonsFrom(held.reasons)
  const left = Math.max(0, Math.round((held.expiresAtMs - Date.now()) / 60_000))
  return [
    `${held.hold}  ${state === 'waiting' ? `waits, ${left} minutes left` : state}`,
    `  what      ${whatOf(hold)}${attempts > 1 ? `, tried ${attempts} times` : ''}`,
    ...argumentLines(held, whole, characters),
    ...(first === undefined ? [] : explain({ reasons: [first, ...rest] })).flatMap((line) =>
      wrapped('  because   ', plain(line, 1)),
    ),
    ...(rest.length + 1 >= HOLD_REASONS_MAX
      ? ['  because   there may be more such places: only so many are told']
      : []),
    `  labels    ${held.labels.length === 0 ? 'none' : held.labels.join(', ')}`,
    ...(held.notBy === undefined ? [] : [`  approve   hardened: not by ${held.notBy.map(named).join(', ')}`]),
  ]
}

/** Returns the text of an answer that nothing takes yet: the next gateway of its environment does, at its start. */
function answerText({ approved, by }: HoldAnswer): string {
  return `${approved ? 'approved' : 'denied'} by ${named(by)}, in force when the agent runs again`
}

function argumentLines(held: ActionHeld, whole: Result<Whole, string>, characters: number): readonly string[] {
  const lines = whole.ok ? argumentsOf(whole.value.args) : []
  if (whole.ok && lines.reduce((sum, line) => sum + line.length, 0) <= characters) {
    const { digest } = whole.value
    return digest === undefined ? lines : [...lines, `  digest    ${digest}, of all that it would carry`]
  }
  const why = whole.ok ? `firebreak why ${held.hold} --bytes shows all of it` : whole.reason
  return [...argumentsOf(held.args), `  not all   what is shortened or covered here cannot be judged by it: ${why}`]
}

function argumentsOf(args: Json): readonly string[] {
  const all = isJsonObject(args) ? Object.entries(args) : [['with', args] as const]
  return all.map(([name, value]) => `  ${`${nameText(name)} `.padEnd(10)}${plain(JSON.stringify(value))}`)
}

/** A name that could be taken for one of our own lines, or for more than a name, stands in quotes. */
function nameText(name: string): string {
  return OWN_LINES.has(name) ? JSON.stringify(name) : named(name)
}

const OWN_LINES: ReadonlySet<string> = new Set(['what', 'because', 'labels', 'approve', 'digest'])

/**
 * Returns the exact change that would let the same pass without a person; written by the person, never by us. Names of
 * members are the cell's own words: only what a configuration reads as the one path that it is stands in a line to copy.
 */
export function rulesFor({ held }: Pick<KnownHold, 'held'>): readonly string[] {
  const reasons = reasonsFrom(held.reasons)
  const labels = reasons.flatMap((reason) => (reason.kind === 'label' ? [reason.label] : []))
  const destinations = reasons.filter((reason) => reason.kind === 'destination')
  const places = destinations.flatMap(({ path, value, characters, nothing }) => {
    const read = jsonPath(path.replaceAll(/\[\d+\]/g, '[*]'))
    if (read === undefined || characters !== undefined) return []
    return [`${pathKey(read)}: [${nothing === true ? 'null' : yamlQuoted(value)}]`]
  })
  const unsaid = destinations.length - places.length
  const links = reasons.some(({ kind }) => kind === 'link')
  return [
    'To let it pass always, add to the configuration:',
    '  upstreams:',
    `    ${held.upstream}:`,
    '      tools:',
    `        ${yamlText(held.tool)}:`,
    ...(labels.length > 0 ? [`          accepts: [${labels.join(', ')}]`] : []),
    ...(places.length > 0 ? [`          destinations: { ${places.join(', ')} }`] : []),
    ...(links ? ['          links: any'] : []),
    ...(unsaid > 0
      ? [`It is held all the same: ${unsaid} of its places cannot be listed, by their name or their length`]
      : []),
  ]
}
