import {
  type ActionId,
  type AgentName,
  type CellId,
  cutsOff,
  DETECTORS,
  type DeclaredTool,
  type DelegationId,
  type DetectorMode,
  type DetectorName,
  type DetectorRules,
  type DetectorSpec,
  type Entry,
  isBelow,
  isConnection,
  LIMITS,
  type LowerRung,
  type Noticed,
  type SignalRaised,
} from '../model/index.ts'
import { type AttemptEntry, ComparedCall, nameOf } from './call.ts'
import type { DetectorFinding, EntryFacts, Fold, PreparedDetector } from './detector.ts'
import { preparedDetectors } from './detectors/all.ts'
import { NewestMap } from './recent.ts'

export interface SentinelSetup {
  readonly rules: DetectorRules
  /** Declared tools by `upstream/tool`, as grants name them. */
  readonly tools: ReadonlyMap<string, DeclaredTool>
}

/** A signal as its gateway writes it (`signal.raised`), with the tree that it moves in `enforce`. */
export interface Signal {
  /** The cell at the top of the tree: everything below it is moved with it. */
  readonly tree: CellId
  readonly raised: Omit<SignalRaised, 'rung'> & { readonly rung: LowerRung }
}

/**
 * Folds the ledger's entries through all detectors, in the tick that appends them.
 *
 * - SE1  What it says depends on the entries, in their order, and its setup alone: a replay says the same.
 * - SE2  Each detector has its own state for a tree or an agent, and sees no other: their order changes nothing.
 * - SE3  What it keeps has a limit: of cells, of actions under way, of agents, of what each detector keeps.
 * - SE4  The tree of a cell that the gateway's death cut off goes on in that cell, where another gateway takes it over, or
 *        in its agent's next one.
 * - SE5  The same detector says the same of a tree once in ten minutes, and again once a person has moved it up.
 */
export class Sentinel {
  readonly #setup: SentinelSetup
  readonly #detectors: readonly PreparedDetector[]
  /** Positions of the detectors that look at each kind of entry. */
  readonly #looking: ReadonlyMap<string, readonly number[]>
  readonly #cells = new NewestMap<CellId, { readonly agent: AgentName; readonly tree: Tree }>(LIMITS.sentinelCellsMax)
  readonly #givers = new NewestMap<DelegationId, CellId>(LIMITS.sentinelCellsMax)
  readonly #underWay = new NewestMap<
    ActionId,
    { readonly cell: CellId; readonly agent: AgentName; readonly tree: Tree; readonly call: ComparedCall }
  >(LIMITS.sentinelActionsMax)
  readonly #agents = new NewestMap<AgentName, Folds>(LIMITS.sentinelAgentsMax)
  /** Trees that an earlier gateway left standing, oldest first. */
  readonly #left = new NewestMap<AgentName, Tree[]>(LIMITS.sentinelAgentsMax)

