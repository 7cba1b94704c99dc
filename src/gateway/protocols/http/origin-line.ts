import { createHash } from 'node:crypto'
import type { Dispatcher } from 'undici'
import {
  type ActionId,
  type Amounts,
  type CatalogueTool,
  type CellId,
  type DeclaredTool,
  type EnvironmentName,
  type JsonObject,
  type ProtocolName,
  sha256,
  type ToolName,
  type UpstreamName,
} from '../../../model/index.ts'
import { answerSchema, argumentSchema } from '../../content/accepted-schemas.ts'
import type { CompiledSchema } from '../../content/schema.ts'
import type { UpstreamSetup } from '../../link/setup.ts'
import { type Origin, readOrigin } from '../../origins/origin.ts'
import type { Contract, Line } from '../../pipeline/line.ts'
import type { WebPlace } from '../../web/web-request.ts'
import type { DialOptions, LineOptions } from '../protocol.ts'
import { OriginClient } from './origin-client.ts'
import type { Reached } from './send-request.ts'

export interface OriginLineOptions {
  readonly name: UpstreamName
  readonly environment: EnvironmentName
  readonly origin: Origin
  readonly tools: Iterable<readonly [ToolName, CatalogueTool]>
  /** Returns the headers that are put into each request, with secrets in them. */
  readonly headers: () => ReadonlyMap<string, string>
  /** Certificates in PEM that alone are trusted to speak for it; absent: those that this host trusts. */
  readonly ca?: string
  /** Places of other environments, which nothing of this one reaches by whatever name. */
  readonly elsewhere: readonly string[]
  /** The reason why it is left out; nothing connects to it. */
  readonly down?: string
}

/**
 * Returns what a line to an origin is opened with, whatever it speaks, and tells of one that is left out. `injected` changes
 * the value of a header once its secrets are in it. @throws {Error} of an upstream that is no origin: its setup was judged.
 */
export function originOptions(
  { name, server, tools, down }: UpstreamSetup,
  { environment, onStand }: Pick<LineOptions, 'environment' | 'onStand'>,
  { secrets, elsewhere }: Pick<DialOptions, 'secrets' | 'elsewhere'>,
  injected: (header: string, value: string) => string = (_, value) => value,
): OriginLineOptions {
  if (down !== undefined) onStand(down)
  if (server.kind !== 'origin') throw new Error(`${name} is no origin of the web`)
  return {
    name,
    environment,
    origin: originAt(name, server.url),
    tools,
    headers: () =>
      new Map(
        server.headers.map(([header, value]) => [header, injected(header, secrets.inject(value, server.secrets))]),
      ),
    elsewhere,
    ...(server.ca !== undefined && { ca: server.ca }),
    ...(down !== undefined && { down }),
  }
}

/** Returns the origin of a URL that the configuration names. @throws {Error} of one that cannot be read. */
export function originAt(name: UpstreamName, url: string): Origin {
  const origin = readOrigin(new URL(url).origin)
  if (!origin.ok) throw new Error(`${name}: ${origin.reason}`)
  return origin.value
}

/** The part of a line that its protocol names: its own name, and the key of the configuration that it stands under. */
interface Spoken {
  readonly protocol: ProtocolName
  readonly key: string
  /** The most that each of its operations takes of measures that its protocol counts. */
  readonly most?: Amounts
}

/** A line to an origin of the web. Nobody connects to it before a request of it is let through. */
export abstract class OriginLine implements Line, Reached {
  readonly name: UpstreamName
  readonly environment: EnvironmentName
  readonly protocol: ProtocolName
  readonly definitionProblems = new Map<string, never>()
  readonly contracts: ReadonlyMap<ToolName, Contract>
  readonly underWay = new Map<ActionId, CellId>()
  readonly origin: Origin
  readonly down: string | undefined
  readonly #headers: OriginLineOptions['headers']
  readonly #client: OriginClient

  constructor(options: OriginLineOptions, { protocol, key, most }: Spoken) {
    this.name = options.name
    this.environment = options.environment
    this.protocol = protocol
    this.origin = options.origin
    this.down = options.down
    this.contracts = new Map([...options.tools].map(([name, tool]) => [name, contractOf(tool, most)]))
    this.#headers = options.headers
    this.#client = new OriginClient({ ...options, caKey: `${key}: { ca: ./ca.pem }` })
  }

  /** Tells whether a program of a cell that reaches for a place means this origin. */
  isAt({ scheme, host, port }: WebPlace): boolean {
    const { origin } = this
    return scheme === origin.scheme && host === origin.host && port === origin.port
  }

  contract(name: ToolName): Contract | undefined {
    return this.contracts.get(name)
  }

  /** Returns the headers that are put into each request. Throws where one of their secrets is not there: it is down. */
  get headers(): ReadonlyMap<string, string> {
    return this.#headers()
  }

  /** Returns the client of the origin; its connections are dialled when a request leaves. */
  get pool(): Dispatcher {
    return this.#client.pool
  }

  /** Makes a connection of its own, for what goes on after one answer. */
  dial(...options: Parameters<OriginClient['dial']>): ReturnType<OriginClient['dial']> {
    return this.#client.dial(...options)
  }

  disconnected(): void {
    this.#client.disconnected()
  }

  close(): void {
    this.#client.close()
  }
}

/**
 * Returns operations of an origin as a person may grant them. There is no definition to accept: what an operation is asked
 * with is its protocol's, or stands in its pattern.
 */
export function ownOperations(
  tools: Iterable<DeclaredTool>,
  inputOf: (tool: DeclaredTool) => JsonObject,
): ReadonlyMap<ToolName, CatalogueTool> {
  return new Map(
    [...tools].map((declared) => {
      const { name } = declared
      const input = inputOf(declared)
      const definition: JsonObject = { name, input }
      const digest = sha256(createHash('sha256').update(JSON.stringify(definition)).digest('hex'))
      return [name, { declared, pinned: { name, digest, definition, input } }] as const
    }),
  )
}

/**
 * Returns the contract of an operation, by which the pipeline judges and charges it. Schemas are compiled at the first use:
 * most cells use few of an origin's operations.
 */
function contractOf(tool: CatalogueTool, most: Amounts | undefined): Contract {
  const { declared, pinned } = tool
  const output = pinned?.output
  let [arguments_, answer]: [CompiledSchema?, CompiledSchema?] = []
  return {
    declared,
    ...(pinned && { pinned }),
    ...(most && { most }),
    get input() {
      if (pinned?.input !== undefined) arguments_ ??= argumentSchema(pinned.input, tool)
      return arguments_
    },
    judge: ({ said, failed }) => {
      if (failed || said === null || output === undefined) return undefined
      answer ??= answerSchema(output)
      const fault = answer.check(said)
      return fault === undefined ? undefined : `it breaks its definition: ${fault.path} ${fault.problem}`
    },
  }
}
