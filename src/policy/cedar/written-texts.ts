import { isJsonObject, type Json } from '../../model/json.ts'
import type { BundledPolicy } from './bundle.ts'
import { matcher } from './pattern.ts'

/** Texts that policies compare one argument with: literals, and patterns of `like`, those together that differ in case alone. */
export class WrittenTexts {
  readonly #groups: readonly {
    readonly folded: (text: string) => boolean
    readonly written: readonly { readonly text: string; readonly matches: (text: string) => boolean }[]
  }[]

  /** `argument`: its name among the context's `args`. What stands in one comparison with it counts, whichever side it stands on. */
  constructor(policies: readonly BundledPolicy[], argument: string) {
    const conditions = policies.flatMap(({ json }) =>
      isJsonObject(json) && Array.isArray(json.conditions) ? json.conditions : [],
    )
    const found = conditions.flatMap((each) =>
      comparedWith(isJsonObject(each) ? (each.body ?? null) : null, JSON.stringify(argument)),
    )
    this.#groups = [...Map.groupBy(found, (parts) => JSON.stringify(lowered(parts))).values()].map((written) => ({
      folded: matcher(lowered(written[0] ?? [])),
      written: written.map((parts) => ({ text: parts.map((part) => part ?? '*').join(''), matches: matcher(parts) })),
    }))
  }

  /** Returns how policies write a text that they have in other letters; undefined where one has it so, or none has it. */
  otherThan(text: string): string | undefined {
    const plain = text.toLowerCase()
    const group = this.#groups.find(
      ({ folded, written }) => folded(plain) && !written.some(({ matches }) => matches(text)),
    )
    return group?.written[0]?.text
  }
}

type Parts = readonly (string | undefined)[]

function lowered(parts: Parts): Parts {
  return parts.map((part) => part?.toLowerCase())
}

/** Expressions that join comparisons, and compare nothing themselves. */
const JOINING: ReadonlySet<string> = new Set(['&&', '||', '!', 'if-then-else'])

/** Returns the texts of each comparison of an expression in which a name (as JSON) stands. */
function comparedWith(expression: Json, name: string): readonly Parts[] {
  if (!isJsonObject(expression) || !JSON.stringify(expression).includes(name)) return []
  const [[operator, operands] = ['', null]] = Object.entries(expression)
  if (!JOINING.has(operator) || !isJsonObject(operands)) return textsIn(expression)
  return Object.values(operands).flatMap((each) => comparedWith(each, name))
}

function textsIn(expression: Json): readonly Parts[] {
  if (Array.isArray(expression)) return expression.flatMap(textsIn)
  if (!isJsonObject(expression)) return []
  const { Value, pattern } = expression
  if (typeof Value === 'string') return [[Value]]
  const parts = Array.isArray(pattern)
    ? [pattern.map((part) => (isJsonObject(part) && typeof part.Literal === 'string' ? part.Literal : undefined))]
    : []
  return [...parts, ...Object.values(expression).flatMap(textsIn)]
}
