import { LIMITS, MODEL_PROVIDER_NAMES } from '../model/index.ts'
import { atMost, list, map, object, oneOf, optional, required, scalarOrNull, text, whole } from './shape.ts'

/** The shape of `model:` under an upstream. */

const price = scalarOrNull('dollars for a million tokens, like 3 or 0.25, with at most six places', (value) =>
  typeof value !== 'boolean' && /^\d{1,6}(?:\.\d{1,6})?$/.test(String(value)) ? String(value) : undefined,
)
const tokens = (about: string) => whole(about, 1, 1_000_000_000)

const modelName = text('the name of a model, as requests say it', (t) =>
  /^[A-Za-z0-9][\w./:@+-]{0,199}$/.test(t) ? t : undefined,
)

export const modelFields = {
  provider: required(
    oneOf('whose interface it speaks', MODEL_PROVIDER_NAMES),
    'programs find it at its own name; a compatible server, which speaks chat completions, at its url',
  ),
  models: required(
    atMost(
      LIMITS.modelNamesMax,
      list(
        'names of models that may be asked',
        text('the name of a model, or how names begin: claude-*', (t) =>
          /^[A-Za-z0-9][\w./:@+-]{0,199}\*?$/.test(t) ? t : undefined,
        ),
      ),
    ),
    'models that may be asked, by name; a star at the end stands for all that begin so',
  ),
  prices: optional(
    map(
      'prices by the name of a model',
      modelName,
      object('prices of a model, in dollars for a million tokens', {
        input: required(price),
        output: required(price),
        cacheRead: optional(price, 'absent: as input'),
        cacheWrite: optional(price, 'absent: as input'),
        cacheWriteLong: optional(price, 'of a cache that keeps for an hour; absent: as cacheWrite'),
        inputTokens: required(tokens('tokens that it reads at most')),
        outputTokens: required(tokens('tokens of an answer at most')),
      }),
    ),
    'stand before those of the catalogue; a model without a price is not asked',
  ),
  keep: optional(
    oneOf('what the ledger keeps of conversations', ['payloads', 'digests'] as const),
    'digests: what was said is committed to, and stands nowhere; absent: payloads',
  ),
}
