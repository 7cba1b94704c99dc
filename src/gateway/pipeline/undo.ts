import { faultText } from '../../ledger/log/fault.ts'
import type { Recorded } from '../../ledger/log/recorded.ts'
import type { Log } from '../../ledger/store.ts'
import { EffectHistory, type EffectRecord, nextStep } from '../../ledger/views/effects.ts'
import {
  type ActionId,
  type Check,
  type DeclaredTool,
  isNumber,
  type Json,
  type JsonObject,
  LIMITS,
  no,
  numberText,
  ok,
  operationIn,
  type ProtocolName,
  type Result,
  type ToolName,
  type UpstreamName,
} from '../../model/index.ts'
import { Exposure, fillTemplate, type Reading, type Refusal, undoneIn } from '../../policy/index.ts'
import type { EnvironmentContext } from '../admission/environment-context.ts'
import type { ServedCell } from '../admission/served-cell.ts'
import { payloadsOf } from '../protocols/payloads.ts'
import type { OwnCall, Protocol, Unreachable } from '../protocols/protocol.ts'
import type { Performed } from './attempt.ts'
import type { Line } from './line.ts'
import { refuseUnprepared } from './refused.ts'

/** The means of one undo. */
export interface UndoMeans {
  readonly exposure: NamedValues
  readonly protocols: ReadonlyMap<ProtocolName, Protocol>
  /** Sequence number of the entry that began it: what was found before may no longer hold. */
  readonly since: number
}

/**
 * Compensates effects, one after the other, as an actor of its own: under the environment's grants for undo, and through
 * the same pipeline as every action.
 *
 * - UN1  What may be sent is decided by `nextStep` from the ledger alone, read after everything before it is durable and
 *        while nobody else compensates in this gateway: however often, and by however many, undo is ordered.
 * - UN2  A compensation's intent names the effect, and is durable before it leaves: what a crash cut off has no outcome, and
 *        is not sent again unless its check, or its upstream's own key, makes that harmless. Its upstream's word that it did
 *        not look at it does not: each compensation is sent once, and `nextStep` decides on what came.
 * - UN3  What it is asked with comes from the configuration and from that one effect. Nothing that an answer says reaches
 *        the next compensation, but for whether a check's fields say what the configuration waits for.
 */
export class Undoing {
  readonly cell: ServedCell
  readonly #gate: EnvironmentContext
  readonly #exposure: NamedValues
  readonly #protocols: UndoMeans['protocols']
  readonly #since: number
  readonly #upstreams: ReadonlyMap<UpstreamName, Line>
  #refusedInARow = 0

  constructor(gate: EnvironmentContext, cell: ServedCell, { exposure, protocols, since }: UndoMeans) {
    this.#gate = gate
    this.cell = cell
    this.#exposure = exposure
    this.#protocols = protocols
    this.#since = since
    this.#upstreams = cell.upstreams
  }

