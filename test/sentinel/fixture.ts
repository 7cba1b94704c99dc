/** A ledger's entries as tests write them, folded as they are written. */
import {
  type ActionId,
  type AgentName,
  type CellId,
  DETECTOR_NAMES,
  type DeclaredTool,
  type DelegationId,
  type DetectorName,
  type DetectorRules,
  defaultRules,
  type Effect,
  type Entry,
  type EntryBody,
  type EnvironmentName,
  type Json,
  type JsonObject,
  jsonPath,
  type Label,
  type Noticed,
  type PersonName,
  type Rung,
  sha256,
  type ToolName,
  type UpstreamName,
} from '../../src/model/index.ts'
import { Sentinel, type Signal } from '../../src/sentinel/sentinel.ts'

export const START_MS = 1_790_000_000_000
export const SECOND = 1_000
export const MINUTE = 60_000

/** The tools that the tests' upstream `books` declares. */
export const TOOLS: ReadonlyMap<string, DeclaredTool> = new Map(
  (
    [
      { name: 'look', effect: 'read' },
      { name: 'next', effect: 'write' },
      { name: 'note', effect: 'write', content: ['$.text'] },
      { name: 'pay', effect: 'spend', amount: '$.amount', currency: '$.currency', content: ['$.note'] },
      { name: 'send', effect: 'write', destinations: ['$.to'], content: ['$.body'] },
      { name: 'files.delete', effect: 'irreversible' },
      { name: 'run', effect: 'irreversible' },
    ] as const
  ).map((tool) => [`books/${tool.name}`, declared(tool)] as const),
)

function declared(tool: {
  readonly name: string
  readonly effect: Effect
  readonly amount?: string
  readonly currency?: string
  readonly content?: readonly string[]
  readonly destinations?: readonly string[]
}): DeclaredTool {
  const { name, content = [], destinations, ...rest } = tool
  return {
    ...rest,
    name: name as ToolName,
    content: content.map((path) => jsonPath(path) ?? []),
    ...(destinations && { destinations: destinations.map((path) => ({ path: jsonPath(path) ?? [], values: [] })) }),
  }
}

export function rulesWith(change: Partial<Record<DetectorName, JsonObject>> = {}): DetectorRules {
  const rules = Object.entries(defaultRules()).map(([name, rule]) => {
    const { mode = rule.mode, rung = rule.rung, ...thresholds } = change[name as DetectorName] ?? {}
    return [name, { mode, rung, thresholds: { ...rule.thresholds, ...thresholds } }]
  })
  return Object.fromEntries(rules) as DetectorRules
}

/** One log. Each entry comes a second after the one before, unless time is passed. */
export class Log {
  readonly entries: Entry[] = []
  readonly signals: Signal[] = []
  readonly #sentinel: Sentinel
  #atMs = START_MS
  #actions = 0

  constructor(sentinel: Sentinel = new Sentinel({ rules: rulesWith(), tools: TOOLS })) {
    this.#sentinel = sentinel
  }

  /** Detectors that have raised a signal, each with its rung. */
  get said(): readonly string[] {
    return this.signals.map(({ raised }) => `${raised.detector} ${raised.rung}`)
  }

  saidOf(detector: DetectorName): readonly Signal[] {
    return this.signals.filter(({ raised }) => raised.detector === detector)
  }

  pass(ms: number): this {
    this.#atMs += ms
    return this
  }

