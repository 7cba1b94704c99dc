/**
 * The keywords of JSON Schema, one function each, in the order in which they are checked. It is long because the
 * standard is.
 */
import { canonicalText } from '../../ledger/log/canonical.ts'
import {
  compareNumbers,
  doubleOf,
  isJsonObject,
  isMultiple,
  isNumber,
  isWhole,
  type Json,
  type JsonObject,
  LIMITS,
  numberText,
  type WrittenNumber,
} from '../../model/index.ts'
import {
  type Compiler,
  NotASchema,
  type Run,
  type SchemaCheck,
  SeenMembers,
  spend,
  TooManySteps,
} from './schema-check.ts'
import { compilePattern, type Pattern } from './schema-pattern.ts'

/** Compiles one keyword; undefined where the schema does not have it. */
type Keyword = (schema: JsonObject, compiler: Compiler) => SchemaCheck | undefined

function fail(run: Run, problem: string): false {
  if (run.muted === 0) run.fault = { keys: [], problem }
  return false
}

function failAt(run: Run, key: string | number, problem: string): false {
  if (run.muted === 0) run.fault = { keys: [key], problem }
  return false
}

/** Puts a key before those of what has failed below. */
function under(run: Run, key: string | number): false {
  if (run.muted === 0) run.fault?.keys.push(key)
  return false
}

export const NEVER: SchemaCheck = (_, run) => fail(run, 'is not allowed')

/** A branch that may fail without a word. */
function quietly(check: SchemaCheck, value: Json, run: Run, seen: SeenMembers | undefined): boolean {
  run.muted++
  const good = check(value, run, seen)
  run.muted--
  return good
}

const TYPES: Readonly<Record<string, (value: Json) => boolean>> = {
  null: (value) => value === null,
  boolean: (value) => typeof value === 'boolean',
  number: isNumber,
  integer: (value) => isNumber(value) && isWhole(value),
  string: (value) => typeof value === 'string',
  array: (value) => Array.isArray(value),
  object: isJsonObject,
  /** The type of draft-03, and of whoever writes schemas by hand. */
  any: () => true,
}

const type: Keyword = ({ type: given, nullable }) => {
  if (given === undefined) return undefined
  const listed = Array.isArray(given) ? given : [given]
  const names = nullable === true && !listed.includes('null') ? [...listed, 'null'] : listed
  const tests = names.map((name) => {
    const test = typeof name === 'string' && Object.hasOwn(TYPES, name) ? TYPES[name] : undefined
    if (test === undefined) throw new NotASchema(`there is no type ${JSON.stringify(name)}`)
    return test
  })
  const [first, ...others] = tests
  if (first === undefined) throw new NotASchema('"type" names none')
  const problem = `must be ${names.join(',')}`
  if (others.length === 0) return (value, run) => first(value) || fail(run, problem)
  return (value, run) => tests.some((test) => test(value)) || fail(run, problem)
}

/** Compares with a set of canonical texts: comparing with each of thousands is what an attacker would buy. */
function oneOfValues(values: readonly Json[], problem: string): SchemaCheck {
  const plain = new Set<Json>()
  const numbers = new Set<string>()
  const composed = new Set<string>()
  for (const value of values) {
    if (isNumber(value)) numbers.add(numberText(value))
    else if (value === null || typeof value !== 'object') plain.add(value)
    else composed.add(canonical(value))
  }
  return (value, run) => {
    if (isNumber(value)) return numbers.has(numberText(value)) || fail(run, problem)
    if (value === null || typeof value !== 'object') return plain.has(value) || fail(run, problem)
    if (composed.size === 0) return fail(run, problem)
    return composed.has(costly(value, run)) || fail(run, problem)
  }
}

function canonical(value: Json): string {
  const text = canonicalText(value, LIMITS.answerDepthMax)
  if (!text.ok) throw new NotASchema(`a value in it has no canonical form: ${text.reason.problem}`)
  return text.value
}

/** Once for each value of a check, however many schemas ask. */
function costly(value: object & Json, run: Run): string {
  const known = run.texts.get(value)
  if (known !== undefined) return known
  const text = canonicalText(value, LIMITS.answerDepthMax)
  if (!text.ok) throw new TooManySteps('it has no canonical form')
  spend(run, text.value.length)
  run.texts.set(value, text.value)
  return text.value
}

