import type { AgentName, CellId, DetectorName, Entry, LowerRung, Noticed, Thresholds } from '../model/index.ts'
import type { ComparedCall } from './call.ts'

/**
 * One way to see that something is wrong: a fold over ledger entries, in their order.
 *
 * - DE1  What it finds depends on the entries and its thresholds alone: no clock, no chance, no other detector.
 * - DE2  Its state has a size that no entry can exceed. It changes in place: it is on the path of every action.
 * - DE3  It keeps one state for each tree of delegations, or for each agent whose own cell is at the top of one; so that
 *        what is spread over delegates, or over cells of one agent, is seen as one.
 */
export interface Detector<N extends DetectorName, State> {
  readonly name: N
  readonly scope: 'tree' | 'agent'
  /** Kinds of entries that the detector is shown; it sees no others. */
  readonly kinds: readonly Entry['kind'][]
  /**
   * True where it looks at a relay's connections, too. Most do not: a page makes forty of them, and none of them is a decision of
   * the agent.
   */
  readonly seesConnections?: true
  readonly initial: () => State
  readonly fold: (
    state: State,
    entry: Entry,
    about: EntryFacts,
    thresholds: Thresholds<N>,
  ) => readonly DetectorFinding[]
}

/** The facts about an entry that the entry itself does not hold. */
export interface EntryFacts {
  /** The cell at the top of the tree, and its agent. */
  readonly tree: CellId
  readonly agent: AgentName
  readonly cell: CellId
  /** Watched things that its whole arguments name. */
  readonly noticed: readonly Noticed[]
  /** Present for an attempt, and for its outcome. */
  readonly call?: ComparedCall
}

export interface DetectorFinding {
  /** One sentence for the owner. */
  readonly what: string
  /** Entries by their `seq`, oldest first, the one that tripped it last. */
  readonly evidence: readonly number[]
  /** The lowest rung that this finding alone leads to, whatever the rule says. */
  readonly atMost?: LowerRung
}

export const NOTHING: readonly DetectorFinding[] = []

/** A detector with its thresholds, without the types of its inside. */
export interface PreparedDetector {
  readonly name: DetectorName
  readonly scope: 'tree' | 'agent'
  readonly kinds: readonly Entry['kind'][]
  readonly seesConnections: boolean
  /** A state of its own, and what folds into it. */
  readonly begin: () => Fold
}

export type Fold = (entry: Entry, about: EntryFacts) => readonly DetectorFinding[]

export function prepared<N extends DetectorName, State>(
  detector: Detector<N, State>,
  thresholds: Thresholds<N>,
): PreparedDetector {
  const { name, scope, kinds, seesConnections = false, initial, fold } = detector
  return {
    name,
    scope,
    kinds,
    seesConnections,
    begin: () => {
      const state = initial()
      return (entry, about) => fold(state, entry, about, thresholds)
    },
  }
}
