import { isJsonObject, type Json, type JsonObject, LIMITS } from '../model/index.ts'
import {
  type Check,
  type CheckFault,
  type Compiler,
  NotASchema,
  type Run,
  Seen,
  spend,
  TooManySteps,
} from './schema-check.ts'
import { KEYWORDS, NEVER, UNEVALUATED } from './schema-keywords.ts'

/**
 * JSON Schema 2020-12 and draft-07 as closures, for a schema and a value that an attacker chose:
 *
 * - SE1  Compiling costs what the schema's own text costs: each of its schemas is compiled once, however often it is
 *        referred to, and no code is generated.
 * - SE2  Checking costs steps, one for each schema held against each value and more where a keyword does more; they run
 *        out. It keeps the first fault only.
 * - SE3  Where these say that a value is good, so does the standard. `format` is an annotation, `nullable` is OpenAPI's.
 */
export function compileChecks(schema: JsonObject, older: boolean): (value: Json) => CheckFault | undefined {
  const check = new SchemaCompiler(schema, older).root()
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
  readonly older: boolean
  readonly #root: JsonObject
  readonly #checks = new Map<JsonObject, Check>()
  readonly #pending: (() => void)[] = []
  readonly #anchors: ReadonlyMap<string, JsonObject>
  #patternSizeLeft: number = LIMITS.patternSizeMax

  constructor(root: JsonObject, older: boolean) {
    this.older = older
    this.#root = root
    this.#anchors = anchorsIn(root, older)
  }

  root(): Check {
    const check = this.at(this.#root)
    for (let next = this.#pending.pop(); next !== undefined; next = this.#pending.pop()) next()
    return check
  }

  at(schema: Json): Check {
    if (schema === true) return ALWAYS
    if (schema === false) return NEVER
    if (!isJsonObject(schema)) throw new NotASchema('one of its schemas is neither an object nor a truth value')
    const known = this.#checks.get(schema)
    if (known !== undefined) return known
    let compiled: Check = NEVER
    const check: Check = (value, run, seen) => compiled(value, run, seen)
    this.#checks.set(schema, check)
    this.#pending.push(() => {
      compiled = this.#compile(schema)
    })
    return check
  }

  referred(reference: string): Check {
    const target = reference.startsWith('#/') || reference === '#' ? this.#pointed(reference.slice(2)) : undefined
    const found = target ?? this.#anchors.get(reference.slice(1))
    if (found === undefined) throw new NotASchema(`it refers to ${JSON.stringify(reference)}, which is not in it`)
    return this.at(found)
  }

  spendPattern(size: number): void {
    this.#patternSizeLeft -= size
    if (this.#patternSizeLeft < 0) throw new NotASchema('its patterns are too large')
  }

  #compile(schema: JsonObject): Check {
    const checks = KEYWORDS.flatMap((compile) => compile(schema, this) ?? [])
    const late = UNEVALUATED.flatMap((compile) => compile(schema, this) ?? [])
    const all: Check = (value, run, seen) => {
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
    if (late.length === 0) return all
    return (value, run, outer) => {
      const seen = new Seen()
      if (!all(value, run, seen)) return false
      for (const check of late) if (!check(value, run, seen)) return false
      outer?.add(seen, run)
      return true
    }
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

const ALWAYS: Check = () => true

function decoded(part: string): string {
  try {
    return decodeURIComponent(part)
  } catch {
    return part
  }
}

/** Literal values are no schemas, whatever they look like. */
const LITERAL: ReadonlySet<string> = new Set(['enum', 'const', 'default', 'examples'])

function anchorsIn(root: JsonObject, older: boolean): ReadonlyMap<string, JsonObject> {
  const anchors = new Map<string, JsonObject>()
  const add = (name: Json | undefined, schema: JsonObject) => {
    if (typeof name !== 'string') return
    if (anchors.has(name) && anchors.get(name) !== schema) throw new NotASchema(`it has two parts called "${name}"`)
    anchors.set(name, schema)
  }
  /** `names`: the keys of this object are names that the schema gives, and no keywords. */
  const walk = (value: Json, names: boolean) => {
    if (Array.isArray(value)) for (const item of value) walk(item, false)
    if (!isJsonObject(value)) return
    if (!names) {
      const { $id } = value
      const named = older && typeof $id === 'string' && /^#[^/]/.test($id)
      if (named) add($id.slice(1), value)
      else if (typeof $id === 'string' && value !== root)
        throw new NotASchema('a part of it has an address of its own ($id)')
      if (!older) for (const keyword of ['$anchor', '$dynamicAnchor']) add(value[keyword], value)
    }
    for (const [key, item] of Object.entries(value)) {
      if (names || !LITERAL.has(key)) walk(item, !names && NAMING.has(key))
    }
  }
  walk(root, false)
  return anchors
}

const NAMING: ReadonlySet<string> = new Set([
  'properties',
  'patternProperties',
  'dependentSchemas',
  'dependencies',
  'dependentRequired',
  '$defs',
  'definitions',
])