/** Characters that are written or counted in about the time of one step. */
const CHARACTERS_A_STEP = 16

const enumeration: Keyword = ({ enum: values }) => {
  if (values === undefined) return undefined
  if (!Array.isArray(values) || values.length === 0) throw new NotASchema('"enum" is no list of values')
  return oneOfValues(values, 'must be equal to one of the allowed values')
}

const constant: Keyword = ({ const: value }) =>
  value === undefined ? undefined : oneOfValues([value], 'must be equal to constant')

/** A keyword whose operand is a number. */
function numeric(
  keyword: string,
  operand: (limit: number) => boolean,
  good: (value: Json, limit: number, run: Run) => boolean,
  problem: (limit: number) => string,
): Keyword {
  return ({ [keyword]: given }) => {
    if (given === undefined) return undefined
    const limit = doubleOf(given)
    if (limit === undefined || !operand(limit)) throw new NotASchema(`"${keyword}" is ${JSON.stringify(given)}`)
    const text = problem(limit)
    return (value, run) => good(value, limit, run) || fail(run, text)
  }
}

/** A keyword that bounds numbers by another, by all digits of both. */
function bounding(
  keyword: string,
  good: (value: number | WrittenNumber, limit: number | WrittenNumber, run: Run) => boolean,
  problem: string,
): (schema: JsonObject) => SchemaCheck | undefined {
  return ({ [keyword]: limit }) => {
    if (limit === undefined || typeof limit === 'boolean') return undefined
    if (!isNumber(limit) || (keyword === 'multipleOf' && compareNumbers(limit, 0) <= 0))
      throw new NotASchema(`"${keyword}" is ${JSON.stringify(limit)}`)
    const text = `${problem} ${String(limit)}`
    return (value, run) => !isNumber(value) || good(value, limit, run) || fail(run, text)
  }
}

type Bound = (value: number | WrittenNumber, limit: number | WrittenNumber) => boolean
const above: Bound = (value, limit) => compareNumbers(value, limit) > 0
const below: Bound = (value, limit) => compareNumbers(value, limit) < 0
const aboveOrAt: Bound = (value, limit) => compareNumbers(value, limit) >= 0
const belowOrAt: Bound = (value, limit) => compareNumbers(value, limit) <= 0

/**
 * Tells whether `value` is a multiple of `of`: of small whole numbers at once; of others with numbers as long as they
 * are apart in size.
 */
function multiple(value: number | WrittenNumber, of: number | WrittenNumber, run: Run): boolean {
  if (Number.isSafeInteger(value) && Number.isSafeInteger(of)) return Number(value) % Number(of) === 0
  spend(run, MULTIPLE_STEPS)
  return isMultiple(value, of)
}

/** Steps that one division costs: 10,000 of 1,024 digits each take 50 ms, and an answer has no more of them. */
const MULTIPLE_STEPS = 8

/**
 * Keywords that bound a number. In draft-04 `exclusiveMinimum: true` says what the `minimum` beside it means; so it is
 * read in every draft.
 */
const BOUNDS: readonly Keyword[] = [
  (schema) =>
    schema.exclusiveMinimum === true
      ? bounding('minimum', above, 'must be >')(schema)
      : bounding('minimum', aboveOrAt, 'must be >=')(schema),
  (schema) =>
    schema.exclusiveMaximum === true
      ? bounding('maximum', below, 'must be <')(schema)
      : bounding('maximum', belowOrAt, 'must be <=')(schema),
  bounding('exclusiveMinimum', above, 'must be >'),
  bounding('exclusiveMaximum', below, 'must be <'),
  bounding('multipleOf', multiple, 'must be multiple of'),
]

const whole = (limit: number) => Number.isInteger(limit) && limit >= 0
const ofText = (good: (value: string, limit: number, run: Run) => boolean) => (value: Json, limit: number, run: Run) =>
  typeof value !== 'string' || good(value, limit, run)
const ofList = (good: (length: number, limit: number) => boolean) => (value: Json, limit: number) =>
  !Array.isArray(value) || good(value.length, limit)
