import { existsSync } from 'node:fs'
import { dirname, join } from 'node:path'
import process from 'node:process'
import { loadConfig } from '../../../config/load.ts'
import { reasonsFrom } from '../../../gateway/pipeline/record.ts'
import { judgeConfig } from '../../../host/prepare/setup.ts'
import { entriesOf, logNamed } from '../../../host/state/logs.ts'
import type { Log } from '../../../ledger/store.ts'
import type { Entry } from '../../../model/entry.ts'
import {
  type Amounts,
  amountsIn,
  type CellId,
  type Commitment,
  cutText,
  isJsonObject,
  type PersonName,
  parseExactJson,
} from '../../../model/index.ts'
import { explain } from '../../../policy/index.ts'
import { rehearse } from '../../../rehearsal/attempt.ts'
import { type DecidedAgain, decideRecordedAgain } from '../../../rehearsal/smallest-change.ts'
import { type Call, type Command, EXIT, type ExitCode } from '../../command.ts'
import { STATE_OPTIONS, stateOf } from '../../options/state.ts'
import { wholeOf } from '../../print/held-whole.ts'
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

type Logged = { readonly log: string }
type Decision = Extract<Entry, { kind: 'action.intent' | 'action.refused' | 'action.held' }>

async function run(call: Call): Promise<ExitCode> {
  const [reference] = call.positionals
  if (reference === undefined) {
    call.print.fault('which action? Give the reference that the refusal carried', `usage: ${command.usage[0]}`)
    return EXIT.usage
  }
  const state = stateOf(call)
  let decided: (Decision & Logged) | undefined
  let outcome: (Extract<Entry, { kind: 'action.outcome' }> & Logged) | undefined
  const owners = new Map<CellId, PersonName>()
  try {
    for await (const entry of entriesOf(state)) {
      if ('action' in entry && entry.action === reference) {
        if (entry.kind === 'action.outcome') outcome = entry
        else if (isDecision(entry)) decided = entry
      }
      if (entry.kind === 'cell.started') owners.set(entry.cell, entry.owner)
    }
  } catch (error) {
    call.print.fault(error instanceof Error ? error.message : String(error))
    return EXIT.storeUnreachable
  }
  if (decided === undefined) {
    call.print.fault(`there is no action ${printable(reference)} in ${state}`, 'firebreak logs lists what there is')
    return EXIT.failed
  }
  const { log } = await logNamed(state, decided.log)
  const whole = decided.kind === 'action.held' ? await wholeOf(state, decided.log, decided) : undefined
  const sent = await sentOf(log, decided, call.flag('bytes'))
  const answered = outcome && (await answeredOf(log, decided.cell, outcome))
  const [first, ...rest] = reasonsFrom(decided.reasons)
  const reasons = first === undefined ? [] : explain({ reasons: [first, ...rest] })
  const limit = call.flag('bytes') ? Number.POSITIVE_INFINITY : 2_000
  const again = decided.kind === 'action.intent' ? undefined : await decidedAgain(call, state, log, decided)
  const { now, change } = again ?? {}
  call.print.object({
    ok: true,
    decided,
    outcome,
    reasons,
    ...(whole && { whole: whole.ok ? whole.value : { problem: whole.reason } }),
    sent,
    answered,
    now: now?.now,
    turn: change,
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
  line(
    'who',
    `${decided.agent} in cell ${decided.cell}${owners.has(decided.cell) ? `, owned by ${owners.get(decided.cell)}` : ''}`,
  )
  line('effect', decided.effect)
  line('during', decided.during && `${decided.during}, the call on whose word its relay connects`)
  line('arguments', JSON.stringify(whole?.ok ? whole.value.args : decided.args))
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

function isDecision(entry: Entry & Logged): entry is Decision & Logged {
  return entry.kind === 'action.intent' || entry.kind === 'action.refused' || entry.kind === 'action.held'
}

/** Under the configuration beside the state; nothing where there is none that can be read. */
async function decidedAgain(
  call: Call,
  state: string,
  log: Log,
  { action }: Decision,
): Promise<DecidedAgain | undefined> {
  const file = call.text('config') ?? join(dirname(state), 'firebreak.yaml')
  const loaded = existsSync(file) ? await loadConfig(file, { node: process.execPath }) : undefined
  const judged = loaded?.ok ? await judgeConfig(loaded.value) : undefined
  return judged?.ok ? decideRecordedAgain(rehearse(judged.value), log, action) : undefined
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
function chargedText(
  decided: Decision,
  outcome: Extract<Entry, { kind: 'action.outcome' }> | undefined,
): string | undefined {
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

function missingOutcome(decided: Decision): string {
  return decided.kind !== 'action.intent'
    ? 'nothing was sent'
    : 'unknown: no outcome was recorded, the effect may have happened'
}

/** Returns what left; where its entry covers a secret in the arguments, only for whoever asks for all bytes. */
async function sentOf(log: Log, decided: Decision, all: boolean): Promise<string | undefined> {
  if (decided.kind !== 'action.intent') return undefined
  if (!all && JSON.stringify(decided.args).includes(COVER)) return '(it may hold a secret: --bytes shows it)'
  return bytesOf(log, decided.cell, decided.payload)
}

/** The beginning of what stands in entries instead of a secret (`gateway/content/cover.ts`). */
const COVER = '[the secret \\"'

/** Returns what was searched for secrets of what came back; nothing of it where one was found. */
async function answeredOf(
  log: Log,
  cell: CellId,
  { leaked = [], payload }: Extract<Entry, { kind: 'action.outcome' }>,
): Promise<string | undefined> {
  if (leaked.length > 0) return `(not shown: what came holds the secret "${leaked.join('", "')}")`
  const text = await bytesOf(log, cell, payload)
  return text === undefined ? undefined : answerIn(text)
}

/** Returns a response's own members: the gateway reads, and searches, no others. */
function answerIn(text: string): string {
  try {
    const json = parseExactJson(text) // an upstream wrote it
    if (!isJsonObject(json)) return text
    const { result, error } = json
    if (result !== undefined) return JSON.stringify({ result })
    if (!isJsonObject(error)) return text
    const { code = null, message = null, data = null } = error
    return JSON.stringify({ error: { code, message, data } })
  } catch {
    return text
  }
}

async function bytesOf(log: Log, cell: CellId, payload: Commitment | undefined): Promise<string | undefined> {
  if (payload === undefined) return undefined
  const read = await log.payload(cell, payload)
  return read.ok ? read.value.toString('utf8') : `(${read.reason.kind})`
}
