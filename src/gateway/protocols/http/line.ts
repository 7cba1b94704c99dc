import type { Dispatcher } from 'undici'
import {
  type ActionId,
  type CatalogueTool,
  type CellId,
  type EnvironmentName,
  LIMITS,
  protocolName,
  type ToolName,
  type UpstreamName,
} from '../../../model/index.ts'
import type { Origin } from '../../origins/origin.ts'
import { poolTo } from '../../origins/pool.ts'
import type { Contract, Line } from '../../pipeline/line.ts'
import { contractOf, patternNamed } from './contract.ts'
import { PatternTable } from './pattern.ts'

export const HTTP_NAME = protocolName('http')

export interface HttpLineOptions {
  readonly name: UpstreamName
  readonly environment: EnvironmentName
  readonly origin: Origin
  readonly requests: Iterable<readonly [ToolName, CatalogueTool]>
  /** Names, in lower case, of the headers that are put into each request. */
  readonly injected: readonly string[]
  /** Returns those headers with secrets in them. */
  readonly headers: () => ReadonlyMap<string, string>
  /** Certificates in PEM that alone are trusted to speak for it; absent: those that this host trusts. */
  readonly ca?: string
  /** Places of other environments, which nothing of this one reaches by whatever name. */
  readonly elsewhere: readonly string[]
  /** The reason why it is left out; nothing connects to it. */
  readonly down?: string
}

/** One origin of a cell's, whose operations are requests. Nobody connects to it before a request of it is let through. */
export class HttpLine implements Line {
  readonly name: UpstreamName
  readonly environment: EnvironmentName
  readonly protocol = HTTP_NAME
  readonly definitionProblems = new Map<string, never>()
  readonly contracts: ReadonlyMap<ToolName, Contract>
  readonly underWay = new Map<ActionId, CellId>()
  readonly origin: Origin
  readonly patterns: PatternTable
  readonly down: string | undefined
  readonly injected: readonly string[]
  readonly #options: HttpLineOptions
  #pool: Dispatcher | undefined

  constructor(options: HttpLineOptions) {
    const requests = [...options.requests]
    this.#options = options
    this.name = options.name
    this.environment = options.environment
    this.origin = options.origin
    this.down = options.down
    this.injected = options.injected
    this.contracts = new Map(requests.map(([name, tool]) => [name, contractOf(tool)]))
    this.patterns = new PatternTable(requests.map(([name]) => patternNamed(name)))
  }

  contract(name: ToolName): Contract | undefined {
    return this.contracts.get(name)
  }

  /** Returns the headers that are put into each request. Throws where one of their secrets is not there: it is down. */
  get headers(): ReadonlyMap<string, string> {
    return this.#options.headers()
  }

  /** Returns the client of the origin; its connections are dialled when a request leaves. */
  get pool(): Dispatcher {
    const { origin, ca, elsewhere } = this.#options
    this.#pool ??= poolTo(new URL(origin.text), {
      elsewhere,
      // Whoever wrote down an origin may mean one of their own network.
      mayBePrivate: true,
      ...(ca !== undefined && { ca }),
      caKey: 'http: { ca: ./ca.pem }',
      connectionsMax: LIMITS.originConnectionsMax,
      silenceMsMax: SILENCE_MS_MAX,
      headerBytesMax: LIMITS.webHeaderBytesMax,
    })
    return this.#pool
  }

  /** Has the next request connect anew; those under way may end. */
  disconnected(): void {
    const before = this.#pool
    this.#pool = undefined
    before?.close().catch(() => undefined)
  }

  close(): void {
    const before = this.#pool
    this.#pool = undefined
    before?.destroy().catch(() => undefined)
  }
}

/** Milliseconds that an origin may be silent: a model thinks for minutes before its first word. */
const SILENCE_MS_MAX = 600_000