const ofObject = (good: (members: number, limit: number) => boolean) => (value: Json, limit: number, run: Run) => {
  if (!isJsonObject(value)) return true
  return good(namesOf(value, run).length, limit)
}

/** In code points, which are counted only where the text's length leaves it open. */
function codePoints(text: string, run: Run): number {
  spend(run, text.length / CHARACTERS_A_STEP)
  let pairs = 0
  for (let i = 0; i < text.length - 1; i++) {
    if ((text.charCodeAt(i) & 0xfc00) !== 0xd800 || (text.charCodeAt(i + 1) & 0xfc00) !== 0xdc00) continue
    pairs++
    i++
  }
  return text.length - pairs
}

const NUMERIC: readonly Keyword[] = [
  ...BOUNDS,
  numeric(
    'minLength',
    whole,
    ofText((text, limit, run) => text.length >= limit * 2 || (text.length >= limit && codePoints(text, run) >= limit)),
    (limit) => `must NOT have fewer than ${limit} characters`,
  ),
  numeric(
    'maxLength',
    whole,
    ofText((text, limit, run) => text.length <= limit || (text.length <= limit * 2 && codePoints(text, run) <= limit)),
    (limit) => `must NOT have more than ${limit} characters`,
  ),
  numeric(
    'minItems',
    whole,
    ofList((length, limit) => length >= limit),
    (limit) => `must NOT have fewer than ${limit} items`,
  ),
  numeric(
    'maxItems',
    whole,
    ofList((length, limit) => length <= limit),
    (limit) => `must NOT have more than ${limit} items`,
  ),
  numeric(
    'minProperties',
    whole,
    ofObject((members, limit) => members >= limit),
    (limit) => `must NOT have fewer than ${limit} properties`,
  ),
  numeric(
    'maxProperties',
    whole,
    ofObject((members, limit) => members <= limit),
    (limit) => `must NOT have more than ${limit} properties`,
  ),
]

const pattern: Keyword = ({ pattern: source }, compiler) => {
  if (source === undefined) return undefined
  const compiled = patternOf(source, compiler)
  const problem = `must match pattern "${source}"`
  return (value, run) => typeof value !== 'string' || matches(compiled, value, run) || fail(run, problem)
}

function patternOf(source: Json, compiler: Compiler): Pattern {
  if (typeof source !== 'string') throw new NotASchema('a pattern is no text')
  return compilePattern(source, (size) => compiler.spendPattern(size))
}

function matches(compiled: Pattern, text: string, run: Run): boolean {
  run.patternSteps -= compiled.stepsFor(text.length)
  if (run.patternSteps < 0) throw new TooManySteps('it takes too long to check')
  return compiled.test(text)
}

const required: Keyword = ({ required: names }) => {
  // Of draft-03, and said there of the property that it stands in: `members` reads it.
  if (names === undefined || typeof names === 'boolean') return undefined
  const all = textsOf(names, 'required')
  return (value, run) => {
    if (!isJsonObject(value)) return true
    spend(run, all.length / 4)
    for (const name of all) if (!Object.hasOwn(value, name)) return fail(run, `must have required property '${name}'`)
    return true
  }
}

function textsOf(value: Json, keyword: string): readonly string[] {
  if (!Array.isArray(value)) throw new NotASchema(`"${keyword}" is no list of names`)
  return value.map((name) => {
    if (typeof name !== 'string') throw new NotASchema(`"${keyword}" is no list of names`)
    return name
  })
}

function schemasIn(
  value: Json | undefined,
  keyword: string,
  compiler: Compiler,
): readonly (readonly [string, SchemaCheck])[] {
  if (value === undefined) return []
  if (!isJsonObject(value)) throw new NotASchema(`"${keyword}" is no object of schemas`)
  return Object.entries(value).map(([name, schema]) => [name, compiler.at(schema)] as const)
}