  /**
   * Compensates effects in the order in which they are named; what is no effect, or has nothing left to do, is passed
   * over.
   */
  async compensate(actions: readonly ActionId[]): Promise<void> {
    await this.#gate.ledger.sealing.settled()
    const read = await readEffects(this.#gate.log, new Set(actions), (effect) => this.#declaredOf(effect))
    if (!read.ok) throw new Error(read.reason)
    for (const action of actions.slice(0, LIMITS.undoEffectsMax)) {
      const effect = read.value.get(action)
      if (effect !== undefined) await this.#settle(effect)
      if (this.#refusedInARow >= LIMITS.undoRefusalsMax || this.cell.gone.signal.aborted) return
    }
  }

  /** At most twice: what an upstream makes of a third attempt in the same minute would tell nothing new. */
  async #settle(known: KnownEffect): Promise<void> {
    const { record, declared } = known
    for (let attempts = 0, checks = 0; checks <= ATTEMPTS_MAX; ) {
      const step = nextStep(record, declared, this.#since)
      if (step === 'check') {
        checks++
        if (!(await this.#check(known, declared.check))) return
      } else if (step === 'compensate' && attempts < ATTEMPTS_MAX) {
        attempts++
        if (!(await this.#compensate(known))) return
      } else return
    }
  }

  /** Compensates one effect; resolves with whether that was sent. */
  async #compensate({ record, declared, undo }: KnownEffect): Promise<boolean> {
    if (declared.undo === undefined || undo === undefined) return false
    const about = { undoes: record.action }
    const called = await this.#call(record.upstream, declared.undo.tool, undo, about)
    // Its intent is durable, if it was sent: whatever is found from now on is found later.
    const attempt = { action: record.action, seq: this.#gate.ledger.head().size - 1, args: null }
    switch (called.kind) {
      case 'answered':
        record.attempts.push({ ...attempt, outcome: { kind: called.answer.failed ? 'failed' : 'done' } })
        break
      case 'unanswered':
        if (called.outcome === 'not-sent') return false
        record.attempts.push({ ...attempt, outcome: { kind: called.outcome } })
        // The next compensation is sent with the new one; this one is not sent again for it.
        if (called.refused === 'credential') await this.#gate.renewCredential(record.upstream)
        break
      default:
        if (called.kind === 'unreachable' || (called.kind === 'refused' && called.reasons.some(isForAll)))
          this.#refusedInARow++
        return false
    }
    this.#refusedInARow = 0
    return true
  }

  /** Looks at one effect; resolves with whether its check told. */
  async #check({ record, looks }: KnownEffect, check: Check | undefined): Promise<boolean> {
    if (check === undefined || looks === undefined) return false
    const called = await this.#call(record.upstream, check.tool, looks, { checks: record.action })
    const told = foundIn(called, check)
    const asked = called.kind === 'unreachable' ? undefined : called.action
    const appended = this.#gate.ledger.append({
      kind: 'effect.checked',
      cell: this.cell.id,
      action: record.action,
      ...(asked && { check: asked }),
      ...(told.ok ? { undone: told.value } : { problem: told.reason }),
    })
    if (!told.ok || !appended.ok) return false
    record.found = { seq: appended.value.seq, undone: told.value }
    return true
  }

  async #call(
    name: UpstreamName,
    tool: ToolName,
    args: Result<JsonObject, string>,
    about: OwnCall['about'],
  ): Promise<Performed | Unreachable> {
    const { operation, tool: target } = operationIn(tool)
    const upstream = this.#upstreams.get(name)
    const unprepared = { upstream: name, operation, target, args: args.ok ? args.value : {}, ...about } as const
    if (!args.ok) {
      const fault = { kind: 'arguments', path: '$', problem: args.reason } as const
      return refuseUnprepared(this.#gate, this.cell, unprepared, [fault])
    }
    const protocol = upstream && this.#protocols.get(upstream.protocol)
    if (upstream === undefined || protocol?.performOwn === undefined)
      return refuseUnprepared(this.#gate, this.cell, unprepared, [{ kind: 'no-grant', upstream: name, tool }])
    this.#exposure.name(args.value)
    return protocol.performOwn(this.#gate, this.cell, upstream, {
      operation,
      target,
      args: args.value,
      signal: AbortSignal.any([this.cell.gone.signal, AbortSignal.timeout(LIMITS.undoCallMsMax)]),
      about,
    })
  }

  #declaredOf({ upstream, tool }: EffectRecord): DeclaredTool | undefined {
    return this.#upstreams.get(upstream)?.contract(tool)?.declared
  }
}

const ATTEMPTS_MAX = 2

/** Tells whether a refusal speaks against whatever compensates, and not against this one alone. */
function isForAll({ kind }: Refusal): boolean {
  return kind === 'budget' || kind === 'unavailable' || kind === 'no-grant' || kind === 'definition' || kind === 'rung'
}

/**
 * An exposure for compensations: beside what its configuration allows, one may name the values of the effect that it is
 * for.
 */
export class NamedValues extends Exposure {
  #named = new Set<string>()

  /** Sets the values that may be named from here on. */
  name(args: JsonObject): void {
    this.#named = new Set(textsIn(args))
  }

  /** Lets a destination name nothing: what its template leaves out, the configuration has left out. */
  readonly mayNameNothing = true

  override knows(value: string): boolean {
    return this.#named.has(value)
  }

  /** No answer is shown to anybody, and none says what is named next. */
  override *recordAnswerInSteps(): Generator<void, void> {}

  override recordUntrusted(): void {}
}

function textsIn(json: Json): readonly string[] {
  if (typeof json === 'string') return [json]
  if (isNumber(json)) return [numberText(json)]
  return typeof json === 'object' && json !== null ? Object.values(json).flatMap(textsIn) : []
}

interface KnownEffect {
  readonly record: EffectRecord
  readonly declared: Pick<DeclaredTool, 'undo' | 'check'>
  /** The arguments of its compensation, and of its check; or why none can be made. */
  readonly undo?: Result<JsonObject, string>
  readonly looks?: Result<JsonObject, string>
}

/**
 * The effects of this gateway's own log, in one pass; of what was sent and answered only what their templates name is
 * kept.
 */
async function readEffects(
  log: Log,
  wanted: ReadonlySet<ActionId>,
  declaredOf: (effect: EffectRecord) => DeclaredTool | undefined,
): Promise<Result<ReadonlyMap<ActionId, KnownEffect>, string>> {
  const history = new EffectHistory()
  const known = new Map<ActionId, KnownEffect>()
  const asked = new Map<ActionId, JsonObject | undefined>()
  const fill = (record: EffectRecord, answer: Reading | undefined) => {
    const declared: KnownEffect['declared'] = declaredOf(record) ?? {}
    const effected = { action: record.action, args: asked.get(record.action), answer }
    known.set(record.action, {
      record,
      declared,
      ...(declared.undo && { undo: fillTemplate(declared.undo.args, effected) }),
      ...(declared.check && { looks: fillTemplate(declared.check.args, effected) }),
    })
  }
  for await (const recorded of log.recorded()) {
    if (!recorded.ok) return no(faultText(recorded.reason))
    const { entry, skip } = recorded.value
    if (entry.kind === 'action.intent') {
      const about = entry.undoes ?? entry.action
      if (wanted.has(about)) history.take(entry)
      const record = wanted.has(entry.action) ? history.effects.get(entry.action) : undefined
      if (record === undefined) skip(entry.payload)
      else {
        const sent = await recorded.value.bytes(record.cell, record.payload)
        asked.set(record.action, sent && payloadsOf(record.protocol).argumentsIn(sent, record.tool))
        fill(record, undefined)
      }
      continue
    }
    history.take(entry)
    if (entry.kind === 'action.held') skip(entry.payload)
    if (entry.kind !== 'action.outcome') continue
    const record = history.effects.get(entry.action)
    if (record === undefined) skip(entry.payload)
    else fill(record, await answerIn(recorded.value, record, entry.payload))
    asked.delete(entry.action)
  }
  return ok(known)
}

/** Returns what the upstream said, where it was no error. */
async function answerIn(
  { bytes }: Recorded,
  { cell, protocol }: EffectRecord,
  payload: Parameters<Recorded['bytes']>[1] | undefined,
): Promise<Reading | undefined> {
  const read = payload && (await bytes(cell, payload))
  const answer = read && payloadsOf(protocol).answerIn(read)
  return answer?.failed === false ? answer.reading : undefined
}

function foundIn(called: Performed | Unreachable, check: Check): Result<boolean, string> {
  if (called.kind !== 'answered')
    return no(called.kind === 'unanswered' ? `its check has no answer: ${called.why}` : `its check was ${called.kind}`)
  return called.answer.failed ? no('its check answered with an error') : undoneIn(check, called.answer.reading)
}
