import { no, ok, type Result, type WrittenPrice } from '../../../model/index.ts'
import type { ModelAsked, PricedTerms } from './judge.ts'
import { PRICED } from './price-list.ts'
import type { ModelUsage } from './usage.ts'

/** Prices of one model. Rates are in millionths of a dollar for a million tokens: exact where a list has six places. */
export interface ModelPrice {
  readonly rates: ModelRates
  /** Rates of a whole request whose input has more tokens than `above`. */
  readonly long?: { readonly above: number; readonly rates: ModelRates }
  /** Percent of the rates, by what a request may ask: a tier, a speed, a place. */
  readonly percent: Readonly<Partial<Record<PriceTerm, number>>>
  /** One search of the provider's, in millionths of a dollar. */
  readonly search: bigint
  /** Tokens that it reads at most, and that one answer has at most. */
  readonly inputTokensMax: number
  readonly outputTokensMax: number
}

export type PriceTerm = 'priority' | 'flex' | 'fast' | 'us'

export interface ModelRates {
  readonly input: bigint
  readonly output: bigint
  readonly cacheRead: bigint
  readonly cacheWrite: bigint
  readonly cacheWriteLong: bigint
}

/** Prices by the name of a model, exactly as a request says it: a name that is not there has no price. */
export type ModelPrices = ReadonlyMap<string, ModelPrice>

/** Times that a provider asks its model for one request, where a tool of its own runs in between, and searches in them. */
export const ROUNDS_MAX = 10
const SEARCHES_MAX = 100
/** Millionths of a dollar for one search: of the providers that ask 10 dollars for a thousand, and of the one that asks 35. */
const SEARCH = 10_000n
const GOOGLE_SEARCH = 35_000n

/** Returns the catalogue, in which the owner's own prices stand before those of the list. */
export function modelPrices(own: ModelPrices = new Map()): ModelPrices {
  return new Map([...LIST, ...own])
}

/** The most tokens of a request, over all times that its provider asks the model for it. */
export interface MostTokens {
  readonly read: number
  readonly written: number
}

/**
 * Returns the most tokens that a request takes: each time, the model reads what was sent and what it has written before. What it
 * sums up is bounded by nothing but itself. No more is read at a time than a model reads: its provider refuses that.
 */
export function mostTokens(asked: ModelAsked, price: ModelPrice): MostTokens {
  const { dearer, inputTokensMax = price.inputTokensMax, besideTokensMax, outputTokensMax } = asked
  const answers = dearer.includes('sums') ? [price.outputTokensMax, outputTokensMax] : [outputTokensMax]
  const times = Array.from({ length: dearer.includes('rounds') ? ROUNDS_MAX : 1 }, () => answers).flat()
  return times.reduce(
    ({ read, written }, output) => ({
      read: read + Math.min(inputTokensMax + written, price.inputTokensMax) + besideTokensMax,
      written: written + output,
    }),
    { read: 0, written: 0 },
  )
}

/**
 * Returns the most that a request can cost, in units of a ten-thousandth of a dollar, rounded up: every token that is read at
 * its dearest, every token that may be written. Undefined where a price is not known.
 */
export function mostItCosts(prices: ModelPrices, asked: ModelAsked): bigint | undefined {
  const { model, operation, waysOut, priced } = asked
  if (operation === 'count' || operation === 'models') return 0n
  const price = model === undefined ? undefined : prices.get(model)
  if (price === undefined) return undefined
  const percent = percentAtMost(price, priced)
  if (percent === undefined) return undefined
  const { read, written } = mostTokens(asked, price)
  // Above the line the whole request has other rates, and both lists may have the dearer.
  const lists = price.long !== undefined && read > price.long.above ? [price.rates, price.long.rates] : [price.rates]
  const dearest = (of: (rates: ModelRates) => readonly bigint[]) =>
    lists.flatMap(of).reduce((most, rate) => (rate > most ? rate : most), 0n)
  const readRate = dearest((rates) => [rates.input, rates.cacheRead, rates.cacheWrite, rates.cacheWriteLong])
  const writtenRate = dearest((rates) => [rates.output])
  const tokens = (BigInt(read) * readRate + BigInt(written) * writtenRate) * percent
  const searches = waysOut.some((each) => SEARCHES.has(each)) ? SEARCHES_MAX : 0
  return unitsOf(tokens, BigInt(searches) * price.search)
}

/** Ways out in which a provider searches the web. */
const SEARCHES: ReadonlySet<string> = new Set(['web_search', 'server-tools'])

/**
 * Returns what a request did cost, in units of a ten-thousandth of a dollar, rounded up. Where another model answered than
 * was asked, the dearer price counts. Undefined where a price is not known.
 */
export function whatItCost(
  prices: ModelPrices,
  { model, priced }: Pick<ModelAsked, 'model' | 'priced'>,
  usage: ModelUsage,
): bigint | undefined {
  const asked = model === undefined ? undefined : prices.get(model)
  if (asked === undefined) return undefined
  const answered = usage.model === undefined ? undefined : prices.get(usage.model)
  const costs = (answered === undefined ? [asked] : [asked, answered]).map((price) => costAt(price, priced, usage))
  return costs.reduce((most, cost) =>
    most === undefined || cost === undefined ? undefined : cost > most ? cost : most,
  )
}

