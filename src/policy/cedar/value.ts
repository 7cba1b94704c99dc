/**
 * A value of a Cedar expression. Records are Maps, so that no key reaches a prototype.
 *
 * - VA1  A Long is a number when that is exact, else a bigint; never both for one value, so `===` compares them.
 * - VA2  A Withheld stands only inside a record, where an argument could not be represented: taking it out is a fault.
 */
export type Value = boolean | number | bigint | string | Decimal | Entity | CedarSet | CedarRecord

export type CedarRecord = ReadonlyMap<string, Value | Withheld>

/** Cedar's `decimal`, in units of 1/10,000. */
export class Decimal {
  readonly units: bigint
  constructor(units: bigint) {
    this.units = units
  }
}

/** The name of an entity; what is known of it stands in the request. */
export class Entity {
  readonly type: string
  readonly id: string
  /** Type and name in one text: types hold no quote, and the id stands last. */
  readonly key: string
  constructor(type: string, id: string) {
    this.type = type
    this.id = id
    this.key = `${type}::"${id}"`
  }
}

/** A set of Cedar, without order and repeats. */
export class CedarSet {
  /** Items as they were given, which may repeat. */
  readonly items: readonly Value[]
  /**
   * The fault of every comparison with this set: it was a JSON array, whose order and repeats Cedar cannot see. Absent
   * for a true set.
   */
  readonly lossy: Fault | undefined
  #keys: ReadonlySet<string> | undefined
  constructor(items: readonly Value[], lossy?: Fault) {
    this.items = items
    this.lossy = lossy
  }

  /**
   * Returns the keys of the items, made when first asked for, so that an array no policy looks into costs nothing.
   * Keeps set operations linear.
   */
  get keys(): ReadonlySet<string> {
    this.#keys ??= new Set(this.items.map(keyOf))
    return this.#keys
  }
}

/**
 * The reason for which an expression has no value. An expected outcome of evaluation, so it is returned, never thrown.
 */
export class Fault {
  readonly kind: FaultKind
  readonly text: string
  /** The argument's path, for `unrepresentable`. */
  readonly path: string
  constructor(kind: FaultKind, text: string, path = '') {
    this.kind = kind
    this.text = text
    this.path = path
  }
}

/**
 * The first five are Cedar's. `unrepresentable`: an argument that Cedar has no exact value for. `unknown`: the value is
 * not known yet (a list is decided without arguments).
 */
export type FaultKind = 'type' | 'overflow' | 'attribute' | 'entity' | 'extension' | 'unrepresentable' | 'unknown'

/** A member of a record that is there, and cannot be looked at. */
export class Withheld {
  readonly fault: Fault
  constructor(fault: Fault) {
    this.fault = fault
  }
}

/** The two values are Cedar-equal. Neither may hold anything that `obstacle` names. */
export function equal(left: Value, right: Value): boolean {
  if (left === right) return true
  if (left instanceof Entity) return right instanceof Entity && left.key === right.key
  if (left instanceof Decimal) return right instanceof Decimal && left.units === right.units
  if (left instanceof CedarSet) return right instanceof CedarSet && sameKeys(left.keys, right.keys)
  return keyOf(left) === keyOf(right)
}

export function isRecord(value: Value): value is CedarRecord {
  return value instanceof Map
}

/** Returns the fault that comparing this value for equality meets; undefined where it can be compared. */
export function obstacle(value: Value): Fault | undefined {
  if (value instanceof CedarSet) return value.lossy
  if (!(value instanceof Map)) return undefined
  for (const member of value.values()) {
    const found = member instanceof Withheld ? member.fault : obstacle(member)
    if (found) return found
  }
  return undefined
}

/**
 * Returns a key that equal values share, and no others. Lengths stand before texts, so that no text can imitate a
 * structure.
 */
export function keyOf(value: Value | Withheld): string {
  switch (typeof value) {
    case 'string':
      return `s${value.length}:${value}`
    case 'number':
    case 'bigint':
      return `l${value}`
    case 'boolean':
      return value ? 't' : 'f'
    default:
      return objectKey(value)
  }
}

function objectKey(value: Exclude<Value | Withheld, string | number | bigint | boolean>): string {
  if (value instanceof Entity) return `e${value.key.length}:${value.key}`
  if (value instanceof Decimal) return `d${value.units}`
  if (value instanceof CedarSet) return `[${[...value.keys].sort().join(',')}]`
  if (value instanceof Withheld) return `?${value.fault.text}`
  const members = [...value].map(([name, member]) => `${name.length}:${name}=${keyOf(member)}`)
  return `{${members.sort().join(',')}}`
}

function sameKeys(left: ReadonlySet<string>, right: ReadonlySet<string>): boolean {
  if (left.size !== right.size) return false
  for (const key of left) if (!right.has(key)) return false
  return true
}

/** Returns the name of a value's type as Cedar's messages have it. */
function typeName(value: Value): string {
  if (typeof value === 'boolean') return 'bool'
  if (typeof value === 'number' || typeof value === 'bigint') return 'long'
  if (typeof value === 'string') return 'string'
  if (value instanceof Decimal) return 'decimal'
  if (value instanceof Entity) return `(entity of type \`${value.type}\`)`
  return value instanceof CedarSet ? 'set' : 'record'
}

/** Names of operands in Cedar's messages. */
export const ANY_ENTITY = '(entity of type `any_entity_type`)'
export const RECORD_OR_ENTITY = `one of [record, ${ANY_ENTITY}]`

export function wrongType(expected: string, got: Value | undefined): Fault {
  return new Fault('type', `expected ${expected}, got ${got === undefined ? 'nothing' : typeName(got)}`)
}