  constructor(setup: SentinelSetup, detectors: readonly PreparedDetector[] = preparedDetectors(setup.rules)) {
    this.#setup = setup
    this.#detectors = detectors
    const kinds = new Set(detectors.flatMap(({ kinds: own }) => own))
    this.#looking = new Map(
      [...kinds].map((kind) => [kind, detectors.flatMap((each, i) => (each.kinds.includes(kind) ? [i] : []))]),
    )
  }

  fold(entry: Entry): readonly Signal[] {
    switch (entry.kind) {
      case 'gateway.started':
        this.#leave()
        return NO_SIGNALS
      case 'cell.started':
        this.#start(entry.cell, entry.agent, entry.delegation)
        return NO_SIGNALS
      case 'cell.taken-over':
        this.#takeOver(entry.cell, entry.agent)
        return NO_SIGNALS
      case 'cell.ended':
        this.#end(entry.cell)
        return NO_SIGNALS
      case 'delegation.ended':
        this.#givers.delete(entry.delegation)
        return NO_SIGNALS
      case 'rung.changed':
        if (isBelow(entry.from, entry.to)) this.#released(entry.agent)
        return NO_SIGNALS
      case 'action.outcome':
        return this.#outcome(entry)
      case 'action.intent':
      case 'action.held':
      case 'action.refused':
        // What compensates is a person's order, and no agent's doing.
        return entry.undoes !== undefined || entry.checks !== undefined ? NO_SIGNALS : this.#attempted(entry)
      case 'delegation.made':
        this.#givers.set(entry.delegation, entry.cell)
        return this.#ask(entry, entry.cell, entry.agent, { noticed: entry.noticed })
      case 'label.seen':
      case 'cell.sensed':
        return this.#ask(entry, entry.cell, entry.agent)
      case 'egress.tried': {
        const known = entry.cell && this.#cells.get(entry.cell)
        return known && entry.cell ? this.#ask(entry, entry.cell, known.agent, { noticed: entry.noticed }) : NO_SIGNALS
      }
      default:
        return NO_SIGNALS
    }
  }

  #start(cell: CellId, agent: AgentName, delegation: DelegationId | undefined): void {
    const giver = delegation && this.#givers.get(delegation)
    const above = giver && this.#cells.get(giver)?.tree
    const tree = above ?? this.#left.get(agent)?.shift() ?? new Tree(agent)
    if (above === undefined) tree.root = cell
    this.#cells.set(cell, { agent, tree })
  }

  /** Tells whether a lost gateway left the tree of this cell: then the tree goes on where it was. */
  hasLeft(cell: CellId, agent: AgentName): boolean {
    return this.#left.get(agent)?.some(({ root }) => root === cell) ?? false
  }

  #takeOver(cell: CellId, agent: AgentName): void {
    const left = this.#left.get(agent) ?? []
    const tree = left.find(({ root }) => root === cell) ?? new Tree(agent)
    if (left.includes(tree)) left.splice(left.indexOf(tree), 1)
    tree.root = cell
    this.#cells.set(cell, { agent, tree })
  }

  /** A person has looked at it, and lets it go on: what its trees had done before is not held against it. */
  #released(agent: AgentName): void {
    this.#left.delete(agent)
    for (const cell of this.#cells.values()) if (cell.agent === agent) cell.tree.begin()
  }

  #end(cell: CellId): void {
    this.#cells.delete(cell)
  }

  /** Ends all cells: another gateway goes on, and none of the earlier one's cells has a listener any more. */
  #leave(): void {
    for (const { tree } of this.#cells.values()) {
      const left = this.#left.get(tree.agent) ?? []
      if (left.includes(tree)) continue
      left.push(tree)
      if (left.length > LIMITS.sentinelTreesLeftMax) left.shift()
      this.#left.set(tree.agent, left)
    }
    this.#cells.clear()
    this.#givers.clear()
    this.#underWay.clear()
  }

  #attempted(entry: AttemptEntry & Entry): readonly Signal[] {
    const name = nameOf(entry)
    const call = name === undefined ? undefined : new ComparedCall(entry, this.#setup.tools.get(name))
    if (entry.kind === 'action.intent' && call !== undefined && !connects(entry)) {
      const { tree, agent } = this.#known(entry.cell, entry.agent)
      this.#underWay.set(entry.action, { cell: entry.cell, agent, tree, call })
    }
    const { cell, agent, action, noticed } = entry
    return this.#ask(entry, cell, agent, { action, noticed, call })
  }

  #outcome(entry: Extract<Entry, { kind: 'action.outcome' }>): readonly Signal[] {
    const underWay = this.#underWay.get(entry.action)
    if (underWay === undefined) return NO_SIGNALS
    this.#underWay.delete(entry.action)
    const { cell, agent, call, tree } = underWay
    return this.#ask(entry, cell, agent, { action: entry.action, call, tree })
  }

  #known(cell: CellId, agent: AgentName) {
    // A log whose beginning is gone: what is not known to be below another is a tree of its own.
    if (!this.#cells.has(cell)) this.#start(cell, agent, undefined)
    return this.#cells.get(cell) ?? { agent, tree: new Tree(agent) }
  }

  #ask(
    entry: Entry,
    cell: CellId,
    agent: AgentName,
    { noticed = NOT_NOTICED, call, action, tree = this.#known(cell, agent).tree }: AskedOf = NOTHING_MORE,
  ): readonly Signal[] {
    const looking = this.#looking.get(entry.kind)
    if (looking === undefined) return NO_SIGNALS
    const about: EntryFacts = { tree: tree.root ?? cell, agent: tree.agent, cell, noticed, ...(call && { call }) }
    const isRelayed = connects(entry)
    let signals: Signal[] | undefined
    for (const place of looking) {
      const detector = this.#detectors[place]
      if (detector === undefined || (isRelayed && !detector.seesConnections)) continue
      const folds = detector.scope === 'tree' ? tree.folds : this.#foldsOf(tree.agent)
      folds[place] ??= detector.begin()
      const fold = folds[place]
      for (const finding of fold(entry, about)) {
        const { mode, rung } = this.#setup.rules[detector.name]
        const to = least(rung, finding.atMost, detector.name)
        if (!tree.says(detector.name, to, entry.atMs)) continue
        signals ??= []
        signals.push({ tree: about.tree, raised: raised(detector.name, mode, to, finding, { cell, agent, action }) })
      }
    }
    return signals === undefined ? NO_SIGNALS : signals
  }

  #foldsOf(agent: AgentName): Folds {
    const known = this.#agents.get(agent)
    if (known !== undefined) return known
    const folds: Folds = []
    this.#agents.set(agent, folds)
    return folds
  }
}

