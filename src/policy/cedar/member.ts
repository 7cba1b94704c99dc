import type { Evaluate } from './operators.ts'
import type { Request } from './request.ts'
import { Entity, Fault, isRecord, RECORD_OR_ENTITY, type Value, Withheld, wrongType } from './value.ts'

/** Makes the closure of `left.name`. */
export function attribute(left: Evaluate, name: string): Evaluate {
  return (request) => {
    const from = left(request)
    if (from instanceof Map) return member(from.get(name), name)
    if (from instanceof Fault) return from
    if (!(from instanceof Entity)) return wrongType(RECORD_OR_ENTITY, from)
    const data = request.entities.get(from.key)
    if (data === undefined) return new Fault('entity', `entity ${from.key} does not exist`)
    return member(data.attributes.get(name), name)
  }
}

/** Makes the closure of `left has a.b.c`: each step but the last is taken, so that a fault on the way is a fault. */
export function has(left: Evaluate, path: readonly string[]): Evaluate {
  return (request) => {
    let from = left(request)
    for (const [index, name] of path.entries()) {
      if (from instanceof Fault) return from
      const found = memberOf(from, name, request)
      if (found === undefined || found instanceof Fault) return found ?? false
      if (index === path.length - 1) return true
      from = found instanceof Withheld ? found.fault : found
    }
    return from
  }
}

function memberOf(from: Value, name: string, request: Request): Value | Withheld | Fault | undefined {
  if (isRecord(from)) return from.get(name)
  if (from instanceof Entity) return request.entities.get(from.key)?.attributes.get(name)
  return wrongType(RECORD_OR_ENTITY, from)
}

function member(found: Value | Withheld | undefined, name: string): Value | Fault {
  if (found === undefined) return new Fault('attribute', `there is no attribute ${JSON.stringify(name)}`)
  return found instanceof Withheld ? found.fault : found
}
