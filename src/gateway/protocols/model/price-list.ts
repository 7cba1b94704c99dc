/**
 * What providers charge for their models, in dollars for a million tokens: input, output, input that is read from a cache,
 * written to one, and written to one that keeps it longer. Taken from the list of litellm 1.110.2, which names the pages of
 * the providers; an owner's configuration stands before it.
 */
export const PRICES_VERSION = '2026-11-30'

/**
 * Names of models that cost the same; prices; the most tokens of input and of output; percent of them for tiers, speeds and
 * places; and the prices of a request whose input has more tokens than so many.
 */
type Priced = readonly [
  names: string,
  rates: string,
  inputTokensMax: number,
  outputTokensMax: number,
  percent?: Readonly<Partial<Record<'priority' | 'flex' | 'fast' | 'us', number>>>,
  long?: readonly [above: number, rates: string],
]

export const PRICED: readonly Priced[] = [
  ['claude-fable-5 claude-mythos-5 claude-mythos-preview', '10 50 1 12.5 20', 1_000_000, 128_000, { us: 110 }],
  ['claude-fable-5-1 claude-mythos-5-1', '10 50 0.25 12.5 20', 1_000_000, 128_000, { us: 110 }],
  ['claude-haiku-4-5 claude-haiku-4-5-20251001', '1 5 0.1 1.25 2', 200_000, 64_000],
  ['claude-haiku-5-5', '0.1 0.5 0.01 0.125 0.2', 1_000_000, 128_000, { us: 110 }, [100_000, '0.5 2.5 0.05 0.625 1']],
  ['claude-opus-4-5 claude-opus-4-5-20251101', '5 25 0.5 6.25 10', 200_000, 64_000],
  [
    'claude-opus-4-6 claude-opus-4-6-20260205 claude-opus-4-7 claude-opus-4-7-20260416',
    '5 25 0.5 6.25 10',
    1_000_000,
    128_000,
    { us: 110 },
  ],
  ['claude-opus-4-8 claude-opus-5', '5 25 0.5 6.25 10', 1_000_000, 128_000, { fast: 200, us: 110 }],
  ['claude-opus-5-5', '4 20 0.2 5 8', 1_000_000, 128_000, { fast: 200, us: 110 }],
  ['claude-sonnet-4-5 claude-sonnet-4-5-20250929', '3 15 0.3 3.75 6', 200_000, 64_000],
  ['claude-sonnet-4-6', '3 15 0.3 3.75 6', 1_000_000, 128_000, { us: 110 }],
  ['claude-sonnet-5', '2 10 0.2 2.5 4', 1_000_000, 128_000, { us: 110 }],
  ['claude-sonnet-5-5', '2 10 0.1 2.5 4', 1_000_000, 128_000, { us: 110 }],
  [
    'gemini-2.5-flash gemini-3.5-flash-lite gemini-flash-lite-latest',
    '0.3 2.5 0.03 0.3 0.3',
    1_048_576,
    65_536,
    { priority: 180, flex: 50 },
  ],
  ['gemini-2.5-flash-lite', '0.1 0.4 0.01 0.1 0.1', 1_048_576, 65_536, { priority: 180, flex: 50 }],
  [
    'gemini-2.5-pro',
    '1.25 10 0.125 1.25 1.25',
    1_048_576,
    65_536,
    { priority: 180, flex: 50 },
    [200_000, '2.5 15 0.25 2.5 2.5'],
  ],
  ['gemini-3-flash-preview', '0.5 3 0.05 0.5 0.5', 1_048_576, 65_536, { priority: 180, flex: 50 }],
  [
    'gemini-3.1-flash-lite gemini-3.1-flash-lite-preview',
    '0.25 1.5 0.025 0.25 0.25',
    1_048_576,
    65_536,
    { priority: 180, flex: 50 },
  ],
  [
    'gemini-3.1-pro-preview gemini-3.1-pro-preview-customtools gemini-pro-latest',
    '2 12 0.2 2 2',
    1_048_576,
    65_536,
    { priority: 180, flex: 50 },
    [200_000, '4 18 0.4 4 4'],
  ],
  ['gemini-3.5-flash', '1.5 9 0.15 1.5 1.5', 1_048_576, 65_536, { priority: 180, flex: 50 }],
  [
    'gemini-3.6-flash gemini-flash-latest gemini-3.7-flash gemini-3.8-flash',
    '0.75 3.75 0.075 0.75 0.75',
    1_048_576,
    65_536,
    { priority: 180, flex: 50 },
  ],
  ['gpt-4.1 gpt-4.1-2025-04-14', '2 8 0.5 2 2', 1_047_576, 32_768, { priority: 175 }],
  ['gpt-4.1-mini gpt-4.1-mini-2025-04-14', '0.4 1.6 0.1 0.4 0.4', 1_047_576, 32_768, { priority: 175 }],
  ['gpt-4o gpt-4o-2024-08-06 gpt-4o-2024-11-20', '2.5 10 1.25 2.5 2.5', 128_000, 16_384, { priority: 170 }],
  ['gpt-4o-mini gpt-4o-mini-2024-07-18', '0.15 0.6 0.075 0.15 0.15', 128_000, 16_384, { priority: 167 }],
  [
    'gpt-5 gpt-5-2025-08-07 gpt-5.1 gpt-5.1-2025-11-13',
    '1.25 10 0.125 1.25 1.25',
    272_000,
    128_000,
    { priority: 200, flex: 50 },
  ],
  ['gpt-5-chat-latest gpt-5.1-chat-latest', '1.25 10 0.125 1.25 1.25', 128_000, 16_384],
  ['gpt-5-codex', '1.25 10 0.125 1.25 1.25', 272_000, 128_000],
  ['gpt-5-mini gpt-5-mini-2025-08-07', '0.25 2 0.025 0.25 0.25', 272_000, 128_000, { priority: 180, flex: 50 }],
  ['gpt-5-nano gpt-5-nano-2025-08-07', '0.05 0.4 0.005 0.05 0.05', 272_000, 128_000, { flex: 50 }],
  ['gpt-5-pro gpt-5-pro-2025-10-06', '15 120 15 15 15', 400_000, 272_000],
  ['gpt-5.1-codex gpt-5.1-codex-max', '1.25 10 0.125 1.25 1.25', 400_000, 128_000],
  ['gpt-5.1-codex-mini', '0.25 2 0.025 0.25 0.25', 400_000, 128_000],
  ['gpt-5.2 gpt-5.2-2025-12-11', '1.75 14 0.175 1.75 1.75', 272_000, 128_000, { priority: 200, flex: 50 }],
  ['gpt-5.2-chat-latest gpt-5.3-chat-latest', '1.75 14 0.175 1.75 1.75', 128_000, 16_384],
  ['gpt-5.2-codex', '1.75 14 0.175 1.75 1.75', 272_000, 128_000],
  ['gpt-5.2-pro gpt-5.2-pro-2025-12-11', '21 168 21 21 21', 272_000, 128_000],
  ['gpt-5.3-codex', '1.75 14 0.175 1.75 1.75', 272_000, 128_000, { priority: 200 }],
  [
    'gpt-5.4 gpt-5.4-2026-03-05',
    '2.5 15 0.25 2.5 2.5',
    1_050_000,
    128_000,
    { priority: 200, flex: 50 },
    [272_000, '5 22.5 0.5 5 5'],
  ],
  ['gpt-5.4-mini gpt-5.4-mini-2026-03-17', '0.75 4.5 0.075 0.75 0.75', 272_000, 128_000, { priority: 200, flex: 50 }],
  ['gpt-5.4-nano gpt-5.4-nano-2026-03-17', '0.2 1.25 0.02 0.2 0.2', 272_000, 128_000, { flex: 50 }],
  ['gpt-5.4-pro gpt-5.5-pro', '30 180 30 30 30', 1_050_000, 128_000, { flex: 50 }, [272_000, '60 270 60 60 60']],
  [
    'gpt-5.5 gpt-5.5-2026-04-23',
    '5 30 0.5 5 5',
    1_050_000,
    128_000,
    { priority: 250, flex: 50 },
    [272_000, '10 45 1 10 10'],
  ],
  ['gpt-5.6 gpt-5.6-sol', '4 20 0.4 5 10', 922_000, 128_000, { priority: 200, flex: 50 }, [272_000, '8 30 0.8 10 20']],
  [
    'gpt-5.6-luna',
    '0.2 1.2 0.02 0.25 0.5',
    922_000,
    128_000,
    { priority: 200, flex: 50 },
    [272_000, '0.4 1.8 0.04 0.5 1'],
  ],
  ['gpt-5.6-terra', '2 12 0.2 2.5 5', 922_000, 128_000, { priority: 200, flex: 50 }, [272_000, '4 18 0.4 5 10']],
  ['o3', '2 8 0.5 2 2', 200_000, 100_000, { priority: 175, flex: 50 }],
  ['o4-mini', '1.1 4.4 0.275 1.1 1.1', 200_000, 100_000, { priority: 182, flex: 50 }],
  ['gpt-6-astra', '10 50 1 12.5 25', 922_000, 128_000, { priority: 200, flex: 50 }, [272_000, '20 75 2 25 50']],
  [
    'gpt-6-luna',
    '0.1 0.5 0.01 0.125 0.25',
    922_000,
    128_000,
    { priority: 200, flex: 50 },
    [272_000, '0.2 0.75 0.02 0.25 0.5'],
  ],
  ['gpt-6-sol', '2 10 0.2 2.5 5', 922_000, 128_000, { priority: 200, flex: 50 }, [272_000, '4 15 0.4 5 10']],
  ['gpt-6.1-sol', '2 10 0.1 2.5 5', 922_000, 128_000, { priority: 200, flex: 50 }, [272_000, '4 15 0.2 5 10']],
  ['gpt-6.1-terra', '1 5 0.05 1.25 2.5', 922_000, 128_000, { priority: 200, flex: 50 }, [272_000, '2 7.5 0.1 2.5 5']],
]

/** The most tokens of one picture. `beside`: they are charged beyond what a model reads at all. */
interface PictureTokens {
  readonly tokens: number
  readonly beside: boolean
}

/**
 * The tokens of pictures, by what stands in a model's name; the first that does. Providers make larger pictures smaller:
 * gpt-4o-mini is charged 2,833 and 5,667 for each of 8 tiles, Gemini 2 has 258 for each of 256 tiles of a picture that is one
 * row, and no other more than a vision model that takes 12.8 million pixels at 28 × 28 for a token.
 */
const PICTURES: readonly (readonly [part: string, tokens: PictureTokens])[] = [
  ['gpt-4o-mini', { tokens: 48_169, beside: true }],
  ['gemini-2', { tokens: 66_048, beside: false }],
]
const OTHER_PICTURES: PictureTokens = { tokens: 16_384, beside: false }

/** Returns what one picture is for a model at most. */
export function pictureTokensOf(model: string): PictureTokens {
  return PICTURES.find(([part]) => model.includes(part))?.[1] ?? OTHER_PICTURES
}
