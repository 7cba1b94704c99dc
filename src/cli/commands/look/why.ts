import { dirname, join } from 'node:path'
import type { DecidedEntry, OutcomeEntry } from '../../../control/why.ts'
import type { ModelTurn } from '../../../ledger/views/model-turns.ts'
import { type Amounts, amountsIn, cutText } from '../../../model/index.ts'
import { stateOperator } from '../../../operator/state-operator.ts'
import type { DecidedAgain } from '../../../rehearsal/smallest-change.ts'
import { type Call, type Command, EXIT, type ExitCode } from '../../command.ts'
import { STATE_OPTIONS, stateOf } from '../../options/state.ts'
import { folded, plain, printable, wrapped } from '../../print/printable.ts'
import { safeLine } from '../../print/safe-line.ts'

export const command: Command = {
  name: 'why',
  usage: ['firebreak why <action> [--state <dir>] [--config <file>]'],
  example: 'firebreak why a_01m81y75kr4317w2mawh',
  words: 1,
  options: {
    ...STATE_OPTIONS,
    bytes: { type: 'boolean', help: 'show all bytes that were sent and answered, not only the first 2,000' },
  },
  run,
}

async function run(call: Call): Promise<ExitCode> {
  const [reference] = call.positionals
  if (reference === undefined) {
    call.print.fault('which action? Give the reference that the refusal carried', `usage: ${command.usage[0]}`)
    return EXIT.usage
  }
  const state = stateOf(call)
  const bytes = call.flag('bytes')
  const configuration = call.text('config') ?? join(dirname(state), 'firebreak.yaml')
  const told = await stateOperator(state).why({ action: reference, configuration, bytes })
  if (!told.ok) {
    if (told.reason.kind === 'unread') {
      call.print.fault(told.reason.problem)
      return EXIT.storeUnreachable
    }
    call.print.fault(`there is no action ${printable(reference)} in ${state}`, 'firebreak logs lists what there is')
    return EXIT.failed
  }
  const { decided, outcome, owner, reasons, whole, sent, answered, again, turn } = told.value
  const limit = bytes ? Number.POSITIVE_INFINITY : 2_000
  call.print.object({
    ok: true,
    decided,
    outcome,
    reasons,
    ...(whole && { whole: whole.ok ? whole.value : { problem: whole.reason } }),
    sent,
    answered,
    now: again?.now.now,
    turn: again?.change,
    ...(turn && { model: turn }),
  })
  const line = (name: string, value: string | undefined) => {
    if (value === undefined) return
    const text = plain(value)
    const more = text.length <= limit ? '' : `… (of ${text.length} characters: --bytes shows all)`
    for (const each of wrapped(`  ${name.padEnd(10)}`, `${cutText(text, limit)}${more}`)) call.print.line(each)
  }
  const verdict = { 'action.intent': 'allowed', 'action.refused': 'refused', 'action.held': 'held' }[decided.kind]
  const { upstream = safeLine`?`, tool = safeLine`?` } = decided
  for (const each of folded(safeLine`${verdict}: ${upstream}/${tool}`.text)) call.print.line(each)
  line('when', `${new Date(decided.atMs).toISOString()}, entry ${decided.seq} of ${decided.log}`)
  line('who', `${decided.agent} in cell ${decided.cell}${owner === undefined ? '' : `, owned by ${owner}`}`)
  line('effect', decided.effect)
  line('with', decided.alongside?.join(', '))
  line('during', decided.during && `${decided.during}, the call on whose word its relay connects`)
  line('arguments', JSON.stringify(whole?.ok ? whole.value.args : decided.args))
  if (turn !== undefined) for (const [name, text] of turnLines(turn)) line(name, text)
  if (whole?.ok === false) line('', `of which no more can be seen: ${whole.reason}`)
  // Whoever is shown a part has not read it.
  else if (whole?.value.digest !== undefined && plain(JSON.stringify(whole.value.args)).length <= limit)
    line('digest', whole.value.digest)
  for (const reason of reasons) line('why', plain(reason, 1))
  if (again !== undefined) for (const [name, text] of changeLines(again)) line(name, text)
  if (decided.kind === 'action.held') line('once', `firebreak approve ${decided.hold}`)
  line('sent', sent)
  line('charged', chargedText(decided, outcome))
  line(
    'outcome',
    outcome === undefined
      ? missingOutcome(decided)
      : `${outcome.outcome}${outcome.detail === undefined ? '' : `: ${plain(outcome.detail, 1)}`}`,
  )
  const { passed } = outcome ?? {}
  line('passed', passed && `${passed.sent} bytes sent, ${passed.received} received`)
  line('answer', answered)
  return EXIT.ok
}

/** Returns what a model had asked for before an action, and what its cell had been shown before that. */
function turnLines({
  action,
  upstream,
  asked,
  match,
  shown,
  earlier,
}: ModelTurn): readonly (readonly [string, string])[] {
  const names = safeLine`${asked.join(', ')}`.text
  const how = {
    call: `asked for it: ${names}, with these arguments`,
    tool: `asked for ${names}; with these arguments as far as they are known, it did not`,
    before: `asked for ${names}, by which a program of the cell may have done it`,
  }[match]
  const answers = shown.map(
    (each) =>
      `${each.upstream}/${each.tool} (${each.action}${each.labels.length > 0 ? `, first ${each.labels.join(', ')}` : ''})`,
  )
  const read = [...(earlier > 0 ? [`${earlier} more`] : []), ...answers].join(', ')
  return [
    ['asked', `the model of ${upstream} ${how} (${action})`],
    ...(read === '' ? [] : [['after', `its cell had been shown ${read}`] as const]),
  ]
}

function changeLines({ now, change }: DecidedAgain): readonly (readonly [string, string])[] {
  const partly = now.partly === undefined ? [] : [['in part', now.partly] as const]
  if (change === undefined) return [['now', 'the present configuration lets it through'], ...partly]
  const { changes, inTheWay } = change
  const lead =
    inTheWay.length > 0
      ? 'no change turns it alone; in the way:'
      : changes.length === 1
        ? 'one change would let it pass, tried:'
        : 'together these would let it pass, tried:'
  return [
    ['turn', lead],
    ...inTheWay.map((text) => ['', `! ${text}`] as const),
    ...changes.map((text) => ['', `${inTheWay.length > 0 ? 'also ' : ''}${text}`] as const),
    ...partly,
  ]
}

/** Returns the text of what its budgets were charged: at its intent, and in the end where an answer changed that. */
function chargedText(decided: DecidedEntry, outcome: OutcomeEntry | undefined): string | undefined {
  if (decided.kind !== 'action.intent') return undefined
  const { spend, charge } = decided
  const reserved = costText({ ...charge, ...(spend !== undefined && { spend }) })
  const settled = outcome?.settled ? costText(outcome.settled) : ''
  if (reserved === '') return undefined
  return settled === '' ? reserved : `${reserved}; in the end ${settled}`
}

function costText({ spend, ...cost }: Amounts & { readonly spend?: string }): string {
  const amounts = Object.entries(amountsIn(cost)).map(([name, amount]) => `${amount} ${name}`)
  return [...(spend === undefined ? [] : [spend]), ...amounts].join(', ')
}

function missingOutcome(decided: DecidedEntry): string {
  return decided.kind !== 'action.intent'
    ? 'nothing was sent'
    : 'unknown: no outcome was recorded, the effect may have happened'
}
