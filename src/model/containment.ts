import type { EnvironmentName, ToolName, UpstreamName } from './ids.ts'
import type { Rung } from './ladder.ts'

/**
 * A rung that a detector's signal may move a cell to. A signal never moves a cell up, and `normal` is where every cell
 * begins.
 */
export type LowerRung = Exclude<Rung, 'normal'>

export type DetectorMode = 'observe' | 'enforce'

/** The built-in properties of a detector, before a configuration changes them. */
export interface DetectorSpec {
  /** `deterministic`: it saw something that honest work does not do. `statistical`: it saw something that is unlikely. */
  readonly kind: 'deterministic' | 'statistical'
  readonly mode: DetectorMode
  readonly rung: LowerRung
  /** One sentence for the person who configures it. */
  readonly what: string
  readonly thresholds: Readonly<Record<string, Threshold>>
}

export interface Threshold {
  readonly unit: 'count' | 'ratio' | 'ms' | 'bytes'
  readonly by: number
  readonly min: number
  readonly max: number
  readonly what: string
}

const count = (by: number, what: string, min = 1): Threshold => ({ unit: 'count', by, min, max: 1_000_000, what })
const ratio = (by: number, what: string, max = 1): Threshold => ({ unit: 'ratio', by, min: 0.000_001, max, what })
const lasting = (by: number, what: string): Threshold => ({ unit: 'ms', by, min: 1_000, max: 31_622_400_000, what })
const bytes = (by: number, what: string): Threshold => ({ unit: 'bytes', by, min: 1_024, max: 1_099_511_627_776, what })

const MINUTE = 60_000

/**
 * Every detector and its defaults, each with its reason; docs/detectors.md says more of each.
 *
 * - CT1  What is deterministic enforces by default; what is statistical observes.
 * - CT2  A statistical surprise leads to `restricted` at the most, whatever a configuration says, and nothing kills by default.
 */
export const DETECTORS = {
  decoy: {
    kind: 'deterministic',
    mode: 'enforce',
    rung: 'quarantined',
    what: 'a tool, file, credential or host that nobody should touch was touched',
    thresholds: {},
  },
  'environment-crossing': {
    kind: 'deterministic',
    mode: 'enforce',
    rung: 'quarantined',
    what: 'something of another environment was reached for',
    thresholds: {
      // A model that mistakes one upstream's name for another's is told no and does not try it a third time.
      attempts: count(3, 'tries after which it may only read; with a credential, the first one counts'),
    },
  },
  'own-authority': {
    kind: 'deterministic',
    mode: 'enforce',
    rung: 'quarantined',
    what: 'Firebreak’s own files, process or powers were reached for',
    thresholds: {},
  },
  refusals: {
    kind: 'statistical',
    mode: 'observe',
    rung: 'restricted',
    what: 'a burst of refusals: somebody looks for what is not locked',
    thresholds: {
      // Narrow grants are met by honest work too: one of five attempts. Whoever looks for a way has four of five refused.
      honest: ratio(0.2, 'the share of attempts of honest work that is refused', 0.49),
      hostile: ratio(0.8, 'the share of attempts of a search that is refused', 0.999),
      // Wald: of honest series at most so many end in an alarm. A tenth of the 0.1 % that a person would bear.
      falseAlarm: ratio(0.000_1, 'the share of honest series that may raise it', 0.1),
    },
  },
  novelty: {
    kind: 'statistical',
    mode: 'observe',
    rung: 'restricted',
    what: 'a run of destinations that the agent has never named before',
    thresholds: {
      // Fewer than these say nothing of how often new ones come.
      learn: count(50, 'destinations that are seen before any can surprise', 10),
      falseAlarm: ratio(0.000_1, 'the share of honest series that may raise it', 0.1),
    },
  },
  velocity: {
    kind: 'statistical',
    mode: 'observe',
    rung: 'restricted',
    what: 'actions or money flow faster than this agent’s own usual',
    thresholds: {
      learn: count(30, 'minutes with actions, hours with spending, before any can surprise', 5),
      // In standard deviations. Page’s chart with a slack of one and this limit is silent for years of steady traffic.
      slack: ratio(1, 'what is passed over', 10),
      limit: count(10, 'what has to add up', 1),
    },
  },
  duplicates: {
    kind: 'deterministic',
    mode: 'enforce',
    rung: 'restricted',
    what: 'the same effect again and again',
    thresholds: {
      // A client retries three times, and a person asks once more: the sixth of one and the same payment is a storm.
      payments: count(6, 'the same spending or irreversible call', 2),
      // A write may be a heartbeat, every few seconds: it is only watched, and only where it takes arguments.
      writes: count(100, 'the same write, which is then only watched', 2),
      // The same but for keys, numbers and notes that differ each time: a batch of honest work has other objects.
      alike: count(12, 'payments alike but for idempotency keys and content', 2),
      window: lasting(10 * MINUTE, 'how long they are counted'),
    },
  },
  loops: {
    kind: 'deterministic',
    mode: 'enforce',
    rung: 'restricted',
    what: 'the same steps in the same order, over and over, by one agent or between several',
    thresholds: {
      rounds: count(12, 'rounds of the same steps', 3),
      // Polling is honest work: alone, it is only watched, and later.
      polls: count(100, 'rounds of one cell alone, which is then only watched', 3),
      delegations: count(6, 'times that one agent gives another the same assignment in one tree', 2),
    },
  },
  destruction: {
    kind: 'deterministic',
    mode: 'enforce',
    rung: 'restricted',
    what: 'destroying much at once, or all of something',
    thresholds: {
      // What a person tidies by hand is less; who wants more has a person look at it.
      objects: count(25, 'objects destroyed', 1),
      window: lasting(10 * MINUTE, 'how long they are counted'),
    },
  },
  outflow: {
    kind: 'statistical',
    mode: 'observe',
    rung: 'restricted',
    what: 'confidential data was read, and then much was written elsewhere',
    thresholds: {
      // A report or a mail is a few KiB; sixteen of them in a day is a flow.
      bytes: bytes(65_536, 'bytes written elsewhere after such a read'),
      writes: count(50, 'writes elsewhere after such a read', 2),
      window: lasting(24 * 60 * MINUTE, 'how long they are counted'),
    },
  },
  drift: {
    kind: 'deterministic',
    mode: 'enforce',
    rung: 'watched',
    what: 'a tool was asked for whose definition is no longer what a person accepted',
    thresholds: {},
  },
  leaks: {
    kind: 'deterministic',
    mode: 'enforce',
    rung: 'restricted',
    what: 'an upstream tried to hand its own secret to the cell',
    thresholds: {
      // One is an upstream's mistake, and the cell is watched; a second one is somebody asking for it.
      times: count(2, 'leaks after which the cell may only read', 1),
    },
  },
} as const satisfies Readonly<Record<string, DetectorSpec>>

