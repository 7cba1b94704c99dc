import { Ajv, type Options } from 'ajv'
import { Ajv2020 } from 'ajv/dist/2020.js'
import unevaluated from 'ajv/dist/vocabularies/unevaluated/index.js'
import { RE2JS } from 're2js'
import { canonicalText } from '../ledger/canonical.ts'
import { isJsonObject, type Json, type JsonObject } from '../model/index.ts'

/**
 * What Ajv does with a schema and a value that an attacker chose, bounded in time:
 *
 * - patterns run on an engine without backtracking (RE2), whose steps are the text's length times the pattern's size;
 * - `uniqueItems` compares by canonical text: Ajv's own compares every pair of objects, 8 s for 20,000 of them;
 * - references are counted: a recursive schema that refers twice at each level would run for 2^depth steps.
 */
export interface SchemaEngine {
  readonly ajv: Ajv
  /** Throws `TooManySteps` where a check goes on for too long. */
  readonly checked: <T>(check: () => T) => T
}

/** Thrown out of a check; the value is then refused. */
export class TooManySteps extends Error {}

/** References followed in one check: an honest value follows about one for each of its own parts. */
const REFERENCES_MAX = 200_000
/** Steps of all patterns in one check, near 60 a µs: a whole frame against a pattern of 20 instructions. */
const PATTERN_STEPS_MAX = 20_971_520

const STEP = 'firebreak:step'

/** A fresh engine for each schema: definitions from one upstream never meet those of another. */
export function schemaEngine(dialect: Json | undefined): SchemaEngine {
  const older = typeof dialect === 'string' && /draft-0[67]/.test(dialect)
  // Checking the schema itself costs steps as well.
  const left: Left = { references: REFERENCES_MAX, patternSteps: PATTERN_STEPS_MAX }
  const options = { ...OPTIONS, code: { regExp: linearPatterns(left) } }
  const ajv = older ? new Ajv({ ...options, unevaluated: true }) : new Ajv2020(options)
  // Undeclared arguments of a composed schema are found by a keyword that draft-07 does not have.
  if (older) ajv.addVocabulary(unevaluated.default)
  ajv.removeKeyword('uniqueItems')
  ajv.addKeyword({ keyword: 'uniqueItems', type: 'array', schemaType: 'boolean', validate: areUnique })
  ajv.addKeyword({
    keyword: STEP,
    validate: () => {
      if (--left.references < 0) throw new TooManySteps('it takes too long to check')
      return true
    },
  })
  return {
    ajv,
    checked: (check) => {
      left.references = REFERENCES_MAX
      left.patternSteps = PATTERN_STEPS_MAX
      return check()
    },
  }
}

const OPTIONS: Options = {
  strict: false,
  // One fault is enough to refuse, and collecting all lets a hostile value buy time.
  allErrors: false,
  validateFormats: false,
  validateSchema: true,
  logger: false,
}

interface Left {
  references: number
  patternSteps: number
}

/** Throws for what RE2 cannot do in linear time (look-around, back-references): such a definition cannot be accepted. */
function linearPatterns(left: Left): NonNullable<NonNullable<Options['code']>['regExp']> {
  const compile = (pattern: string) => {
    const compiled = RE2JS.compile(pattern)
    const size = compiled.programSize()
    const test = (text: string) => {
      left.patternSteps -= text.length * size
      if (left.patternSteps < 0) throw new TooManySteps('it takes too long to check')
      return compiled.matcher(text).find()
    }
    return { test, toString: () => pattern }
  }
  return Object.assign(compile, { code: 'new RegExp' })
}

function areUnique(wanted: boolean, items: readonly Json[]): boolean {
  if (!wanted) return true
  const seen = new Set<string>()
  for (const item of items) {
    const text = canonicalText(item)
    // What has no canonical form cannot be told apart from the others.
    if (!text.ok || seen.has(text.value)) return false
    seen.add(text.value)
  }
  return true
}

/** Puts a step beside every reference. Literal values (`enum`, `const`, …) are no schemas and stay as they are. */
export function countingSteps(schema: JsonObject): JsonObject {
  const counted = Object.fromEntries(
    Object.entries(schema).map(([keyword, value]) => [keyword, LITERAL.has(keyword) ? value : countingIn(value)]),
  )
  const refers = typeof schema.$ref === 'string' || typeof schema.$dynamicRef === 'string'
  return refers ? { ...counted, [STEP]: true } : counted
}

const LITERAL: ReadonlySet<string> = new Set(['enum', 'const', 'default', 'examples'])

function countingIn(value: Json): Json {
  if (Array.isArray(value)) return value.map(countingIn)
  return isJsonObject(value) ? countingSteps(value) : value
}
