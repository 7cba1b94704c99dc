import { existsSync } from 'node:fs'
import process from 'node:process'
import { loadConfig } from '../config/load.ts'
import { isShortened } from '../gateway/pipeline/record.ts'
import { payloadsOf } from '../gateway/protocols/payloads.ts'
import { type Whole, wholeOf } from '../host/people/held-whole.ts'
import { judgeConfig } from '../host/prepare/setup.ts'
import { entriesOf, logNamed } from '../host/state/logs.ts'
import type { Log } from '../ledger/store.ts'
import { type ModelTurn, ModelTurns } from '../ledger/views/model-turns.ts'
import type { Entry } from '../model/entry.ts'
import {
  type CellId,
  type Commitment,
  isConnection,
  isJsonObject,
  type Json,
  no,
  ok,
  type PersonName,
  parseExactJson,
  type Result,
} from '../model/index.ts'
import { rehearse } from '../rehearsal/attempt.ts'
import { type DecidedAgain, decideRecordedAgain } from '../rehearsal/smallest-change.ts'
import { reasonsTold } from './reasons-told.ts'

/** The question why an action was decided as it was. */
export interface WhyAsk {
  /** Reference that the answer to its cell carried. */
  readonly action: string
  /** Path of the configuration by which a refusal is decided again; there may be none. */
  readonly configuration: string
  /** True for a person who asks for all bytes, also where a secret may stand in them. */
  readonly bytes: boolean
}

type Logged = { readonly log: string }

/** The entry by which an action was decided, and the log that it stands in. */
export type DecidedEntry = Extract<Entry, { kind: 'action.intent' | 'action.refused' | 'action.held' }> & Logged

/** The entry by which an action ended, and the log that it stands in. */
export type OutcomeEntry = Extract<Entry, { kind: 'action.outcome' }> & Logged

/** Everything that the record tells of one action. */
export interface Why {
  readonly decided: DecidedEntry
  /** Absent where nothing was sent, and where what became of it is unknown. */
  readonly outcome: OutcomeEntry | undefined
  /** Owner of its cell. */
  readonly owner: PersonName | undefined
  readonly reasons: readonly string[]
  /** All that a held action would carry; absent for any other. */
  readonly whole: Result<Whole, string> | undefined
  /** Bytes that were sent, as text, or in brackets why they are not shown. */
  readonly sent: string | undefined
  /** Bytes of the answer, likewise. */
  readonly answered: string | undefined
  /** The turn of a model by which its cell came to do it; absent where none is known. */
  readonly turn: ModelTurn | undefined
  /** The decision by the present configuration, of what was not allowed; absent where none can be read. */
  readonly again: DecidedAgain | undefined
}

/** The reason why nothing can be told of an action. */
export type WhyFault = { readonly kind: 'unread'; readonly problem: string } | { readonly kind: 'no-action' }

/** Reads what the logs of a state tell of an action, and decides it again where it was not allowed. */
export async function whyOf(state: string, { action, configuration, bytes }: WhyAsk): Promise<Result<Why, WhyFault>> {
  const found = await entriesAbout(state, action)
  if (!found.ok) return found
  const { decided, outcome, owner, hasModel } = found.value
  const { log } = await logNamed(state, decided.log)
  const whole = decided.kind === 'action.held' ? await wholeOf(state, decided.log, decided) : undefined
  const sent = await sentOf(log, decided, bytes)
  const answered = outcome && (await answeredOf(log, decided.cell, outcome))
  const reasons = reasonsTold(decided.reasons)
  const again = decided.kind === 'action.intent' ? undefined : await decidedAgain(configuration, log, decided)
  const turn = hasModel ? await turnOf(state, decided, await argumentsOf(log, decided, whole)) : undefined
  return ok({ decided, outcome, owner, reasons, whole, sent, answered, again, turn })
}

/** The part of what the logs tell of an action that one reading finds. `hasModel`: its cell has asked a model. */
interface EntriesAbout extends Pick<Why, 'decided' | 'outcome' | 'owner'> {
  readonly hasModel: boolean
}

