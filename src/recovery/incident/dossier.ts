import { UndoHistory } from '../../ledger/views/undo-history.ts'
import type { Entry } from '../../model/entry.ts'
import {
  type ActionId,
  type ActionIntent,
  type AgentName,
  type CellId,
  type DelegationId,
  type Effect,
  grantedName,
  isBelow,
  isConnection,
  isJsonObject,
  type Json,
  type JsonObject,
  type Label,
  moneyFrom,
  RUNGS,
  type Rung,
} from '../../model/index.ts'
import { Timeline } from './timeline.ts'
import { isWellFormed } from './well-formed.ts'
import { joined, ours, rungText, said, type Wording, w } from './wording.ts'

/** Long on purpose: one switch over every kind of entry, as the class below says. */

/** An action of the agent that was let through: what its authority was used for. */
export interface Use {
  readonly cell: CellId
  readonly seq: number
  readonly atMs: number
  readonly tool: string
  /** Operations of an action by the names that grants and declarations know them by, with their upstream; its own is the first. */
  readonly operations: readonly string[]
  readonly effect: Effect
  readonly grants: readonly string[]
  readonly spend?: { readonly units: bigint; readonly currency: string }
  /** True where it was not sent after all. */
  unsent?: true
}

export interface RungTold {
  readonly seq: number
  readonly atMs: number
  readonly cell: CellId | undefined
  readonly rung: Rung
  readonly by: string
  readonly why: string
  readonly signal?: number
}

export interface Signalled {
  readonly seq: number
  readonly cell: CellId
  readonly detector: string
  readonly mode: string
  readonly action?: ActionId
}

type Of<K extends Entry['kind']> = Extract<Entry, { kind: K }>

/** Actions of an agent that are remembered, the last of them: for what honest work needs, and what came after a stop. */
const USES_MAX = 200_000
/** Stops, signals and orders that are told; more of them are counted by the timeline. */
const TOLD_MAX = 64

/**
 * All that one log says of one cell, of what it delegated to, and of what was undone of it: a fold over entries. An entry
 * that does not hold what its kind says is counted, and nothing is thrown: whoever wrote the log may want no page.
 *
 * One class and one switch over all kinds, long as it is: which entries are the cell's own is known only while folding.
 */
export class Dossier {
  readonly story = new UndoHistory()
  readonly timeline = new Timeline()
  readonly cells = new Set<CellId>()
  readonly labels = new Map<ActionId, readonly Label[]>()
  /** Agents of whose cells the log says what they carried when they started: `labels` has it. */
  readonly begun = new Set<AgentName>()
  readonly uses: Use[] = []
  /** Calls and spending of each grant, by this cell and all below it. */
  readonly used = new Map<string, { calls: number; readonly spend: Map<string, bigint> }>()
  /** Cell → the first entry that a signal about it names: from there on, it was no honest work any more. */
  readonly cuts = new Map<CellId, number>()
  readonly lowered: RungTold[] = []
  readonly signals: Signalled[] = []
  readonly contained: Of<'cell.contained'>[] = []
  readonly undos: Of<'undo.started'>[] = []
  readonly answers: Of<'hold.answered'>[] = []
  readonly later = { effects: 0, reads: 0 }
  started: Of<'cell.started'> | undefined
  gateway: Of<'gateway.started'> | undefined
  endedAtMs: number | undefined
  released: RungTold | undefined
  /** The last release of its agent before the cell started. */
  letGo: RungTold | undefined
  entries = 0
  own = 0
  malformed = 0
  firstSeq: number | undefined
  lastSeq: number | undefined
  readonly #cell: CellId
  readonly #agent: AgentName | undefined
  readonly #tell: (reasons: Json) => readonly string[]
  readonly #given = new Set<DelegationId>()
  readonly #open = new Map<ActionId, Open>()
  readonly #holds = new Set<ActionId>()
  readonly #seen = new Map<CellId, Set<Label>>()
  readonly #orders = new Map<string, Of<'undo.started'>>()
  #gateway: Of<'gateway.started'> | undefined
  #before: Of<'rung.changed'> | undefined

  /** @param tell reasons of an entry as `explain` words them. */
  constructor(cell: CellId, agent: AgentName | undefined, tell: (reasons: Json) => readonly string[]) {
    this.#cell = cell
    this.#agent = agent
    this.#tell = tell
  }