export type DetectorName = keyof typeof DETECTORS

export const DETECTOR_NAMES: readonly DetectorName[] = Object.keys(DETECTORS) as DetectorName[] // the table's own keys

export type Thresholds<N extends DetectorName> = { readonly [K in keyof (typeof DETECTORS)[N]['thresholds']]: number }

export interface DetectorRule<N extends DetectorName = DetectorName> {
  readonly mode: DetectorMode
  readonly rung: LowerRung
  readonly thresholds: Thresholds<N>
}

export type DetectorRules = { readonly [N in DetectorName]: DetectorRule<N> }

/** Bait that no honest agent has a reason to touch. */
export interface Decoys {
  /** Shown in lists like a real tool, with this description; whoever calls one is refused. */
  readonly tools: readonly DecoyTool[]
  /** Absolute paths in a cell. */
  readonly files: readonly string[]
  /** Variable → value, in the environment of every agent's cell. */
  readonly credentials: readonly (readonly [variable: string, value: string])[]
  /** Names or addresses, lower-case. */
  readonly hosts: readonly string[]
}

export interface DecoyTool {
  readonly upstream: UpstreamName
  readonly tool: ToolName
  readonly description: string
}

/** `containment:` of a configuration, with all that it leaves out. */
export interface Containment {
  readonly rules: DetectorRules
  readonly decoys: Decoys
}

/** A place, `host` or `host:port` in lower case, and whose it is. */
export type PlaceOf = readonly [place: string, environment: EnvironmentName]

export const NO_DECOYS: Decoys = { tools: [], files: [], credentials: [], hosts: [] }

/** Returns the rules that each detector has without a configuration. With `observe`, no detector acts. */
export function defaultRules(mode: DetectorMode = 'enforce'): DetectorRules {
  const rules = Object.entries(DETECTORS as Readonly<Record<DetectorName, DetectorSpec>>).map(([name, spec]) => {
    const thresholds = Object.fromEntries(Object.entries(spec.thresholds).map(([key, { by }]) => [key, by]))
    return [name, { mode: mode === 'observe' ? 'observe' : spec.mode, rung: spec.rung, thresholds }]
  })
  // One rule for each line of the table, with that line's thresholds.
  return Object.fromEntries(rules) as DetectorRules
}
