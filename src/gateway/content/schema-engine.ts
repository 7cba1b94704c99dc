import { isJsonObject, type Json, type JsonObject, LIMITS } from '../../model/index.ts'
import { type Addresses, addressesIn, withoutAddress } from './schema-addresses.ts'
import {
  type CheckFault,
  type Compiler,
  NotASchema,
  type Run,
  type SchemaCheck,
  SeenMembers,
  spend,
  TooManySteps,
} from './schema-check.ts'
import { KEYWORDS, NEVER, UNEVALUATED } from './schema-keywords.ts'

/**
 * JSON Schema from draft-04 to 2020-12 as closures: what one draft says and another does not know is meant, whatever
 * `$schema` says, since most schemas lack it or name the wrong one. For a schema and a value that an attacker chose:
 *
 * - SE1  Compiling costs what the schema's own text costs: each of its schemas is compiled once, however often it is
 *        referred to, and no code is generated.
 * - SE2  Checking costs steps, one for each schema held against each value and more where a keyword does more; they run
 *        out. It keeps the first fault only.
 * - SE3  Where these say that a value is good, so does the standard. `format` is an annotation, `nullable` is OpenAPI's.
 */
export function compileChecks(schema: JsonObject, old: boolean): (value: Json) => CheckFault | undefined {
  const check = new SchemaCompiler(schema, old).root()
  return (value) => {
    const run: Run = {
      steps: LIMITS.schemaStepsMax,
      patternSteps: LIMITS.patternStepsMax,
      depth: 0,
      texts: new Map(),
      names: new Map(),
      muted: 0,
      fault: undefined,
    }
    if (check(value, run, undefined)) return undefined
    const { keys, problem } = run.fault ?? { keys: [], problem: 'does not match its schema' }
    return { keys: keys.toReversed(), problem }
  }
}

class SchemaCompiler implements Compiler {
  readonly #root: JsonObject
  readonly #checks = new Map<JsonObject, SchemaCheck>()
  readonly #pending: (() => void)[] = []
  readonly #addresses: Addresses
  readonly #old: boolean
  #patternSizeLeft: number = LIMITS.patternSizeMax

  constructor(root: JsonObject, old: boolean) {
    this.#root = root
    this.#old = old
    this.#addresses = addressesIn(root, old)
  }

  root(): SchemaCheck {
    const check = this.at(this.#root)
    for (let next = this.#pending.pop(); next !== undefined; next = this.#pending.pop()) next()
    return check
  }

  at(schema: Json): SchemaCheck {
    if (schema === true) return ALWAYS
    if (schema === false) return NEVER
    if (!isJsonObject(schema)) throw new NotASchema('one of its schemas is neither an object nor a truth value')
    const known = this.#checks.get(schema)
    if (known !== undefined) return known
    let compiled: SchemaCheck = NEVER
    const check: SchemaCheck = (value, run, seen) => compiled(value, run, seen)
    this.#checks.set(schema, check)
    this.#pending.push(() => {
      compiled = this.#compile(schema)
    })
    return check
  }

  referred(reference: string): SchemaCheck {
    const { named, anchors } = this.#addresses
    const local = reference.startsWith('#') ? reference : withoutAddress(reference, this.#root, this.#old)
    const target = local === '#' || local?.startsWith('#/') ? this.#pointed(local.slice(2)) : undefined
    const found = target ?? (local === undefined ? named.get(reference.replace(/#$/, '')) : anchors.get(local.slice(1)))
    if (found === undefined) throw new NotASchema(`it refers to ${JSON.stringify(reference)}, which is not in it`)
    return this.at(found)
  }

  spendPattern(size: number): void {
    this.#patternSizeLeft -= size
    if (this.#patternSizeLeft < 0) throw new NotASchema('its patterns are too large')
  }

  #compile(schema: JsonObject): SchemaCheck {
    const checks = KEYWORDS.flatMap((compile) => compile(schema, this) ?? [])
    const late = UNEVALUATED.flatMap((compile) => compile(schema, this) ?? [])
    const all: SchemaCheck = (value, run, seen) => {
      spend(run, 1)
      // Deeper than any value and any honest schema together: a reference that leads to itself.
      if (++run.depth > LIMITS.schemaDepthMax) throw new TooManySteps('it is nested too deep to be checked')
      for (const check of checks) {
        if (!check(value, run, seen)) {
          run.depth--
          return false
        }
      }
      run.depth--
      return true
    }
    const whole: SchemaCheck = (value, run, outer) => {
      const seen = new SeenMembers()
      if (!all(value, run, seen)) return false
      for (const check of late) if (!check(value, run, seen)) return false
      outer?.add(seen, run)
      return true
    }
    const check = late.length === 0 ? all : whole
    // OpenAPI 3.0 says it beside a reference or alternatives as well.
    if (schema.nullable !== true || schema.type !== undefined) return check
    return (value, run, seen) => value === null || check(value, run, seen)
  }

  #pointed(pointer: string): Json | undefined {
    let at: Json | undefined = this.#root
    for (const part of pointer === '' ? [] : pointer.split('/')) {
      const key = decoded(part).replaceAll('~1', '/').replaceAll('~0', '~')
      if (Array.isArray(at)) at = /^(?:0|[1-9]\d{0,8})$/.test(key) ? (at[Number(key)] as Json | undefined) : undefined
      else at = isJsonObject(at) && Object.hasOwn(at, key) ? at[key] : undefined
    }
    return at
  }
}

const ALWAYS: SchemaCheck = () => true

function decoded(part: string): string {
  try {
    return decodeURIComponent(part)
  } catch {
    return part
  }
}