  take(entry: Entry): void {
    this.entries++
    if (!isWellFormed(entry)) {
      this.malformed++
      return
    }
    try {
      this.story.take(entry)
      if (!this.#take(entry)) return
      this.own++
      this.firstSeq ??= entry.seq
      this.lastSeq = entry.seq
    } catch {
      this.malformed++
    }
  }

  /** Folds one entry and tells whether it belongs to this cell. */
  #take(entry: Entry): boolean {
    switch (entry.kind) {
      case 'gateway.started':
        this.#gateway = entry
        return false
      case 'cell.started':
        return this.#start(entry)
      case 'delegation.made':
        return this.#isOwn(entry.cell) && this.#delegate(entry)
      case 'delegation.ended':
        if (!this.#given.has(entry.delegation)) return false
        this.timeline.run(`ended ${entry.why}`, entry, w`delegation ended: ${entry.why}`, 'plain')
        return true
      case 'action.intent':
        return this.#intent(entry)
      case 'action.outcome':
        return this.#outcome(entry)
      case 'action.refused':
      case 'action.held':
        return this.#stopped(entry)
      case 'hold.answered':
        return this.#answered(entry)
      case 'rung.changed':
        return this.#rung(entry)
      case 'signal.raised':
        return this.#signal(entry)
      case 'cell.contained':
        return this.#isOwn(entry.cell) && this.#receipt(entry)
      case 'undo.started':
        this.#orders.set(entry.cell, entry)
        return false
      case 'undo.ended':
        if (!this.undos.some(({ cell }) => cell === entry.cell)) return false
        this.timeline.turn(entry, w`the undo ended`, 'back')
        return true
      case 'effect.checked':
        return this.#checked(entry)
      default:
        return this.#isTold(entry)
    }
  }

  #isOwn(cell: CellId | undefined): cell is CellId {
    return cell !== undefined && this.cells.has(cell)
  }

  #start(entry: Of<'cell.started'>): boolean {
    const { cell, agent, owner, delegation, labels } = entry
    if (cell === this.#cell) {
      this.started = entry
      this.gateway = this.#gateway
      if (this.#before !== undefined) this.#letGoBefore(this.#before)
      this.timeline.turn(entry, w`${agent} of ${owner} started in ${cell}`, 'plain')
      if (entry.task !== undefined) this.timeline.turn(entry, w`its task: ${taskText(entry.task)}`, 'plain')
    } else if (delegation === undefined || !this.#given.has(delegation)) return false
    else this.timeline.run(`below ${agent}`, entry, w`${agent} started in a cell below it`, 'plain')
    this.cells.add(cell)
    this.#seen.set(cell, new Set(labels))
    if (labels !== undefined) this.begun.add(agent)
    return true
  }

  /** Notes the release of its agent before this cell could start: the person who gave it answers for that, too. */
  #letGoBefore({ seq, atMs, agent, from, to, by, why }: Of<'rung.changed'>): void {
    const what = w`${agent}, which had been ${rungText(from)}, was let go by ${by}: ${why}`
    this.timeline.turn({ seq, atMs }, what, 'back')
    this.letGo = { seq, atMs, cell: undefined, rung: to, by, why }
  }

