import { parsedDecimal } from './decimal.ts'
import { isLong, long } from './long.ts'
import { matcher } from './pattern.ts'
import { isIn, type Request } from './request.ts'
import { ANY_ENTITY, CedarSet, Decimal, Entity, equal, Fault, keyOf, obstacle, type Value, wrongType } from './value.ts'

/**
 * Cedar's operators, each as a maker of closures. Cedar's own order of evaluation is kept, because it decides which fault
 * is reported: left, then right, then the types of both. Only `&&`, `||` and `if` leave an operand out.
 */
export type Evaluate = (request: Request) => Value | Fault

type Binary = (left: Evaluate, right: Evaluate) => Evaluate
type Unary = (operand: Evaluate) => Evaluate

/** Binary operators by their names in Cedar's JSON policy format. */
export const BINARY: Readonly<Record<string, Binary>> = {
  '&&': and,
  '||': or,
  '==': strict((left, right) => obstacle(left) ?? obstacle(right) ?? equal(left, right)),
  '!=': strict((left, right) => obstacle(left) ?? obstacle(right) ?? !equal(left, right)),
  '<': comparison((left, right) => left < right),
  '<=': comparison((left, right) => left <= right),
  '>': comparison((left, right) => left > right),
  '>=': comparison((left, right) => left >= right),
  '+': arithmetic(
    'add',
    (a, b) => a + b,
    (a, b) => a + b,
  ),
  '-': arithmetic(
    'subtract',
    (a, b) => a - b,
    (a, b) => a - b,
  ),
  '*': arithmetic(
    'multiply',
    (a, b) => a * b,
    (a, b) => a * b,
  ),
  in: (left, right) => (request) => {
    const entity = left(request)
    if (entity instanceof Fault) return entity
    const ancestors = right(request)
    if (ancestors instanceof Fault) return ancestors
    if (!(entity instanceof Entity)) return wrongType(ANY_ENTITY, entity)
    return isInAny(request, entity, ancestors)
  },
  contains: strict((set, item) => {
    if (!(set instanceof CedarSet)) return wrongType('set', set)
    return obstacle(item) ?? set.keys.has(keyOf(item))
  }),
  containsAll: sets((set, others) => others.isSubsetOf(set)),
  containsAny: sets((set, others) => !others.isDisjointFrom(set)),
}

export const UNARY: Readonly<Record<string, Unary>> = {
  '!': (operand) => (request) => {
    const value = operand(request)
    if (value instanceof Fault) return value
    return typeof value === 'boolean' ? !value : wrongType('bool', value)
  },
  neg: (operand) => (request) => {
    const value = operand(request)
    if (value instanceof Fault) return value
    if (!isLong(value)) return wrongType('long', value)
    return long(-BigInt(value)) ?? new Fault('overflow', `integer overflow while attempting to negate ${value}`)
  },
  isEmpty: (operand) => (request) => {
    const value = operand(request)
    if (value instanceof Fault) return value
    return value instanceof CedarSet ? value.items.length === 0 : wrongType('set', value)
  },
}

/** Extension functions and methods, by name; each says how many arguments it takes. */
export const EXTENSION: Readonly<
  Record<string, { readonly arity: number; readonly make: (args: readonly Evaluate[]) => Evaluate }>
> = {
  decimal: {
    arity: 1,
    make: onArguments(([text]) => (typeof text === 'string' ? parsedDecimal(text) : wrongType('string', text))),
  },
  lessThan: decimals((left, right) => left < right),
  lessThanOrEqual: decimals((left, right) => left <= right),
  greaterThan: decimals((left, right) => left > right),
  greaterThanOrEqual: decimals((left, right) => left >= right),
}

/**
 * Makes a conjunction: false decides, whatever stands right of it. Only where arguments are unknown does the right side
 * decide too: if it is false or a fault, the whole is false or a fault in every case, and `false` says so.
 */
function and(left: Evaluate, right: Evaluate): Evaluate {
  return (request) => {
    const first = left(request)
    if (first === false) return false
    if (first !== true) return first instanceof Fault ? unknownAnd(first, right, request) : wrongType('bool', first)
    const second = right(request)
    return typeof second === 'boolean' || second instanceof Fault ? second : wrongType('bool', second)
  }
}

function unknownAnd(first: Fault, right: Evaluate, request: Request): Value | Fault {
  if (first.kind !== 'unknown') return first
  const second = right(request)
  return second === true || (second instanceof Fault && second.kind === 'unknown') ? first : false
}

function or(left: Evaluate, right: Evaluate): Evaluate {
  return (request) => {
    const first = left(request)
    if (first === true) return true
    if (first !== false) return first instanceof Fault ? first : wrongType('bool', first)
    const second = right(request)
    return typeof second === 'boolean' || second instanceof Fault ? second : wrongType('bool', second)
  }
}