  /** Appends an entry and returns the signals that follow from it. */
  add(body: EntryBody): readonly Signal[] {
    this.#atMs += SECOND
    const entry: Entry = { v: 1, seq: this.entries.length, atMs: this.#atMs, ...body }
    this.entries.push(entry)
    const signals = this.#sentinel.fold(entry)
    this.signals.push(...signals)
    return signals
  }

  started(): readonly Signal[] {
    return this.add({ kind: 'gateway.started', environment: TEST, configuration: ZERO, version: '0' })
  }

  cell(name: string, agent = 'alpha', delegation?: string): CellId {
    const cell = cellOf(name)
    this.add({
      kind: 'cell.started',
      cell,
      agent: agent as AgentName,
      owner: 'maria' as PersonName,
      environment: TEST,
      receipt: {},
      ...(delegation !== undefined && { delegation: delegation as DelegationId }),
    })
    return cell
  }

  takenOver(cell: CellId): void {
    const about = { agent: ALPHA, environment: TEST, why: 'it was lost', rung: 'watched', labels: [] } as const
    this.add({ kind: 'cell.taken-over', cell, ...about })
  }

  ended(cell: CellId): void {
    this.add({ kind: 'cell.ended', cell, receipt: {} })
  }

  delegated(cell: CellId, to: string, delegation: string, agent = 'alpha', assignment = 'do it'): readonly Signal[] {
    const restriction: Json = {}
    return this.add({
      kind: 'delegation.made',
      delegation: delegation as DelegationId,
      cell,
      agent: agent as AgentName,
      to: to as AgentName,
      depth: 1,
      restriction,
      assignment,
    })
  }

  /** An attempt that was let through, with its outcome. */
  did(cell: CellId, tool: string, args: JsonObject = {}, more: Made = {}): readonly Signal[] {
    const action = this.#action()
    const { outcome = 'done', leaked, agent, bytes = 100, ...rest } = more
    const signals = this.add({
      kind: 'action.intent',
      action,
      ...this.#about(cell, tool, args, agent),
      definition: ZERO,
      payload: { sha256: ZERO, bytes },
      reasons: [],
      ...rest,
    })
    const after = this.add({ kind: 'action.outcome', action, outcome, ...(leaked && { leaked }) })
    return [...signals, ...after]
  }

  /** An attempt that was let through, and nothing of what came of it. */
  begun(cell: CellId, tool: string, args: JsonObject = {}): ActionId {
    const action = this.#action()
    const payload = { sha256: ZERO, bytes: 100 }
    this.add({
      kind: 'action.intent',
      action,
      ...this.#about(cell, tool, args),
      definition: ZERO,
      payload,
      reasons: [],
    })
    return action
  }

  came(action: ActionId, leaked: readonly string[]): readonly Signal[] {
    return this.add({ kind: 'action.outcome', action, outcome: 'withheld', leaked })
  }

  refused(cell: CellId, tool: string, args: JsonObject = {}, more: Refused = {}): readonly Signal[] {
    const { reasons = [{ kind: 'no-grant' }], agent, ...rest } = more
    return this.add({
      kind: 'action.refused',
      action: this.#action(),
      ...this.#about(cell, tool, args, agent),
      reasons,
      ...rest,
    })
  }

  saw(cell: CellId, label: string, tool: string): readonly Signal[] {
    const from = { tool, path: '$' }
    return this.add({ kind: 'label.seen', cell, agent: ALPHA, label: label as Label, from })
  }

  sensed(cell: CellId, sensor: string): readonly Signal[] {
    return this.add({ kind: 'cell.sensed', cell, agent: ALPHA, sensor, what: 'seen', detail: {} })
  }

  moved(cell: CellId, from: Rung, to: Rung, by = 'maria'): void {
    this.add({ kind: 'rung.changed', cell, agent: ALPHA, from, to, by: by as PersonName, why: 'looked at' })
  }

  #action(): ActionId {
    this.#actions++
    return `a_${String(this.#actions).padStart(20, '0')}` as ActionId
  }

  #about(cell: CellId, tool: string, args: JsonObject, agent = 'alpha') {
    const [upstream = '', name = ''] = tool.split('/')
    return {
      cell,
      agent: agent as AgentName,
      environment: TEST,
      upstream: upstream as UpstreamName,
      operation: 'tool',
      tool: name as ToolName,
      effect: TOOLS.get(tool)?.effect ?? 'irreversible',
      args,
    } as const
  }
}

interface Made {
  readonly outcome?: 'done' | 'failed' | 'withheld'
  readonly leaked?: readonly string[]
  readonly agent?: string
  readonly bytes?: number
  readonly spend?: string
  readonly noticed?: readonly Noticed[]
}

interface Refused {
  readonly reasons?: Json
  readonly agent?: string
  readonly more?: number
  readonly noticed?: readonly Noticed[]
}

export function cellOf(name: string): CellId {
  return `c_${name.padStart(16, '0')}` as CellId
}

/** Returns the rungs of one detector's signals. */
export function onlyOf(log: Log, detector: DetectorName): readonly string[] {
  if (!DETECTOR_NAMES.includes(detector)) throw new Error(`no detector: ${detector}`)
  return log.saidOf(detector).map(({ raised }) => raised.rung)
}

const ALPHA = 'alpha' as AgentName
const TEST = 'test' as EnvironmentName
const ZERO = sha256('0'.repeat(64))