/** `properties`, `patternProperties` and `additionalProperties`, in one pass over the value's own members. */
const members: Keyword = ({ properties, patternProperties, additionalProperties }, compiler) => {
  if (properties === undefined && patternProperties === undefined && additionalProperties === undefined)
    return undefined
  const declared = new Map(schemasIn(properties, 'properties', compiler))
  const patterns = schemasIn(patternProperties, 'patternProperties', compiler).map(
    ([source, check]) => [patternOf(source, compiler), check] as const,
  )
  const further = additionalProperties === undefined ? undefined : compiler.at(additionalProperties)
  const listed = [...declared]
  const needed = isJsonObject(properties) ? namesOfDraft03(properties) : []
  return (value, run, seen) => {
    if (!isJsonObject(value)) return true
    for (const name of needed)
      if (!Object.hasOwn(value, name)) return fail(run, `must have required property '${name}'`)
    if (patterns.length === 0 && further === undefined && seen === undefined) {
      spend(run, listed.length / 4)
      for (const [name, check] of listed) {
        const item = Object.hasOwn(value, name) ? value[name] : undefined
        if (item !== undefined && !check(item, run, undefined)) return under(run, name)
      }
      return true
    }
    const names = namesOf(value, run)
    spend(run, names.length * (1 + patterns.length))
    for (const name of names) {
      const item = value[name] ?? null
      const own = declared.get(name)
      let judged = own !== undefined
      if (own !== undefined && !own(item, run, undefined)) return under(run, name)
      for (const [compiled, check] of patterns) {
        if (!matches(compiled, name, run)) continue
        judged = true
        if (!check(item, run, undefined)) return under(run, name)
      }
      if (judged) seen?.names.add(name)
      else if (further === NEVER) return failAt(run, name, 'is not declared')
      else if (further !== undefined && !further(item, run, undefined)) return under(run, name)
    }
    if (seen && further !== undefined) seen.allNames = true
    return true
  }
}

/** Returns the names of properties that say `required: true` of themselves. */
function namesOfDraft03(properties: JsonObject): readonly string[] {
  return Object.entries(properties).flatMap(([name, schema]) =>
    isJsonObject(schema) && schema.required === true ? [name] : [],
  )
}

/** Once for each object of a check. */
function namesOf(value: JsonObject, run: Run): readonly string[] {
  const known = run.names.get(value)
  if (known !== undefined) return known
  const names = Object.keys(value)
  spend(run, names.length)
  if (names.length > 16) run.names.set(value, names)
  return names
}

const propertyNames: Keyword = ({ propertyNames: schema }, compiler) => {
  if (schema === undefined) return undefined
  const check = compiler.at(schema)
  return (value, run) => {
    if (!isJsonObject(value)) return true
    const names = namesOf(value, run)
    spend(run, names.length)
    const wrong = names.find((name) => !quietly(check, name, run, undefined))
    return wrong === undefined || failAt(run, wrong, 'has a name that is not allowed')
  }
}

/** A list of `items` is a tuple in every draft but the newest, where it would be nothing: so it is one there as well. */
const items: Keyword = (schema, compiler) => {
  const tuple = Array.isArray(schema.items)
  if (tuple && schema.prefixItems !== undefined)
    throw new NotASchema('"items" and "prefixItems" both say what a list begins with')
  const first = tuple ? schema.items : schema.prefixItems
  const rest = tuple ? schema.additionalItems : schema.items
  if (first === undefined && rest === undefined) return undefined
  const prefix = first === undefined ? [] : listOf(first, 'prefixItems', compiler)
  const further = rest === undefined ? undefined : compiler.at(rest)
  return (value, run, seen) => {
    if (!Array.isArray(value)) return true
    const to = further === undefined ? Math.min(prefix.length, value.length) : value.length
    spend(run, to / CHARACTERS_A_STEP)
    for (let i = 0; i < to; i++) {
      const check = prefix[i] ?? further
      if (check !== undefined && !check(value[i] as Json, run, undefined)) return under(run, i)
    }
    if (seen) seen.itemsTo = Math.max(seen.itemsTo, to)
    return true
  }
}

function listOf(value: Json, keyword: string, compiler: Compiler): readonly SchemaCheck[] {
  if (!Array.isArray(value)) throw new NotASchema(`"${keyword}" is no list of schemas`)
  return value.map((schema: Json) => compiler.at(schema))
}