  #delegate({ seq, atMs, delegation, agent, to, assignment }: Of<'delegation.made'>): boolean {
    this.#given.add(delegation)
    this.timeline.run(`gives ${to}`, { seq, atMs }, w`${agent} delegates to ${to}: ${assignment}`, 'plain', 1, 2)
    return true
  }

  #intent(entry: Of<'action.intent'>): boolean {
    const undoes = entry.undoes ?? entry.checks
    if (undoes !== undefined) return this.#undoing(entry, undoes)
    const { cell, agent, action, seq, atMs, effect, hold } = entry
    const tool = nameOf(entry)
    const use = useOf(entry, tool)
    if (isConnection(entry.operation)) return this.#connection(entry)
    if (agent === this.#agent || this.#isOwn(cell)) this.uses.push(use)
    if (this.uses.length > 2 * USES_MAX) this.uses.splice(0, USES_MAX)
    if (!this.#isOwn(cell)) return false
    this.#charge(use, 1n)
    const late = this.#isStopped()
    if (late) this.later[effect === 'read' ? 'reads' : 'effects']++
    const what = hold === undefined ? w`${tool} (${ours(effect)})` : w`${tool} (${ours(effect)}), as a person approved`
    const key = `intent ${tool}${hold === undefined ? '' : ' approved'}`
    const back = this.timeline.run(key, { seq, atMs }, what, 'plain')
    if (effect !== 'read') this.labels.set(action, [...(this.#seen.get(cell) ?? [])])
    this.#open.set(action, { tool, effect, late, back, use })
    return true
  }

  /** Notes a connection that a relay made on its word. It is no call, and takes from no budget of them. */
  #connection({ cell, action, seq, atMs, upstream, operation, tool, effect }: Of<'action.intent'>): boolean {
    if (!this.#isOwn(cell)) return false
    const late = this.#isStopped()
    if (late) this.later.effects++
    const name = `${upstream} ${operation} ${tool}`
    const back = this.timeline.run(`connects ${name}`, { seq, atMs }, w`its relay reaches ${name}`, 'plain')
    const use = { cell, seq, atMs, tool: name, operations: [name], effect, grants: [] }
    this.#open.set(action, { tool: name, effect, late, back, use })
    return true
  }

  #charge({ grants, spend }: Use, times: 1n | -1n): void {
    for (const grant of grants) {
      const used = this.used.get(grant) ?? { calls: 0, spend: new Map() }
      this.used.set(grant, used)
      used.calls += Number(times)
      if (spend !== undefined)
        used.spend.set(spend.currency, (used.spend.get(spend.currency) ?? 0n) + times * spend.units)
    }
  }

  #undoing({ cell, seq, atMs, undoes, upstream, tool }: Of<'action.intent'>, effect: ActionId): boolean {
    const of = this.story.history.effects.get(effect)
    if (of === undefined || !this.#isOwn(of.cell)) return false
    const order = this.#orders.get(cell)
    if (order !== undefined && !this.undos.includes(order)) {
      if (this.undos.length < TOLD_MAX) this.undos.push(order)
      this.timeline.turn(order, w`undo ordered by ${order.by}: ${order.why}`, 'back')
    }
    const name = `${upstream}/${tool}`
    const doing = undoes === undefined ? 'to ask whether an effect stands' : 'to compensate an effect'
    this.timeline.run(`undo ${doing} ${name}`, { seq, atMs }, w`${name}, ${ours(doing)}`, 'back')
    return true
  }

  #outcome(entry: Of<'action.outcome'>): boolean {
    const open = this.#open.get(entry.action)
    if (open === undefined) return false
    this.#open.delete(entry.action)
    const { tool, effect, late, back, use } = open
    const { outcome, happened, detail, leaked } = entry
    const told = happened === undefined ? outcome : `${outcome} ${happened}`
    if (outcome === 'not-sent') {
      back()
      use.unsent = true
      this.#charge(use, -1n)
      if (late) this.later[effect === 'read' ? 'reads' : 'effects']--
      const why = detail === undefined ? w`` : w`: ${detail}`
      this.timeline.run(`unsent ${tool}`, entry, w`${tool} did not leave${why}`, 'refused', 1, 2)
    } else if (outcome !== 'done')
      this.timeline.run(`${told} ${tool}`, entry, w`${tool}: ${ours(OUTCOMES[told] ?? told)}`, 'refused')
    if (leaked !== undefined)
      this.timeline.run(`leak ${tool}`, entry, w`${tool} answered with a secret, which was cut`, 'signal', 1, 2)
    return true
  }

  #stopped(entry: Of<'action.refused'> | Of<'action.held'>): boolean {
    const about = entry.undoes ?? entry.checks
    const of = about === undefined ? undefined : this.story.history.effects.get(about)?.cell
    if (!this.#isOwn(about === undefined ? entry.cell : of)) return false
    if (entry.kind === 'action.held') this.#holds.add(entry.hold)
    const [reason = 'no reason is told'] = this.#tell(entry.reasons)
    const first = Array.isArray(entry.reasons) ? (entry.reasons as readonly Json[])[0] : undefined
    const kind = isJsonObject(first) ? String(first.kind) : ''
    const verb = entry.kind === 'action.held' ? 'waits for a person' : 'refused'
    const whose = about === undefined ? '' : 'an undo, '
    const what = w`${ours(whose)}${nameOf(entry)} ${ours(verb)}: ${reason}`
    const more = typeof entry.more === 'number' ? entry.more : 0
    this.timeline.run(`${verb} ${nameOf(entry)} ${kind}`, entry, what, 'refused', 1 + more, 2)
    return true
  }

  #answered(entry: Of<'hold.answered'>): boolean {
    if (!this.#holds.has(entry.hold)) return false
    if (this.answers.length < TOLD_MAX) this.answers.push(entry)
    const { by, approved, hold, why } = entry
    const reason = why === undefined ? w`` : w`: ${why}`
    this.timeline.turn(entry, w`${by} ${ours(approved ? 'approved' : 'denied')} ${hold}${reason}`, 'plain', 2)
    return true
  }

  #rung(entry: Of<'rung.changed'>): boolean {
    const { seq, atMs, cell, agent, from, to, by, why, signal } = entry
    const down = RUNGS.indexOf(to) > RUNGS.indexOf(from)
    if (cell === undefined && this.started === undefined && agent === this.#agent)
      this.#before = down ? undefined : entry
    if (cell === undefined ? !this.#isMeant(agent) : !this.#isOwn(cell)) return false
    const who = by === 'firebreak' ? w`Firebreak` : w`${by}`
    this.timeline.turn(
      entry,
      w`${cell ?? agent}: ${rungText(from)} → ${rungText(to)}, by ${who}: ${why}`,
      down ? 'stop' : 'back',
    )
    const lowered = { seq, atMs, cell, rung: to, by, why, ...(typeof signal === 'number' && { signal }) }
    if (!down) {
      if (this.#isStopped()) this.released = lowered
    } else if (this.lowered.length < TOLD_MAX) this.lowered.push(lowered)
    if (down && isStop(to)) this.released = undefined
    return true
  }

  /**
   * Tells whether an entry about an agent without a running cell concerns this one: once this cell has ended and was
   * released, it does not.
   */
  #isMeant(agent: AgentName): boolean {
    return agent === this.started?.agent && (this.endedAtMs === undefined || this.released === undefined)
  }

  /**
   * Tells whether the cell is stopped: from the first rung on which less than everything granted is admitted, until a
   * person releases it.
   */
  #isStopped(): boolean {
    return this.released === undefined && this.lowered.some(({ rung }) => isStop(rung))
  }

  #signal(entry: Of<'signal.raised'>): boolean {
    const { seq, atMs, cell, detector, mode, what, action } = entry
    const seqs = Object.values(entry.evidence as readonly unknown[]).filter((each) => typeof each === 'number')
    const from = Math.min(seq, ...seqs)
    if (mode !== 'observe') this.cuts.set(cell, Math.min(from, this.cuts.get(cell) ?? from))
    if (!this.#isOwn(cell)) return false
    if (this.signals.length < TOLD_MAX)
      this.signals.push({ seq, cell, detector, mode, ...(action !== undefined && { action }) })
    const on =
      seqs.length === 0 ? '' : `, on ${seqs.length === 1 ? 'entry' : 'entries'} ${seqs.slice(0, 20).join(', ')}`
    if (mode === 'observe')
      this.timeline.run(`observed ${detector}`, { seq, atMs }, w`${detector} observed: ${what}`, 'signal', 1, 2)
    else this.timeline.turn(entry, w`SIGNAL ${detector}: ${what}${ours(on)}`, 'signal')
    return true
  }

  #receipt(entry: Of<'cell.contained'>): boolean {
    if (this.contained.length < TOLD_MAX) this.contained.push(entry)
    const { contained, confirmations } = entry.receipt
    const all = Array.isArray(confirmations) ? (confirmations as readonly Json[]) : []
    const yes = all.filter((each) => isJsonObject(each) && each.confirmed === true).length
    const verdict = contained === true ? 'contained' : 'NOT CONTAINED'
    this.timeline.turn(
      entry,
      w`${entry.cell}: ${ours(verdict)}, ${rungText(entry.rung)}; ${yes} of ${all.length} points confirmed`,
      'stop',
    )
    return true
  }

  #checked(entry: Of<'effect.checked'>): boolean {
    if (!this.#isOwn(this.story.history.effects.get(entry.action)?.cell)) return false
    const found =
      entry.undone === undefined ? 'cannot be told' : entry.undone ? 'stands no more, or never did' : 'stands'
    this.timeline.run(`checked ${found}`, entry, w`an effect ${ours(found)}, says its check`, 'back')
    return true
  }

  /** Folds an entry of a kind that only the timeline shows, and tells whether it belongs to this cell. */
  #isTold(entry: Entry): boolean {
    switch (entry.kind) {
      case 'cell.ended':
        if (!this.#isOwn(entry.cell)) return false
        if (entry.cell === this.#cell) this.endedAtMs = entry.atMs
        this.timeline.turn(entry, w`${entry.cell} ended${exitText(entry.receipt)}`, 'plain', 2)
        return true
      case 'cell.taken-over':
        if (!this.#isOwn(entry.cell)) return false
        this.timeline.turn(entry, w`its gateway was lost (${entry.why}): another serves ${entry.cell}`, 'signal')
        return true
      case 'label.seen': {
        if (!this.#isOwn(entry.cell)) return false
        const seen = this.#seen.get(entry.cell) ?? new Set()
        this.#seen.set(entry.cell, seen.add(entry.label))
        this.timeline.run(`label ${entry.label}`, entry, w`it has seen ${entry.label} data`, 'plain', 1, 2)
        return true
      }
      case 'cell.sensed':
        if (!this.#isOwn(entry.cell)) return false
        this.timeline.run(`sensed ${entry.sensor}`, entry, w`in the cell, ${entry.sensor}: ${entry.what}`, 'signal')
        return true
      case 'upstream.seen': {
        if (!this.#isOwn(entry.cell)) return false
        const said = entry.problem === undefined ? w`stands again` : w`cannot be reached: ${entry.problem}`
        this.timeline.run(`upstream ${entry.upstream}`, entry, w`${entry.upstream} ${said}`, 'plain')
        return true
      }
      case 'egress.tried': {
        if (!this.#isOwn(entry.cell)) return false
        const refused = entry.problem === undefined ? w` is reached` : w` is refused: ${entry.problem}`
        const tone = entry.problem === undefined ? 'plain' : 'refused'
        this.timeline.run(`egress ${entry.place}`, entry, w`by ${entry.upstream}, ${entry.place}${refused}`, tone)
        return true
      }
      case 'checkpoint.made':
        if (!this.#isOwn(entry.cell)) return false
        this.timeline.run(`saved ${entry.why}`, entry, w`its files were saved by ${entry.by}: ${entry.why}`, 'back')
        return true
      case 'checkpoint.restored':
        if (this.started === undefined || entry.agent !== this.started.agent) return false
        this.timeline.turn(entry, w`its files were restored by ${entry.by}: ${entry.why}`, 'back')
        return true
      default:
        return false
    }
  }
}

interface Open {
  readonly tool: string
  readonly effect: Effect
  readonly late: boolean
  readonly back: () => void
  readonly use: Use
}

/** Tells whether a rung stops a cell: from `restricted` on, less than everything granted is admitted. */
export function isStop(rung: Rung): boolean {
  return isBelow(rung, 'watched')
}

const OUTCOMES: Readonly<Record<string, string>> = {
  failed: 'its upstream answered with an error',
  withheld: 'its answer was refused',
  'withheld no': 'its upstream did not look at it, by its own word',
  'withheld unknown': 'what came is no answer to it and was withheld; it may have happened',
  unknown: 'no answer came; it may have happened',
}

function nameOf({ upstream, tool }: { readonly upstream?: string; readonly tool?: string }): string {
  return `${upstream ?? '?'}/${tool ?? '?'}`
}

function useOf(entry: Of<'action.intent'>, tool: string): Use {
  const { cell, seq, atMs, effect } = entry
  const spend = entry.spend === undefined ? undefined : moneyFrom(entry.spend)
  return {
    cell,
    seq,
    atMs,
    tool,
    operations: operationsOf(entry),
    effect,
    grants: chargedOf(entry),
    ...(spend && { spend }),
  }
}

function operationsOf({ upstream, operation, tool, alongside = [] }: ActionIntent): readonly string[] {
  return [tool, ...alongside].map((each) => `${upstream}/${grantedName(operation, each)}`)
}

/** Returns the holders that are charged; where none is named, the first grant of its reasons. */
function chargedOf({ charge, reasons }: ActionIntent): readonly string[] {
  if (Array.isArray(charge?.holders)) return charge.holders.map(String)
  const permits = Array.isArray(reasons) ? (reasons as readonly Json[]).filter(isJsonObject) : []
  const grant = permits.find(({ grant: each }) => typeof each === 'string')?.grant
  return typeof grant === 'string' ? [grant] : []
}

/** Returns the text of a task as the gateway wrote it: a text, and what it narrows. */
export function taskText(task: Json): string {
  if (isJsonObject(task) && typeof task.text === 'string') return task.text
  return typeof task === 'string' ? task : JSON.stringify(task)
}

function exitText({ exit }: JsonObject): Wording {
  if (!isJsonObject(exit)) return w``
  return joined([w``, w`${[said(exit.why ?? '')]}, code ${[said(exit.code ?? '')]}`], ': ')
}
