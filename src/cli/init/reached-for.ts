import type { Config } from '../../config/config.ts'
import {
  type ActionRefused,
  type AgentName,
  type Effect,
  type Entry,
  grantedName,
  isConnection,
  isJsonObject,
  type Json,
  type Operation,
  type ToolName,
  type UpstreamName,
} from '../../model/index.ts'

/** All that an agent reached for, as its environment's ledger tells. */
export interface ReachedFor {
  /** Operations that were let through, by upstream and by the names that grants have for them. */
  readonly used: ReadonlyMap<UpstreamName, UsedUpstream>
  /** Operations that are declared and were refused each time. */
  readonly refused: readonly RefusedOperation[]
  /** Places that nobody declared, with the requests that they were reached for with; no query is told. */
  readonly places: ReadonlyMap<string, ReadonlyMap<string, number>>
}

export interface UsedUpstream {
  readonly tools: ReadonlySet<ToolName>
  /** The calls of the busiest day. */
  readonly callsOfDay: number
}

export interface RefusedOperation {
  readonly upstream: UpstreamName
  readonly tool: ToolName
  readonly effect: Effect
  readonly times: number
}

const DAY_MS = 86_400_000
/** Places, and requests of each, that are told: whoever reaches for a thousand of them is told in part. */
const PLACES_MAX = 20
const REQUESTS_MAX = 20
const CHARACTERS_MAX = 200

/** Folds entries of a ledger into what one agent reached for. */
export class ReachedForFold {
  readonly #agent: AgentName
  readonly #config: Config
  readonly #used = new Map<UpstreamName, { readonly tools: Set<ToolName>; readonly days: Map<number, number> }>()
  readonly #refused = new Map<string, RefusedOperation>()
  readonly #places = new Map<string, Map<string, number>>()

  constructor(config: Config, agent: AgentName) {
    this.#config = config
    this.#agent = agent
  }

  take(entry: Entry & { readonly atMs: number }): void {
    if (entry.kind !== 'action.intent' && entry.kind !== 'action.refused') return
    const declared = this.#config.agents.get(this.#agent)
    if (entry.agent !== this.#agent || entry.environment !== declared?.environment) return
    if (entry.kind === 'action.intent') {
      const tools = this.#namesOf(entry)
      // What a person let through once was no grant's, and is none.
      if (entry.hold !== undefined) return
      if (tools.length > 0 && entry.undoes === undefined && entry.checks === undefined)
        this.#use(entry.upstream, tools, entry.atMs)
    } else if (entry.upstream === undefined) this.#seek(entry, 1 + (entry.more ?? 0))
    else this.#refuse(entry.upstream, this.#namesOf(entry), 1 + (entry.more ?? 0))
  }

  get value(): ReachedFor {
    const used = [...this.#used].map(([name, { tools, days }]): readonly [UpstreamName, UsedUpstream] => [
      name,
      { tools, callsOfDay: Math.max(...days.values()) },
    ])
    const refused = [...this.#refused.values()].filter(
      ({ upstream, tool }) => this.#used.get(upstream)?.tools.has(tool) !== true,
    )
    return { used: new Map(used), refused, places: this.#places }
  }

  /** Returns the declared operations that an entry is of; connections are no grant's. */
  #namesOf({
    upstream,
    operation,
    tool,
    alongside = [],
  }: {
    readonly upstream?: UpstreamName
    readonly operation?: Operation
    readonly tool?: ToolName
    readonly alongside?: readonly ToolName[]
  }): readonly ToolName[] {
    const known = upstream === undefined ? undefined : this.#config.upstreams.get(upstream)?.tools
    if (known === undefined || operation === undefined || tool === undefined || isConnection(operation)) return []
    return [tool, ...alongside].flatMap((each) => {
      const name = known.has(each) ? each : grantedName(operation, each)
      return known.has(name) ? [name] : []
    })
  }

  #use(upstream: UpstreamName, tools: readonly ToolName[], atMs: number): void {
    const own = this.#used.get(upstream) ?? { tools: new Set(), days: new Map() }
    this.#used.set(upstream, own)
    for (const tool of tools) own.tools.add(tool)
    const day = Math.floor(atMs / DAY_MS)
    own.days.set(day, (own.days.get(day) ?? 0) + 1)
  }

  #refuse(upstream: UpstreamName, tools: readonly ToolName[], times: number): void {
    for (const tool of tools) {
      const { effect } = this.#config.upstreams.get(upstream)?.tools.get(tool) ?? {}
      if (effect === undefined) continue
      const key = `${upstream} ${tool}`
      const before = this.#refused.get(key)?.times ?? 0
      this.#refused.set(key, { upstream, tool, effect, times: before + times })
    }
  }

  #seek({ args, reasons }: Pick<ActionRefused, 'args' | 'reasons'>, times: number): void {
    // The arguments of other refusals are whatever the cell wrote.
    const place = placeIn(reasons)
    if (place === undefined || !isJsonObject(args)) return
    const { method, target } = args
    if (typeof method !== 'string' || typeof target !== 'string') return
    const requests = this.#places.get(place) ?? new Map<string, number>()
    if (!this.#places.has(place) && this.#places.size >= PLACES_MAX) return
    this.#places.set(place, requests)
    // What stands in a query may be what somebody wanted to carry out.
    const request = `${method} ${target.replace(/[?#].*$/s, '')}`.replaceAll(/\s+/g, ' ').slice(0, CHARACTERS_MAX)
    if (!requests.has(request) && requests.size >= REQUESTS_MAX) return
    requests.set(request, (requests.get(request) ?? 0) + times)
  }
}

/** Returns the place that the door itself refused; undefined where it was something else. */
function placeIn(reasons: Json): string | undefined {
  for (const reason of Array.isArray(reasons) ? reasons : []) {
    if (!isJsonObject(reason) || reason.kind !== 'origin' || typeof reason.place !== 'string') continue
    return reason.place.replaceAll(/\s+/g, ' ').slice(0, CHARACTERS_MAX)
  }
  return undefined
}
