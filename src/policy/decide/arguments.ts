import { isJsonObject, type Json, type JsonObject } from '../../model/json.ts'
import { LIMITS } from '../../model/limits.ts'
import { stepText } from '../../model/text/path.ts'
import { fits } from '../cedar/long.ts'
import { type CedarRecord, CedarSet, Decimal, Fault, type Value, Withheld } from '../cedar/value.ts'
import { SMUGGLING_NAMES } from '../cedar/vocabulary.ts'
import type { ArgumentType } from './argument-type.ts'

/**
 * Arguments as Cedar sees them. There is no escape syntax: whatever a cell writes becomes plain data, never an entity.
 *
 * - AR1  Every member of the arguments is in the record but nulls, so `has` never overlooks one.
 * - AR2  What Cedar cannot hold exactly is Withheld: a policy that looks at it faults, and a fault denies.
 */
export function argumentMapper(type: ArgumentType & { readonly kind: 'record' }): (args: JsonObject) => CedarRecord {
  return recordMapper(type, '$')
}

/**
 * Returns the reason for which arguments are not looked at any further; undefined where they may be. The cell controls
 * every byte of them.
 */
export function refuseArguments(args: JsonObject): ArgumentProblem | undefined {
  const found = walk(args, 1, { nodes: 0 })
  return found && within(found, '$')
}

interface ArgumentProblem {
  readonly path: string
  readonly problem: string
}

/** Looks at every value once, on every action: paths are put together on the way back from a refusal only. */
function walk(
  json: JsonObject | readonly Json[],
  depth: number,
  count: { nodes: number },
): ArgumentProblem | undefined {
  if (depth > LIMITS.jsonDepthMax) return { path: '', problem: `nested more than ${LIMITS.jsonDepthMax} deep` }
  if (Array.isArray(json)) {
    for (let index = 0; index < json.length; index++) {
      const found = visit(json[index], depth, count)
      if (found) return within(found, stepText(index))
    }
    return undefined
  }
  for (const name in json) {
    if (SMUGGLING_NAMES.has(name)) return { path: stepText(name), problem: 'a name that Cedar reserves' }
    const found = visit((json as JsonObject)[name], depth, count)
    if (found) return within(found, stepText(name))
  }
  return undefined
}

function visit(json: Json | undefined, depth: number, count: { nodes: number }): ArgumentProblem | undefined {
  if (++count.nodes > LIMITS.jsonNodesMax) return { path: '', problem: `more than ${LIMITS.jsonNodesMax} values` }
  return Array.isArray(json) || isJsonObject(json) ? walk(json, depth + 1, count) : undefined
}

function within({ path, problem }: ArgumentProblem, step: string): ArgumentProblem {
  return { path: `${step}${path}`, problem }
}

type Mapper = (json: Json) => Value | Withheld

function mapper(type: ArgumentType, path: string): Mapper {
  switch (type.kind) {
    case 'string':
      return stringMapper(withheld(path, 'not a well-formed text'))
    case 'boolean':
      return booleanMapper(withheld(path, 'not a boolean'))
    case 'long':
      return longMapper(withheld(path, 'not an integer that is exact'))
    case 'decimal':
      return decimalMapper(withheld(path, 'not a number with at most four decimal places'))
    case 'set':
      return setMapper(mapper(type.element, path), path)
    case 'record': {
      const map = recordMapper(type, path)
      const problem = withheld(path, 'not an object')
      return (json) => (isJsonObject(json) ? map(json) : problem)
    }
    case 'opaque': {
      const problem = withheld(path, type.why)
      return () => problem
    }
  }
}

function recordMapper(
  type: ArgumentType & { readonly kind: 'record' },
  path: string,
): (json: JsonObject) => CedarRecord {
  const fields = new Map(
    Object.entries(type.fields).map(([name, field]) => [name, mapper(field.type, `${path}${stepText(name)}`)]),
  )
  const undeclared = withheld(path, 'has a member that its accepted definition does not declare')
  return (json) => {
    const record = new Map<string, Value | Withheld>()
    for (const name in json) {
      const value = json[name]
      if (value === null || value === undefined) continue
      record.set(name, fields.get(name)?.(value) ?? undeclared)
    }
    return record
  }
}

function stringMapper(problem: Withheld): Mapper {
  return (json) => (typeof json === 'string' && json.isWellFormed() ? json : problem)
}

function booleanMapper(problem: Withheld): Mapper {
  return (json) => (typeof json === 'boolean' ? json : problem)
}

function longMapper(problem: Withheld): Mapper {
  return (json) => (typeof json === 'number' && Number.isSafeInteger(json) ? json : problem)
}

/** A JSON number means the shortest text that names it, because that is what is sent. */
function decimalMapper(problem: Withheld): Mapper {
  return (json) => {
    if (typeof json !== 'number') return problem
    // Up to 15 digits a double has one shortest text, so an exact way back proves the four places.
    const units = Math.round(json * 10_000)
    if (Math.abs(units) < 1e15) return units / 10_000 === json ? new Decimal(BigInt(units)) : problem
    return longDecimal(json) ?? problem
  }
}

function longDecimal(number: number): Decimal | undefined {
  const match = /^(-?\d+)(?:\.(\d{1,4}))?$/.exec(String(number))
  if (!match) return undefined
  const units = BigInt(`${match[1]}${(match[2] ?? '').padEnd(4, '0')}`)
  return fits(units) ? new Decimal(units) : undefined
}

/** An array inside an array is refused whole where its order could matter, so that only a set itself is ever lossy. */
function setMapper(element: Mapper, path: string): Mapper {
  const notArray = withheld(path, 'not an array')
  const badElement = withheld(path, 'has an element that Cedar cannot represent')
  const lossy = new Fault(
    'unrepresentable',
    'Cedar sees neither order nor repeats of an array: ask what it contains',
    path,
  )
  return (json) => {
    if (!Array.isArray(json)) return notArray
    const items: Value[] = []
    for (const each of json) {
      const item = element(each)
      if (item instanceof Withheld || hasObstacle(item)) return badElement
      items.push(item)
    }
    return new CedarSet(items, items.length > 1 ? lossy : undefined)
  }
}

function hasObstacle(value: Value): boolean {
  if (value instanceof CedarSet) return value.lossy !== undefined
  if (!(value instanceof Map)) return false
  return [...value.values()].some((member) => member instanceof Withheld || hasObstacle(member))
}

function withheld(path: string, problem: string): Withheld {
  return new Withheld(new Fault('unrepresentable', problem, path))
}
