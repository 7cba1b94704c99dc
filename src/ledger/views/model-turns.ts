import { createHash } from 'node:crypto'
import {
  type ActionId,
  type ActionIntent,
  type ActionOutcome,
  type CellId,
  type Entry,
  isJsonObject,
  type Json,
  type Label,
  LIMITS,
  type Operation,
  operationIn,
  type Sha256,
  sha256,
  type ToolName,
  type UpstreamName,
} from '../../model/index.ts'
import { canonicalText } from '../log/canonical.ts'

/** An answer that a cell was shown. */
export interface AnswerShown {
  readonly action: ActionId
  readonly upstream: UpstreamName
  readonly tool: ToolName
  /** Labels that the cell had not seen before it. */
  readonly labels: readonly Label[]
}

/** The turn of a model by which a cell came to do something. */
export interface ModelTurn {
  /** The request that the model answered. */
  readonly action: ActionId
  readonly upstream: UpstreamName
  /** Names of the tools that the answer asked for; of the matching one alone, where one matches. */
  readonly asked: readonly string[]
  /**
   * `call`: the answer asked for this tool with these arguments. `tool`: it asked for this tool, and not with these arguments
   * as far as they are known. `before`: it asked for other tools, and a program of the cell may have done this for one of them.
   */
  readonly match: 'call' | 'tool' | 'before'
  /** The last answers that the cell was shown after the turn before, and before this one, oldest first. */
  readonly shown: readonly AnswerShown[]
  /** Number of such answers that came before those. */
  readonly earlier: number
}

/** An action as it is looked for among the calls that a model has asked for. */
export interface SoughtAction {
  readonly cell: CellId
  /** Sequence number of the entry by which it was decided. */
  readonly seq: number
  readonly operation: Operation
  readonly upstream?: UpstreamName
  readonly tool?: ToolName
  /** All of its arguments; absent where they are not known. */
  readonly args?: Json
}

/** Turns that are looked through, newest first: programs that ask models beside each other make some ten. */
const TURNS_MAX = 64
const SHOWN_MAX = 6

/** Answers that are remembered between two turns of a model; the oldest are forgotten. */
const REMEMBERED_MAX = 10_000

interface Turn {
  readonly request: Named
  readonly asks: NonNullable<ActionOutcome['asks']>
  readonly shown: readonly Named[]
}

/** An action by its names. `seq`: of a request its intent, of an answer its outcome. */
type Named = Pick<ActionIntent, 'action' | 'upstream' | 'tool' | 'operation'> & { readonly seq: number }

/** A fold over one log that finds the turn of a model by which a cell came to do something. */
export class ModelTurns {
  readonly #sought: SoughtAction
  readonly #open = new Map<ActionId, { readonly request: Named; readonly shown: readonly Named[] }>()
  readonly #labels = new Map<ActionId, Label[]>()
  #turns: Turn[] = []
  /** Answers after the request of the last turn that asked for something. */
  #shown: Named[] = []

  constructor(sought: SoughtAction) {
    this.#sought = sought
  }

  take(entry: Entry): void {
    if (entry.kind === 'action.intent' && entry.cell === this.#sought.cell && entry.seq < this.#sought.seq) {
      const { action, upstream, tool, operation, seq } = entry
      const shown = operation === 'model' ? [...this.#shown] : []
      this.#open.set(action, { request: { action, upstream, tool, operation, seq }, shown })
    }
    if (entry.kind === 'label.seen' && entry.cell === this.#sought.cell) this.#label(entry.label, entry.from)
    if (entry.kind === 'action.outcome') this.#end(entry)
  }

  /** Returns the turn that is meant; undefined of what no model of the cell can have asked for. */
  get value(): ModelTurn | undefined {
    const { operation, args } = this.#sought
    if (operation === 'model') return undefined
    const digest = args === undefined ? undefined : digestOf(args)
    const turns = this.#turns.toReversed()
    const named = turns.filter(({ asks }) => asks.some(({ name }) => this.#isNamed(name)))
    const same = named.find(({ asks }) => asks.some((ask) => this.#isNamed(ask.name) && isSame(ask.args, digest)))
    const turn = same ?? named[0] ?? turns[0]
    if (turn === undefined) return undefined
    const match = turn === same ? 'call' : turn === named[0] ? 'tool' : 'before'
    const own = turn.asks.filter(({ name }) => match === 'before' || this.#isNamed(name))
    const shown = turn.shown.slice(-SHOWN_MAX)
    return {
      action: turn.request.action,
      upstream: turn.request.upstream,
      asked: [...new Set(own.map(({ name }) => name))],
      match,
      shown: shown.map(({ action, upstream, tool }) => ({
        ...{ action, upstream, tool },
        labels: this.#labels.get(action) ?? [],
      })),
      earlier: turn.shown.length - shown.length,
    }
  }

  /** Takes what first brought a label. */
  #label(label: Label, from: Json): void {
    if (!isJsonObject(from) || typeof from.action !== 'string') return
    const action = from.action as ActionId // our own entry names it
    this.#labels.set(action, [...(this.#labels.get(action) ?? []), label])
  }

  #end({ action, outcome, asks, seq }: Entry & ActionOutcome): void {
    const opened = this.#open.get(action)
    if (opened === undefined) return
    this.#open.delete(action)
    const { request, shown } = opened
    if (request.operation !== 'model') {
      if (outcome === 'done' || outcome === 'failed') this.#shown.push({ ...request, seq })
      if (this.#shown.length > REMEMBERED_MAX) this.#shown.shift()
      return
    }
    if (asks === undefined) return
    this.#shown = this.#shown.filter((each) => each.seq > request.seq)
    this.#turns = [...this.#turns, { request, asks, shown }]
      .sort((a, b) => a.request.seq - b.request.seq)
      .slice(-TURNS_MAX)
  }

  /**
   * Tells whether a name by which a model calls a tool is that of the action: clients put the names of their servers before it,
   * and write characters that a model's interface does not have as `_`.
   */
  #isNamed(name: string): boolean {
    const { upstream, tool, operation } = this.#sought
    if (tool === undefined || operation !== 'tool') return false
    const bare = plainName(operationIn(tool).tool)
    const names = upstream === undefined ? [bare] : [bare, `${plainName(upstream)}__${bare}`]
    const asked = plainName(name)
    return names.some((each) => asked === each || asked.endsWith(`__${each}`))
  }
}

function plainName(name: string): string {
  return name.replaceAll(/[^A-Za-z0-9_-]/g, '_')
}

function isSame(digest: Sha256 | undefined, other: Sha256 | undefined): boolean {
  return digest !== undefined && digest === other
}

/** Returns the digest by which an outcome names arguments that a model has asked with. */
function digestOf(args: Json): Sha256 | undefined {
  const text = canonicalText(args, LIMITS.answerDepthMax)
  return text.ok ? sha256(createHash('sha256').update(text.value).digest('hex')) : undefined
}