const contains: Keyword = ({ contains: schema, minContains, maxContains }, compiler) => {
  if (schema === undefined) return undefined
  const check = compiler.at(schema)
  const [least, most] = [doubleOf(minContains ?? 1) ?? -1, maxContains && (doubleOf(maxContains) ?? -1)]
  if (!whole(least)) throw new NotASchema('"minContains" is no number of items')
  if (most !== undefined && (typeof most !== 'number' || !whole(most))) {
    throw new NotASchema('"maxContains" is no number of items')
  }
  return (value, run, seen) => {
    if (!Array.isArray(value)) return true
    spend(run, value.length / CHARACTERS_A_STEP)
    let found = 0
    for (let i = 0; i < value.length && (seen || most !== undefined || found < least); i++) {
      if (!quietly(check, value[i] as Json, run, undefined)) continue
      found++
      seen?.items.add(i)
    }
    return (found >= least && (most === undefined || found <= most)) || fail(run, 'must contain what its schema says')
  }
}

const uniqueItems: Keyword = ({ uniqueItems: wanted }) => {
  if (wanted === undefined || wanted === false) return undefined
  if (wanted !== true) throw new NotASchema('"uniqueItems" is no truth value')
  return (value, run) => {
    if (!Array.isArray(value)) return true
    const plain = new Set<Json>()
    const numbers = new Set<string>()
    const composed = new Set<string>()
    spend(run, value.length)
    for (const item of value as readonly Json[]) {
      if (isNumber(item)) numbers.add(numberText(item))
      else if (item === null || typeof item !== 'object') plain.add(item)
      else composed.add(costly(item, run))
    }
    return plain.size + numbers.size + composed.size === value.length || fail(run, 'must NOT have duplicate items')
  }
}

const reference: Keyword = ({ $ref, $dynamicRef, $recursiveRef }, compiler) => {
  const checks = [$ref, $dynamicRef, $recursiveRef].flatMap((to) => {
    if (to === undefined) return []
    if (typeof to !== 'string') throw new NotASchema('a reference is no text')
    return [compiler.referred(to)]
  })
  return checks.length === 0 ? undefined : (value, run, seen) => checks.every((check) => check(value, run, seen))
}

const allOf: Keyword = ({ allOf: schemas }, compiler) => {
  if (schemas === undefined) return undefined
  const checks = branchesOf(schemas, 'allOf', compiler)
  return (value, run, seen) => checks.every((check) => check(value, run, seen))
}

function branchesOf(value: Json, keyword: string, compiler: Compiler): readonly SchemaCheck[] {
  if (!Array.isArray(value) || value.length === 0) throw new NotASchema(`"${keyword}" is no list of schemas`)
  return value.map((schema: Json) => compiler.at(schema))
}

/** The fault of the first branch is told where none is right. */
const anyOf: Keyword = ({ anyOf: schemas }, compiler) => {
  if (schemas === undefined) return undefined
  const values = valuesOnly(schemas)
  if (values !== undefined) return oneOfValues(values, 'must match a schema in anyOf')
  const checks = branchesOf(schemas, 'anyOf', compiler)
  return (value, run, seen) => {
    let good = false
    for (let i = 0; i < checks.length && (seen || !good); i++) {
      const own = seen && new SeenMembers()
      const check = checks[i] as SchemaCheck
      const passed = i === 0 ? check(value, run, own) : quietly(check, value, run, own)
      if (!passed) continue
      good = true
      if (own) seen?.add(own, run)
    }
    if (good && run.muted === 0) run.fault = undefined
    return good
  }
}

/** The values of branches that are nothing but values, which is how some generators write an `enum`. */
function valuesOnly(schemas: Json): readonly Json[] | undefined {
  if (!Array.isArray(schemas)) return undefined
  const values: Json[] = []
  for (const schema of schemas as readonly Json[]) {
    if (!isJsonObject(schema) || !('const' in schema) || !Object.keys(schema).every((key) => BESIDE_A_VALUE.has(key)))
      return undefined
    values.push(schema.const ?? null)
  }
  return values.length === 0 ? undefined : values
}

const BESIDE_A_VALUE: ReadonlySet<string> = new Set(['const', 'title', 'description'])

