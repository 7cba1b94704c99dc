import { MODEL_PROVIDERS, type ModelTerms, protocolName } from '../../../model/index.ts'
import type { WebPlace } from '../../web/web-request.ts'
import { OriginLine, type OriginLineOptions } from '../http/origin-line.ts'
import type { ModelLimits } from './judge.ts'
import type { ModelDesk } from './model-desk.ts'
import { PROVIDERS } from './model-work.ts'
import { type ModelPrice, type ModelPrices, modelPrices, readModelPrice } from './prices.ts'
import type { ModelProvider } from './provider.ts'

export const MODEL_NAME = protocolName('model')

export interface ModelLineOptions extends OriginLineOptions {
  readonly terms: ModelTerms
  /** Names, in lower case, of the headers that are put into each request. */
  readonly injected: readonly string[]
  /** The desk at which all requests of its gateway to models are judged. */
  readonly desk: ModelDesk
}

/** One provider of models, as programs of a cell find it at its own name, wherever requests are sent. */
export class ModelLine extends OriginLine {
  readonly provider: ModelProvider
  readonly prices: ModelPrices
  /** The most tokens of models whose prices stand in the configuration. */
  readonly ownLimits: ReadonlyMap<string, ModelLimits>
  readonly terms: ModelTerms
  readonly desk: ModelDesk
  readonly injected: readonly string[]

  constructor(options: ModelLineOptions) {
    super(options, { protocol: MODEL_NAME, key: 'model' })
    this.terms = options.terms
    this.desk = options.desk
    this.injected = options.injected
    this.provider = PROVIDERS[options.terms.provider]
    const own = ownPrices(options.terms)
    this.ownLimits = new Map([...own].map(([name, price]) => [name, limitsOf(price)]))
    this.prices = modelPrices(own)
  }

  override isAt(place: WebPlace): boolean {
    const known = MODEL_PROVIDERS[this.terms.provider].host
    if (known === '') return super.isAt(place)
    return place.scheme === 'https' && place.host === known && place.port === 443
  }

  /** Tells whether a model of that name may be asked. */
  mayAsk(model: string): boolean {
    return this.terms.models.some((name) => (name.endsWith('*') ? model.startsWith(name.slice(0, -1)) : model === name))
  }
}

function limitsOf({ inputTokensMax, outputTokensMax }: ModelPrice): ModelLimits {
  return { inputTokensMax, outputTokensMax }
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
