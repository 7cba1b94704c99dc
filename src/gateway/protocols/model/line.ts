import type { Dispatcher } from 'undici'
import {
  type ActionId,
  type CatalogueTool,
  type CellId,
  type EnvironmentName,
  MODEL_PROVIDERS,
  type ModelTerms,
  protocolName,
  type ToolName,
  type UpstreamName,
} from '../../../model/index.ts'
import type { Origin } from '../../origins/origin.ts'
import type { Contract, Line } from '../../pipeline/line.ts'
import type { WebPlace } from '../../web/web-request.ts'
import { OriginClient } from '../http/origin-client.ts'
import { modelContractOf } from './contract.ts'
import { type ModelPrice, type ModelPrices, modelPrices, readModelPrice } from './prices.ts'
import type { ModelProvider } from './provider.ts'
import { ANTHROPIC } from './providers/anthropic.ts'
import { GOOGLE } from './providers/google.ts'
import { OPENAI, OPENAI_COMPATIBLE } from './providers/openai.ts'

export const MODEL_NAME = protocolName('model')

export interface ModelLineOptions {
  readonly name: UpstreamName
  readonly environment: EnvironmentName
  /** The origin that requests are sent to. */
  readonly origin: Origin
  readonly terms: ModelTerms
  readonly tools: Iterable<readonly [ToolName, CatalogueTool]>
  /** Returns the headers that are put into each request, with secrets in them. */
  readonly headers: () => ReadonlyMap<string, string>
  readonly ca?: string
  readonly elsewhere: readonly string[]
  /** The reason why it is left out; nothing connects to it. */
  readonly down?: string
}

/** One provider of models, as programs of a cell find it at its own name. */
export class ModelLine implements Line {
  readonly name: UpstreamName
  readonly environment: EnvironmentName
  readonly protocol = MODEL_NAME
  readonly definitionProblems = new Map<string, never>()
  readonly contracts: ReadonlyMap<ToolName, Contract>
  readonly underWay = new Map<ActionId, CellId>()
  readonly origin: Origin
  readonly provider: ModelProvider
  readonly prices: ModelPrices
  readonly terms: ModelTerms
  readonly down: string | undefined
  readonly #headers: ModelLineOptions['headers']
  readonly #client: OriginClient

  constructor(options: ModelLineOptions) {
    const { terms, origin, tools } = options
    this.name = options.name
    this.environment = options.environment
    this.origin = origin
    this.terms = terms
    this.down = options.down
    this.provider = PROVIDERS[terms.provider]
    this.prices = modelPrices(ownPrices(terms))
    this.contracts = new Map([...tools].map(([name, tool]) => [name, modelContractOf(tool)]))
    this.#headers = options.headers
    this.#client = new OriginClient({ ...options, caKey: 'model: { ca: ./ca.pem }' })
  }

  /** Tells whether a program of a cell that reaches for a place means this provider. */
  isAt({ scheme, host, port }: WebPlace): boolean {
    const known = MODEL_PROVIDERS[this.terms.provider].host
    if (known !== '') return scheme === 'https' && host === known && port === 443
    return scheme === this.origin.scheme && host === this.origin.host && port === this.origin.port
  }

  /** Tells whether a model of that name may be asked. */
  mayAsk(model: string): boolean {
    return this.terms.models.some((name) => (name.endsWith('*') ? model.startsWith(name.slice(0, -1)) : model === name))
  }

  contract(name: ToolName): Contract | undefined {
    return this.contracts.get(name)
  }

  /** Returns the headers that are put into each request. Throws where one of their secrets is not there: it is down. */
  get headers(): ReadonlyMap<string, string> {
    return this.#headers()
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

const PROVIDERS: Readonly<Record<ModelTerms['provider'], ModelProvider>> = {
  anthropic: ANTHROPIC,
  openai: OPENAI,
  google: GOOGLE,
  compatible: OPENAI_COMPATIBLE,
}

function ownPrices({ prices }: ModelTerms): ModelPrices {
  const own = new Map<string, ModelPrice>()
  for (const [name, written] of prices) {
    const price = readModelPrice(written)
    if (!price.ok) throw new Error(`${name}: ${price.reason}`) // the configuration was judged by the same rule
    own.set(name, price.value)
  }
  return own
}
