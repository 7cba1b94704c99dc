/**
 * Interfaces of models that an origin may speak: the host that programs know each by, the header that the owner's key goes
 * into, and what stands before it.
 */
export const MODEL_PROVIDERS = {
  anthropic: { host: 'api.anthropic.com', header: 'x-api-key', prefix: '' },
  openai: { host: 'api.openai.com', header: 'authorization', prefix: 'Bearer ' },
  google: { host: 'generativelanguage.googleapis.com', header: 'x-goog-api-key', prefix: '' },
  /** Chat completions of another server, at its own place. */
  compatible: { host: '', header: 'authorization', prefix: 'Bearer ' },
} as const

export type ModelProviderName = keyof typeof MODEL_PROVIDERS

export const MODEL_PROVIDER_NAMES: readonly ModelProviderName[] = Object.keys(MODEL_PROVIDERS) as ModelProviderName[] // the keys of a constant

/** Things that a provider is asked for, by the names that grants have for them. */
export const MODEL_OPERATIONS = ['generate', 'count', 'models'] as const

/** A thing that a path of a provider does. */
export type ModelOperation = (typeof MODEL_OPERATIONS)[number]

/** Currency of every price: providers have one list, in dollars. */
export const MODEL_CURRENCY = 'USD'

/** The price of a model as an owner writes it: dollars for a million tokens, in decimals of at most six places. */
export interface WrittenPrice {
  readonly input: string
  readonly output: string
  /** Absent: as input that is read anew. */
  readonly cacheRead?: string
  readonly cacheWrite?: string
  readonly cacheWriteLong?: string
  readonly inputTokensMax: number
  readonly outputTokensMax: number
}

/** An interface of models that an origin speaks, and what its owner says of it. */
export interface ModelTerms {
  readonly provider: ModelProviderName
  /** Names of models that may be asked; one that ends in an asterisk stands for all that begin as it does. */
  readonly models: readonly string[]
  /** Prices that stand before those of the catalogue, by the name of the model. */
  readonly prices: ReadonlyMap<string, WrittenPrice>
  /** True where the ledger keeps what was asked; else only the digest of it. */
  readonly kept: boolean
}

/** Ways out that a provider offers beside an answer of its model; each is closed until it is granted by its name. */
export type ModelWayOut = (typeof MODEL_WAYS_OUT)[number]

export const MODEL_WAYS_OUT = [
  /** Searches of the web, and of maps, that the provider makes. */
  'web_search',
  /** Pages that the provider fetches. */
  'web_fetch',
  /** Programs that run at the provider. */
  'code_execution',
  /** Servers of MCP and connectors that the provider calls. */
  'mcp',
  /** Files that are kept at the provider, and searches in them. */
  'files',
  'batches',
  /** State that is kept at the provider and read by a later request: its input is not bounded by what is sent. */
  'stored',
  /** Pictures and documents that the provider fetches. */
  'url-sources',
  /** Any other tool that runs at the provider. */
  'server-tools',
  /** Keys, members, webhooks, agents, fine-tuning: what else an account can do. */
  'admin',
] as const

/** Ways out by which something is kept at the provider that another request, of anybody with the account, may read. */
export const MODEL_WAYS_THAT_KEEP: readonly ModelWayOut[] = [
  'code_execution',
  'files',
  'batches',
  'stored',
  'server-tools',
  'admin',
]