export function ifThenElse(condition: Evaluate, then: Evaluate, otherwise: Evaluate): Evaluate {
  return (request) => {
    const chosen = condition(request)
    if (chosen === true) return then(request)
    if (chosen === false) return otherwise(request)
    return chosen instanceof Fault ? chosen : wrongType('bool', chosen)
  }
}

/**
 * Makes the closure of `left is Type` and `left is Type in right`; the second is `(left is Type) && (left in right)`.
 */
export function is(left: Evaluate, type: string): Evaluate {
  return (request) => {
    const entity = left(request)
    if (entity instanceof Fault) return entity
    return entity instanceof Entity ? entity.type === type : wrongType(ANY_ENTITY, entity)
  }
}

/**
 * Makes the closure of `left like pattern`. In a pattern text stands for itself, `undefined` for any text. Compares
 * code points as they are: no folding.
 */
export function like(left: Evaluate, pattern: readonly (string | undefined)[]): Evaluate {
  const matches = matcher(pattern)
  return (request) => {
    const text = left(request)
    if (text instanceof Fault) return text
    return typeof text === 'string' ? matches(text) : wrongType('string', text)
  }
}

export function setOf(items: readonly Evaluate[]): Evaluate {
  return (request) => {
    const values: Value[] = []
    for (const item of items) {
      const value = item(request)
      if (value instanceof Fault) return value
      const lost = obstacle(value)
      if (lost) return lost
      values.push(value)
    }
    return new CedarSet(values)
  }
}

/** Makes the closure of a record, whose fields are evaluated in the order of their names' UTF-8 bytes. */
export function recordOf(fields: readonly (readonly [string, Evaluate])[]): Evaluate {
  const ordered = fields.toSorted(([a], [b]) => Buffer.compare(Buffer.from(a), Buffer.from(b)))
  return (request) => {
    const record = new Map<string, Value>()
    for (const [name, field] of ordered) {
      const value = field(request)
      if (value instanceof Fault) return value
      record.set(name, value)
    }
    return record
  }
}

const COMPARABLE = 'one of [long, datetime, duration]'

function strict(apply: (left: Value, right: Value) => Value | Fault): Binary {
  return (left, right) => (request) => {
    const first = left(request)
    if (first instanceof Fault) return first
    const second = right(request)
    return second instanceof Fault ? second : apply(first, second)
  }
}

function comparison(compare: (left: number | bigint, right: number | bigint) => boolean): Binary {
  return strict((left, right) => {
    if (isLong(left)) return isLong(right) ? compare(left, right) : wrongType('long', right)
    return wrongType(isLong(right) ? 'long' : COMPARABLE, left)
  })
}

/**
 * Makes an arithmetic operator on 64 bits, as Cedar's. The sum of two exact numbers is exact when it is safe, and never
 * looks safe when it is not.
 */
function arithmetic(
  verb: string,
  fast: (left: number, right: number) => number,
  exact: (left: bigint, right: bigint) => bigint,
): Binary {
  return strict((left, right) => {
    if (!isLong(left)) return wrongType('long', left)
    if (!isLong(right)) return wrongType('long', right)
    if (typeof left === 'number' && typeof right === 'number') {
      const result = fast(left, right)
      if (Number.isSafeInteger(result)) return result
    }
    const overflow = `integer overflow while attempting to ${verb} ${left} and ${right}`
    return long(exact(BigInt(left), BigInt(right))) ?? new Fault('overflow', overflow)
  })
}

function sets(apply: (left: ReadonlySet<string>, right: ReadonlySet<string>) => boolean): Binary {
  return strict((left, right) => {
    if (!(left instanceof CedarSet)) return wrongType('set', left)
    return right instanceof CedarSet ? apply(left.keys, right.keys) : wrongType('set', right)
  })
}

function isInAny(request: Request, entity: Entity, ancestors: Value): boolean | Fault {
  if (ancestors instanceof Entity) return isIn(request.entities, entity, ancestors.key)
  if (!(ancestors instanceof CedarSet)) return wrongType(`one of [set, ${ANY_ENTITY}]`, ancestors)
  let found = false
  for (const ancestor of ancestors.items) {
    if (!(ancestor instanceof Entity)) return wrongType(ANY_ENTITY, ancestor)
    found ||= isIn(request.entities, entity, ancestor.key)
  }
  return found
}

function onArguments(apply: (values: readonly Value[]) => Value | Fault): (args: readonly Evaluate[]) => Evaluate {
  return (args) => (request) => {
    const values: Value[] = []
    for (const arg of args) {
      const value = arg(request)
      if (value instanceof Fault) return value
      values.push(value)
    }
    return apply(values)
  }
}

function decimals(compare: (left: bigint, right: bigint) => boolean): {
  readonly arity: number
  readonly make: (args: readonly Evaluate[]) => Evaluate
} {
  const make = onArguments(([left, right]) => {
    if (!(left instanceof Decimal)) return wrongType('decimal', left)
    return right instanceof Decimal ? compare(left.units, right.units) : wrongType('decimal', right)
  })
  return { arity: 2, make }
}
