import type { Dispatcher } from 'undici'
import {
  type ActionId,
  type CatalogueTool,
  type CellId,
  type EnvironmentName,
  protocolName,
  type ToolName,
  type UpstreamName,
} from '../../../model/index.ts'
import type { Origin } from '../../origins/origin.ts'
import type { Contract, Line } from '../../pipeline/line.ts'
import type { WebPlace } from '../../web/web-request.ts'
import { contractOf, patternNamed } from './contract.ts'
import { OriginClient } from './origin-client.ts'
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
  readonly #client: OriginClient

  constructor(options: HttpLineOptions) {
    const requests = [...options.requests]
    this.#options = options
    this.#client = new OriginClient({ ...options, caKey: 'http: { ca: ./ca.pem }' })
    this.name = options.name
    this.environment = options.environment
    this.origin = options.origin
    this.down = options.down
    this.injected = options.injected
    this.contracts = new Map(requests.map(([name, tool]) => [name, contractOf(tool)]))
    this.patterns = new PatternTable(requests.map(([name]) => patternNamed(name)))
  }

  /** Tells whether a program of a cell that reaches for a place means this origin. */
  isAt({ scheme, host, port }: WebPlace): boolean {
    const { origin } = this
    return origin.scheme === scheme && origin.host === host && origin.port === port
  }

  contract(name: ToolName): Contract | undefined {
    return this.contracts.get(name)
  }

  /** Returns the headers that are put into each request. Throws where one of their secrets is not there: it is down. */
  get headers(): ReadonlyMap<string, string> {
    return this.#options.headers()
  }

  get pool(): Dispatcher {
    return this.#client.pool
  }

  disconnected(): void {
    this.#client.disconnected()
  }

  close(): void {
    this.#client.close()
  }
}