const oneOf: Keyword = ({ oneOf: schemas }, compiler) => {
  if (schemas === undefined) return undefined
  const checks = branchesOf(schemas, 'oneOf', compiler)
  return (value, run, seen) => {
    let right: SeenMembers | undefined
    let good = 0
    for (let i = 0; i < checks.length && good < 2; i++) {
      const own = seen && new SeenMembers()
      const check = checks[i] as SchemaCheck
      const passed = i === 0 ? check(value, run, own) : quietly(check, value, run, own)
      if (!passed) continue
      good++
      right = own
    }
    if (good > 1) return fail(run, 'must match exactly one schema in oneOf')
    if (good === 0) return false
    if (run.muted === 0) run.fault = undefined
    if (right) seen?.add(right, run)
    return true
  }
}

const not: Keyword = ({ not: schema }, compiler) => {
  if (schema === undefined) return undefined
  const check = compiler.at(schema)
  return (value, run) => !quietly(check, value, run, undefined) || fail(run, 'must NOT be valid')
}

/** An `if` alone says nothing here, though the standard lets it speak of members: a member more is refused. */
const conditional: Keyword = (schema, compiler) => {
  if (schema.if === undefined || (schema.then === undefined && schema.else === undefined)) return undefined
  const condition = compiler.at(schema.if)
  const [yes, no] = [compiler.at(schema.then ?? true), compiler.at(schema.else ?? true)]
  return (value, run, seen) => {
    const own = seen && new SeenMembers()
    if (!quietly(condition, value, run, own)) return no(value, run, seen)
    if (own) seen?.add(own, run)
    return yes(value, run, seen)
  }
}

/** `dependentSchemas`, `dependentRequired`, and `dependencies`, which are both in one. */
const dependent: Keyword = (schema, compiler) => {
  const { dependentSchemas, dependentRequired, dependencies } = schema
  const rules = [dependencies, dependentSchemas, dependentRequired].flatMap((rule) => {
    if (rule === undefined) return []
    if (!isJsonObject(rule)) throw new NotASchema('what depends on a property is no object')
    return Object.entries(rule).map(([name, then]): readonly [string, SchemaCheck] => {
      // Of draft-03: one name, without a list around it.
      if (typeof then === 'string') return [name, required({ required: [then] }, compiler) ?? (() => true)]
      if (!Array.isArray(then)) return [name, compiler.at(then)]
      return [name, required({ required: then }, compiler) ?? (() => true)]
    })
  })
  if (rules.length === 0) return undefined
  return (value, run, seen) => {
    if (!isJsonObject(value)) return true
    spend(run, rules.length / 4)
    return rules.every(([name, check]) => !Object.hasOwn(value, name) || check(value, run, seen))
  }
}

export const KEYWORDS: readonly Keyword[] = [
  type,
  constant,
  enumeration,
  ...NUMERIC,
  pattern,
  required,
  members,
  propertyNames,
  items,
  contains,
  uniqueItems,
  reference,
  not,
  anyOf,
  oneOf,
  allOf,
  conditional,
  dependent,
]

const unevaluatedProperties: Keyword = ({ unevaluatedProperties: schema }, compiler) => {
  if (schema === undefined) return undefined
  const check = compiler.at(schema)
  return (value, run, seen) => {
    if (!isJsonObject(value) || seen === undefined || seen.allNames) return true
    const names = namesOf(value, run)
    spend(run, names.length)
    for (const name of names) {
      if (seen.names.has(name)) continue
      if (check === NEVER) return failAt(run, name, 'is not declared')
      if (!check(value[name] ?? null, run, undefined)) return under(run, name)
    }
    seen.allNames = true
    return true
  }
}

const unevaluatedItems: Keyword = ({ unevaluatedItems: schema }, compiler) => {
  if (schema === undefined) return undefined
  const check = compiler.at(schema)
  return (value, run, seen) => {
    if (!Array.isArray(value) || seen === undefined) return true
    for (let i = seen.itemsTo; i < value.length; i++) {
      spend(run, 1)
      if (!seen.items.has(i) && !check(value[i] as Json, run, undefined)) return under(run, i)
    }
    seen.itemsTo = value.length
    return true
  }
}

/** Checked after all others: they judge what those have left. */
export const UNEVALUATED: readonly Keyword[] = [unevaluatedProperties, unevaluatedItems]