async function entriesAbout(state: string, action: string): Promise<Result<EntriesAbout, WhyFault>> {
  let decided: DecidedEntry | undefined
  let outcome: OutcomeEntry | undefined
  const owners = new Map<CellId, PersonName>()
  const asking = new Set<CellId>()
  try {
    for await (const entry of entriesOf(state)) {
      if ('action' in entry && entry.action === action) {
        if (entry.kind === 'action.outcome') outcome = entry
        else if (isDecision(entry)) decided = entry
      }
      if (entry.kind === 'cell.started') owners.set(entry.cell, entry.owner)
      if (entry.kind === 'action.intent' && entry.operation === 'model') asking.add(entry.cell)
    }
  } catch (error) {
    return no({ kind: 'unread', problem: error instanceof Error ? error.message : String(error) })
  }
  if (decided === undefined) return no({ kind: 'no-action' })
  return ok({ decided, outcome, owner: owners.get(decided.cell), hasModel: asking.has(decided.cell) })
}

/** Returns the turn of a model by which a cell came to an action. A second reading of the log: what came before is known now. */
async function turnOf(state: string, decided: DecidedEntry, args: Json | undefined): Promise<ModelTurn | undefined> {
  const { cell, seq, operation = 'tool', upstream, tool } = decided
  const turns = new ModelTurns({
    ...{ cell, seq, operation },
    ...(upstream && { upstream }),
    ...(tool && { tool }),
    ...(args !== undefined && { args }),
  })
  for await (const entry of entriesOf(state)) if (entry.log === decided.log) turns.take(entry)
  return turns.value
}

/** Returns all arguments of an action; undefined where a part of them is not to be had. */
async function argumentsOf(log: Log, decided: DecidedEntry, whole: Why['whole']): Promise<Json | undefined> {
  if (whole !== undefined) return whole.ok ? whole.value.args : undefined
  if (decided.args === undefined || !isShortened(decided.args)) return decided.args
  if (decided.kind !== 'action.intent') return undefined
  const { cell, payload, protocol, tool } = decided
  const read = await log.payload(cell, payload)
  return read.ok ? payloadsOf(protocol).argumentsIn(read.value, tool) : undefined
}

function isDecision(entry: Entry & Logged): entry is DecidedEntry {
  return entry.kind === 'action.intent' || entry.kind === 'action.refused' || entry.kind === 'action.held'
}

/** Decides an action by a configuration; undefined where there is none that can be read. */
async function decidedAgain(file: string, log: Log, { action }: DecidedEntry): Promise<DecidedAgain | undefined> {
  const loaded = existsSync(file) ? await loadConfig(file, { node: process.execPath }) : undefined
  const judged = loaded?.ok ? await judgeConfig(loaded.value) : undefined
  return judged?.ok ? decideRecordedAgain(rehearse(judged.value), log, action) : undefined
}

/**
 * Returns what left. Only for whoever asks for all bytes, where its entry covers a secret in the arguments, and where more
 * left than those: nobody has searched the head of a relay's request, in which its server's own credential stands.
 */
async function sentOf(log: Log, decided: DecidedEntry, all: boolean): Promise<string | undefined> {
  if (decided.kind !== 'action.intent') return undefined
  if (!all && isConnection(decided.operation)) return '(it may hold a secret of whoever sent it: --bytes shows it)'
  if (!all && JSON.stringify(decided.args).includes(COVER)) return '(it may hold a secret: --bytes shows it)'
  return bytesOf(log, decided.cell, decided.payload)
}

/** The beginning of what stands in entries instead of a secret (`gateway/content/cover.ts`). */
const COVER = '[the secret \\"'

/** Returns what was searched for secrets of what came back; nothing of it where one was found. */
async function answeredOf(log: Log, cell: CellId, { leaked = [], payload }: OutcomeEntry): Promise<string | undefined> {
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
