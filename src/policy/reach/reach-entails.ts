import { isJsonObject, type Json } from '../../model/json.ts'
import { decimalUnits } from '../../model/money.ts'

/**
 * Comparison of conditions without knowing the arguments: conditions in Cedar's JSON policy format, taken apart into
 * conjuncts. A relation that is not shown does not hold.
 */

/** Returns the conjuncts of a policy's conditions, in the order in which Cedar evaluates them. */
export function conjunctsOf(policy: Json | undefined): readonly Json[] {
  const conditions = isJsonObject(policy) && Array.isArray(policy.conditions) ? policy.conditions : [null]
  return conditions.flatMap((condition) => {
    if (!isJsonObject(condition)) return [null]
    const { kind, body = null } = condition
    return kind === 'when' ? conjuncts(body) : [{ '!': { arg: body } }]
  })
}

function conjuncts(body: Json): readonly Json[] {
  const both = isJsonObject(body) ? body['&&'] : undefined
  if (!isJsonObject(both)) return [body]
  return [...conjuncts(both.left ?? null), ...conjuncts(both.right ?? null)]
}

/**
 * Tells whether the first condition never holds where the second does not. A condition without a value does not hold.
 */
export function entailsAll(strong: readonly Json[], weak: readonly Json[]): boolean {
  return weak.every((wanted) => strong.some((each) => entails(each, wanted)))
}

/**
 * Tells whether a forbid denies wherever another one does, by holding or by having no value: it says, in the same
 * order, the same of the same things or less, and then stops.
 */
export function denialCovers(next: readonly Json[], old: readonly Json[]): boolean {
  return next.length <= old.length && next.every((each, i) => entails(old[i] ?? null, each))
}

/**
 * Tells whether one condition entails another, where both have a value or neither has: either they are equal, or they
 * compare the same subject with literals.
 */
function entails(strong: Json, weak: Json): boolean {
  if (text(strong) === text(weak)) return strong !== null
  const [one, other] = [comparison(strong), comparison(weak)]
  if (one === undefined || other === undefined || one.subject !== other.subject || one.type !== other.type) return false
  if (one.values !== undefined) {
    return one.values.every((value) =>
      other.values !== undefined ? other.values.includes(value) : isWithin(value, other),
    )
  }
  if (other.values !== undefined) return false
  return boundWithin(one, other)
}

/** `subject op literal`: bounds of numbers, or a list of values. */
interface Comparison {
  readonly subject: string
  /** Type of the literals; conditions on two types have nothing in common. */
  readonly type: 'long' | 'decimal' | 'text'
  /** The subject is one of these: texts as JSON, numbers in units. */
  readonly values?: readonly (string | bigint)[]
  readonly above?: Bound
  readonly below?: Bound
}

interface Bound {
  readonly at: bigint
  readonly inclusive: boolean
}

function comparison(json: Json): Comparison | undefined {
  if (!isJsonObject(json)) return undefined
  const [name, body] = Object.entries(json)[0] ?? []
  if (name === undefined || Object.keys(json).length !== 1) return undefined
  if (name === '==' && isJsonObject(body)) return equality(body.left ?? null, body.right ?? null)
  if (name === 'contains' && isJsonObject(body)) return membership(body.left ?? null, body.right ?? null)
  const operands = isJsonObject(body) ? [body.left ?? null, body.right ?? null] : Array.isArray(body) ? body : []
  const [left = null, right = null] = operands
  const order = ORDERS[name]
  if (order === undefined || operands.length !== 2) return undefined
  const [literalLeft, literalRight] = [number(left), number(right)]
  if (literalRight !== undefined && literalLeft === undefined) return bounded(left, literalRight, order)
  if (literalLeft !== undefined && literalRight === undefined)
    return bounded(right, literalLeft, { ...order, below: !order.below })
  return undefined
}

const ORDERS: Readonly<Record<string, { readonly below: boolean; readonly inclusive: boolean }>> = {
  '<': { below: true, inclusive: false },
  '<=': { below: true, inclusive: true },
  '>': { below: false, inclusive: false },
  '>=': { below: false, inclusive: true },
  lessThan: { below: true, inclusive: false },
  lessThanOrEqual: { below: true, inclusive: true },
  greaterThan: { below: false, inclusive: false },
  greaterThanOrEqual: { below: false, inclusive: true },
}

function bounded(
  subject: Json,
  { type, units }: NumberLiteral,
  { below, inclusive }: { below: boolean; inclusive: boolean },
): Comparison {
  const bound = { at: units, inclusive }
  return { subject: text(subject), type, ...(below ? { below: bound } : { above: bound }) }
}

function equality(left: Json, right: Json): Comparison | undefined {
  const [one, other] = [literal(left), literal(right)]
  if (one !== undefined && other === undefined) return { subject: text(right), type: one.type, values: [one.value] }
  if (other !== undefined && one === undefined) return { subject: text(left), type: other.type, values: [other.value] }
  return undefined
}

/** Reads `["EUR", "USD"].contains(subject)` as a comparison. */
function membership(set: Json, subject: Json): Comparison | undefined {
  if (!isJsonObject(set) || !Array.isArray(set.Set) || literal(subject) !== undefined) return undefined
  const values = set.Set.map(literal)
  const [first] = values
  if (first === undefined || values.some((value) => value?.type !== first.type)) return undefined
  return {
    subject: text(subject),
    type: first.type,
    values: values.flatMap((value) => (value === undefined ? [] : [value.value])),
  }
}

interface NumberLiteral {
  readonly type: 'long' | 'decimal'
  readonly units: bigint
}

function literal(json: Json): { readonly type: Comparison['type']; readonly value: string | bigint } | undefined {
  const found = number(json)
  if (found !== undefined) return { type: found.type, value: found.units }
  const value = isJsonObject(json) ? json.Value : undefined
  return typeof value === 'string' ? { type: 'text', value } : undefined
}

function number(json: Json): NumberLiteral | undefined {
  if (!isJsonObject(json)) return undefined
  if (typeof json.Value === 'number' && Number.isSafeInteger(json.Value))
    return { type: 'long', units: BigInt(json.Value) }
  const [argument] = Array.isArray(json.decimal) ? json.decimal : []
  const written = isJsonObject(argument) ? argument.Value : undefined
  const units = typeof written === 'string' && /^-?\d+\.\d{1,4}$/.test(written) ? decimalUnits(written) : undefined
  return units?.ok ? { type: 'decimal', units: units.value } : undefined
}

function isWithin(value: string | bigint, { above, below }: Comparison): boolean {
  if (typeof value === 'string') return false
  const at = { at: value, inclusive: true }
  return (
    (below === undefined || tighter(at, below, (a, b) => a < b)) &&
    (above === undefined || tighter(at, above, (a, b) => a > b))
  )
}

function boundWithin(one: Comparison, other: Comparison): boolean {
  if (other.below !== undefined) return one.below !== undefined && tighter(one.below, other.below, (a, b) => a < b)
  if (other.above !== undefined) return one.above !== undefined && tighter(one.above, other.above, (a, b) => a > b)
  return false
}

function tighter(one: Bound, other: Bound, closer: (a: bigint, b: bigint) => boolean): boolean {
  return closer(one.at, other.at) || (one.at === other.at && (other.inclusive || !one.inclusive))
}

function text(json: Json): string {
  return JSON.stringify(json)
}