/** Tells whether an entry is of a relay's connection. */
function connects(entry: Entry): boolean {
  return 'operation' in entry && entry.operation !== undefined && isConnection(entry.operation)
}

/** One fold for each detector, by its position; absent until it first looks. */
type Folds = (Fold | undefined)[]

/** A cell and everything below it. */
class Tree {
  /** Absent until its cell is known. */
  root: CellId | undefined
  readonly agent: AgentName
  folds: Folds = []
  readonly #said = new Map<DetectorName, { readonly rung: LowerRung; readonly atMs: number }>()

  constructor(agent: AgentName) {
    this.agent = agent
  }

  /** Begins anew, as if nothing had been seen. */
  begin(): void {
    this.folds = []
    this.#said.clear()
  }

  /** Notes what a detector said and tells whether it is news: a lower rung, or the first time in a while. */
  says(detector: DetectorName, rung: LowerRung, atMs: number): boolean {
    const said = this.#said.get(detector)
    if (said !== undefined && !isBelow(rung, said.rung) && atMs - said.atMs < QUIET_MS) return false
    this.#said.set(detector, { rung, atMs })
    return true
  }
}

const QUIET_MS = 600_000
const NO_SIGNALS: readonly Signal[] = []
const NOT_NOTICED: readonly Noticed[] = []

/** The action that an entry is about, as far as there is one. */
interface AskedOf {
  readonly noticed?: readonly Noticed[] | undefined
  readonly call?: ComparedCall | undefined
  readonly action?: ActionId
  /** The tree that its cell was in when it was attempted; where its cell is now, if left out. */
  readonly tree?: Tree
}

const NOTHING_MORE: AskedOf = {}

/** The one that is less far down. What is only unlikely never leads further than to reading (CT2). */
function least(rule: LowerRung, atMost: LowerRung | undefined, name: DetectorName): LowerRung {
  const { kind }: DetectorSpec = DETECTORS[name]
  const capped = kind === 'statistical' && cutsOff(rule) ? 'restricted' : rule
  return atMost !== undefined && isBelow(capped, atMost) ? atMost : capped
}

function raised(
  detector: DetectorName,
  mode: DetectorMode,
  rung: LowerRung,
  { what, evidence }: DetectorFinding,
  { cell, agent, action }: { readonly cell: CellId; readonly agent: AgentName; readonly action: ActionId | undefined },
): Signal['raised'] {
  return {
    kind: 'signal.raised',
    cell,
    agent,
    detector,
    mode,
    what,
    evidence: [...new Set(evidence)].sort((a, b) => a - b).slice(-LIMITS.signalEvidenceMax),
    ...(action && { action }),
    rung,
  }
}
