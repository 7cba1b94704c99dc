import { type ModelProviderName, type ModelWayOut, ok, type Result } from '../../../model/index.ts'
import { judgeModelRequest, type ModelAsked, type ModelFault, type ModelLimits, type ModelRequest } from './judge.ts'
import { modelPrices } from './prices.ts'
import type { ModelProvider } from './provider.ts'
import { ANTHROPIC } from './providers/anthropic.ts'
import { GOOGLE } from './providers/google.ts'
import { OPENAI, OPENAI_COMPATIBLE } from './providers/openai.ts'

/** A request to a provider that is to be judged, as plain data. */
export interface ModelJob extends Omit<ModelRequest, 'body'> {
  readonly provider: ModelProviderName
  /** The body, decoded; empty where it has none. */
  readonly bytes: Uint8Array
  readonly hasBody: boolean
  /** Ways out that are granted. */
  readonly granted: readonly ModelWayOut[]
  /** Names of headers that the owner puts in. */
  readonly injected: readonly string[]
  /** The most tokens that models read and answer, of those that the owner has written down. */
  readonly limits: ReadonlyMap<string, ModelLimits>
}

/** The tables of providers, by the names that configurations have for them. */
export const PROVIDERS: Readonly<Record<ModelProviderName, ModelProvider>> = {
  anthropic: ANTHROPIC,
  openai: OPENAI,
  google: GOOGLE,
  compatible: OPENAI_COMPATIBLE,
}

const LISTED = modelPrices()

/** Judges a request by its provider's table. Pure, and a matter of the body's length: see `ModelDesk`. */
export function judgeModelJob({
  provider,
  bytes,
  hasBody,
  granted,
  injected,
  limits,
  ...request
}: ModelJob): Result<Result<ModelAsked, ModelFault>, string> {
  return ok(
    judgeModelRequest(
      PROVIDERS[provider],
      { ...request, body: hasBody ? bytes : undefined },
      {
        granted: new Set(granted),
        injected: new Set(injected),
        limitsOf: (model) => limits.get(model) ?? LISTED.get(model),
      },
    ),
  )
}