function costAt(price: ModelPrice, priced: PricedTerms, usage: ModelUsage): bigint | undefined {
  const percent = percentOf(price, {
    ...priced,
    ...(usage.tier !== undefined && { tier: usage.tier }),
    ...(usage.speed !== undefined && { speed: usage.speed }),
    ...(usage.geo !== undefined && { geo: usage.geo }),
  })
  if (percent === undefined) return undefined
  const read = usage.input + usage.cacheRead + usage.cacheWrite + usage.cacheWriteLong
  const rates = price.long !== undefined && read > price.long.above ? price.long.rates : price.rates
  const written = priced.longCache === true && usage.saysKept !== true ? rates.cacheWriteLong : rates.cacheWrite
  const sum =
    BigInt(usage.input) * rates.input +
    BigInt(usage.cacheRead) * rates.cacheRead +
    BigInt(usage.cacheWrite) * written +
    BigInt(usage.cacheWriteLong) * rates.cacheWriteLong +
    BigInt(usage.output) * rates.output
  return unitsOf(sum * percent, BigInt(usage.searches) * price.search)
}

/** A rate for a million tokens times percent of tier, speed and place, as parts of a unit. */
const PARTS = 100n ** 3n * 1_000_000n * 100n

function unitsOf(tokens: bigint, searches: bigint): bigint {
  const all = tokens + searches * 1_000_000n * 100n ** 3n
  return (all + PARTS - 1n) / PARTS
}

/** Names of tiers as requests and answers write them, and what they are charged as. */
const TIERS: Readonly<Record<string, PriceTerm | 'standard'>> = {
  ...{
    default: 'standard',
    standard: 'standard',
    standard_only: 'standard',
    unspecified: 'standard',
    auto: 'standard',
  },
  ...{ priority: 'priority', flex: 'flex' },
}

/** Returns the percent of tier, speed and place multiplied, as parts of a million; undefined for a term without a price. */
function percentOf(
  price: ModelPrice,
  { tier = 'default', speed = 'standard', geo = '' }: PricedTerms,
): bigint | undefined {
  const term = Object.hasOwn(TIERS, tier.toLowerCase()) ? TIERS[tier.toLowerCase()] : undefined
  if (term === undefined) return undefined
  const tierPercent = term === 'standard' ? 100 : price.percent[term]
  const speedPercent = speed === 'standard' ? 100 : speed === 'fast' ? price.percent.fast : undefined
  const geoPercent = geo === 'us' ? (price.percent.us ?? 100) : 100
  if (tierPercent === undefined || speedPercent === undefined) return undefined
  return BigInt(tierPercent) * BigInt(speedPercent) * BigInt(geoPercent)
}

/**
 * Returns the same for the most that it can be: what a request leaves to its account is taken at its dearest, and has no price
 * where that has none.
 */
function percentAtMost(price: ModelPrice, terms: PricedTerms): bigint | undefined {
  const { tier, geo } = terms
  const dearer = tier === 'auto' ? 'priority' : tier === 'flex' ? 'default' : tier
  const most = percentOf(price, {
    ...terms,
    ...(dearer !== undefined && { tier: dearer }),
    geo: geo === 'global' ? geo : 'us',
  })
  // A tier that the catalogue has no price of is refused, also where it would be taken for the default.
  return tier === 'flex' && price.percent.flex === undefined ? undefined : most
}

/** Returns the line of a configuration that gives a model a price. */
export function priceLine(model: string): string {
  return `prices: { ${JSON.stringify(model)}: { input: …, output: …, inputTokens: …, outputTokens: … } }`
}

/** Reads prices as an owner writes them; the error says which of them is none. */
export function readModelPrice(written: WrittenPrice): Result<ModelPrice, string> {
  const { input, output, cacheRead = input, cacheWrite = input, inputTokensMax, outputTokensMax } = written
  const { cacheWriteLong = cacheWrite } = written
  const texts = { input, output, cacheRead, cacheWrite, cacheWriteLong }
  const rates = { input: 0n, output: 0n, cacheRead: 0n, cacheWrite: 0n, cacheWriteLong: 0n }
  for (const name of ['input', 'output', 'cacheRead', 'cacheWrite', 'cacheWriteLong'] as const) {
    const rate = rateOf(texts[name])
    if (rate === undefined) return no(`${name} is no price: dollars for a million tokens, with at most six places`)
    rates[name] = rate
  }
  for (const [name, tokens] of Object.entries({ inputTokensMax, outputTokensMax }))
    if (!Number.isSafeInteger(tokens) || tokens < 1) return no(`${name} is no number of tokens`)
  return ok({ rates, percent: {}, search: GOOGLE_SEARCH, inputTokensMax, outputTokensMax })
}

function rateOf(text: string): bigint | undefined {
  const match = /^(\d{1,6})(?:\.(\d{1,6}))?$/.exec(text)
  return match === null ? undefined : BigInt(match[1] ?? '') * 1_000_000n + BigInt((match[2] ?? '').padEnd(6, '0'))
}

const LIST: ModelPrices = new Map(
  PRICED.flatMap(([names, rates, inputTokensMax, outputTokensMax, percent = {}, long]): [string, ModelPrice][] => {
    const price = {
      ...{ rates: listed(rates), percent, inputTokensMax, outputTokensMax },
      search: names.startsWith('gemini-') ? GOOGLE_SEARCH : SEARCH,
      ...(long !== undefined && { long: { above: long[0], rates: listed(long[1]) } }),
    }
    return names.split(' ').map((name) => [name, price])
  }),
)

/** Reads five prices of the list: input, output, read from a cache, written to one, and to one that keeps longer. */
function listed(text: string): ModelRates {
  const rates = text.split(' ').map(rateOf)
  const [input, output, cacheRead, cacheWrite, cacheWriteLong] = rates
  if (input === undefined || output === undefined || rates.length !== 5) throw new Error(`no prices: ${text}`)
  if (cacheRead === undefined || cacheWrite === undefined || cacheWriteLong === undefined)
    throw new Error(`no prices: ${text}`)
  return { input, output, cacheRead, cacheWrite, cacheWriteLong }
}
