import { isJsonObject, type Json, type JsonObject } from '../../../src/model/json.ts'
import { decimalText, decimalUnits } from '../../../src/model/money.ts'
import type { Request } from '../../../src/policy/cedar/request.ts'
import { CedarSet, Decimal, Entity, type Value, Withheld } from '../../../src/policy/cedar/value.ts'
import type { Universe } from './universe.ts'

/** A world and requests in it as Cedar's JSON, so that the same can be given to Cedar and to any copy of our own code. */
export interface World {
  readonly entities: readonly { readonly uid: Uid; readonly attrs: JsonObject; readonly parents: readonly Uid[] }[]
  readonly requests: readonly RequestJson[]
}

export interface RequestJson {
  readonly principal: Uid
  readonly action: Uid
  readonly resource: Uid
  readonly context: JsonObject
}

interface Uid {
  readonly type: string
  readonly id: string
}

export function encodeWorld(universe: Universe, requests: readonly Request[]): World {
  const entities = [...universe].map(([key, { attributes, ancestors }]) => ({
    uid: uidOfKey(key),
    attrs: encodeRecord(attributes),
    parents: [...ancestors].map(uidOfKey),
  }))
  return { entities, requests: requests.map(encodeRequest) }
}

export function decodeWorld({ entities, requests }: World): readonly Request[] {
  const universe = new Map(
    entities.map(({ uid, attrs, parents }) => [
      new Entity(uid.type, uid.id).key,
      { attributes: decodeRecord(attrs), ancestors: new Set(parents.map(({ type, id }) => new Entity(type, id).key)) },
    ]),
  )
  return requests.map(({ principal, action, resource, context }) => ({
    principal: new Entity(principal.type, principal.id),
    action: new Entity(action.type, action.id),
    resource: new Entity(resource.type, resource.id),
    context: decodeRecord(context),
    entities: universe,
  }))
}

function encodeRequest({ principal, action, resource, context }: Request): RequestJson {
  return {
    principal: uidOf(principal),
    action: uidOf(action),
    resource: uidOf(resource),
    context: encodeRecord(context),
  }
}

function encodeRecord(record: ReadonlyMap<string, Value | Withheld>): JsonObject {
  return Object.fromEntries([...record].map(([name, value]) => [name, encode(value)]))
}

function decodeRecord(json: JsonObject): ReadonlyMap<string, Value> {
  return new Map(Object.entries(json).map(([name, value]) => [name, decode(value)]))
}

function encode(value: Value | Withheld): Json {
  if (value instanceof Decimal) return { __extn: { fn: 'decimal', arg: decimalText(value.units) } }
  if (value instanceof Entity) return { __entity: { ...uidOf(value) } }
  if (value instanceof CedarSet) return value.items.map(encode)
  if (value instanceof Map) return encodeRecord(value)
  if (value instanceof Withheld || typeof value === 'bigint' || typeof value === 'object')
    throw new TypeError('not in a request')
  return value
}

function decode(json: Json): Value {
  if (Array.isArray(json)) return new CedarSet(json.map(decode))
  if (!isJsonObject(json)) {
    if (json === null || typeof json === 'object') throw new TypeError('Cedar has no null')
    return json
  }
  const { __entity: entity, __extn: extension } = json
  if (isJsonObject(entity)) return new Entity(String(entity.type), String(entity.id))
  if (!isJsonObject(extension)) return decodeRecord(json)
  const text = String(extension.arg)
  const units = decimalUnits(text)
  // The least decimal has no positive counterpart, which is what `decimalUnits` reads first.
  return new Decimal(units.ok ? units.value : -(2n ** 63n))
}

function uidOf({ type, id }: Entity): Uid {
  return { type, id }
}

function uidOfKey(key: string): Uid {
  const at = key.indexOf('::"')
  return { type: key.slice(0, at), id: key.slice(at + 3, -1) }
}
