import type { Readable } from 'node:stream'
import { isJsonObject, type Json, type JsonObject, LIMITS, no, ok, type Result } from '../../../model/index.ts'
import { cutShown } from '../../content/cut-shown.ts'
import { FROM_CELL, jsonFaultText, parseStrictJson } from '../../content/strict-json.ts'
import { GrowingBytes } from '../../fairness/growing-bytes.ts'
import { type Room, TOO_MUCH } from '../../fairness/room.ts'
import { type RequestTarget, readTarget } from '../../web/request-target.ts'
import type { WebRequest } from '../../web/web-request.ts'
import { squeezed } from './headers.ts'
import { caseless } from './pattern.ts'

/** The body of a request: read whole and judged as arguments, or passed on as it comes. */
export type WebBody =
  | { readonly kind: 'none' }
  | { readonly kind: 'judged'; readonly bytes: Uint8Array; readonly value: Json }
  | { readonly kind: 'streamed'; readonly type: string; readonly length: number | undefined }

export const TOO_LARGE = tooLargeText(LIMITS.judgedBodyBytesMax)

function tooLargeText(bytesMax: number): string {
  return `it has more than ${bytesMax} bytes`
}

/**
 * Reads a body that says JSON or a form, and leaves any other to be passed on. The error says what is wrong with it.
 * What a body that is judged takes of the room is given back by whoever gets it; of any other nothing stays taken.
 */
export async function readWebBody(request: WebRequest, room: Room): Promise<Result<WebBody, string>> {
  const { hasBody, body, headers, length } = request
  if (!hasBody) {
    body.resume()
    return ok({ kind: 'none' })
  }
  const valuesOf = (name: string) => headers.filter(([each]) => squeezed(each) === name).map(([, value]) => value)
  const types = valuesOf('contenttype')
  if (types.length > 1) return no('it has two content types')
  const [type = '', ...parameters] = (types[0] ?? '').toLowerCase().split(';')
  const form = formOf(type)
  if (form === undefined) {
    // What is no type is read as any by some servers.
    if (types.length > 0 && !MEDIA_TYPE.test(type.trim())) return no('its content type is none: write type/subtype')
    if (length !== 0) return ok({ kind: 'streamed', type: type.trim(), length })
    body.resume()
    return ok({ kind: 'none' })
  }
  if (valuesOf('contentencoding').some((value) => value.toLowerCase() !== 'identity'))
    return no('its body is encoded, and cannot be judged')
  // Some servers read a body by what this says, and it would say there what it does not here.
  if (parameters.some((each) => /^\s*charset\b/.test(each) && !/^\s*charset="?(?:utf-?8|us-ascii)"?\s*$/.test(each)))
    return no('its body is in other characters than UTF-8, and cannot be judged')
  const bytes = await readWhole(body, { length, room, bytesMax: LIMITS.judgedBodyBytesMax })
  if (!bytes.ok) return bytes
  const judged = judgedValue(form, bytes.value)
  const problem = judged.ok ? ambiguityIn(form, bytes.value, judged.value) : judged.reason
  if (judged.ok && problem === undefined) return ok({ kind: 'judged', bytes: bytes.value, value: judged.value })
  room.give(bytes.value.length)
  return no(problem ?? 'it cannot be judged')
}

/** A content type without its parameters (RFC 9110, 8.3.1), in lower case. */
const MEDIA_TYPE = /^[!#$%&'*+.^_`|~0-9a-z-]{1,127}\/[!#$%&'*+.^_`|~0-9a-z-]{1,127}$/

/** Returns the form of a body that is judged, by its content type; undefined of any other. */
function formOf(type: string): 'json' | 'form' | undefined {
  const plain = type.trim().toLowerCase()
  if (/^application\/(?:[a-z0-9.-]+\+)?json$/.test(plain)) return 'json'
  return plain === 'application/x-www-form-urlencoded' ? 'form' : undefined
}

/** Reads a body that was judged once, by its content type; undefined of one that passed on as it came. */
export function bodyIn(type: string, bytes: Uint8Array): Result<Json, string> | undefined {
  const form = formOf(type.split(';')[0] ?? '')
  return form === undefined ? undefined : judgedValue(form, bytes)
}

function judgedValue(form: 'json' | 'form', bytes: Uint8Array): Result<Json, string> {
  if (form === 'form') return formIn(bytes)
  if (bytes.length === 0) return ok(null)
  const json = parseStrictJson(bytes, FROM_CELL)
  return json.ok ? json : no(`its body: ${jsonFaultText(json.reason)}`)
}

export interface WholeBody {
  /** Bytes that its sender says that it has. */
  readonly length: number | undefined
  readonly room: Room
  readonly bytesMax: number
}

/** Reads a body whole; what it takes of the room is given back by whoever gets it. The error says what is wrong. */
export function readWhole(
  body: Readable,
  { length = 0, room, bytesMax }: WholeBody,
): Promise<Result<Uint8Array, string>> {
  const tooLarge = tooLargeText(bytesMax)
  if (length > bytesMax) {
    body.resume()
    return Promise.resolve(no(tooLarge))
  }
  return new Promise((resolve) => {
    const bytes = new GrowingBytes()
    let over = false
    const give = (problem: string) => {
      if (over) return
      over = true
      body.removeAllListeners('data').resume()
      room.give(bytes.length)
      resolve(no(problem))
    }
    body.on('data', (piece: Uint8Array) => {
      if (bytes.length + piece.length > bytesMax) return give(tooLarge)
      if (!room.take(piece.length)) return give(TOO_MUCH)
      bytes.push(piece)
    })
    body.once('end', () => {
      if (over) return
      over = true
      resolve(ok(bytes.take()))
    })
    body.once('close', () => give('it broke off'))
  })
}

function formIn(bytes: Uint8Array): Result<Json, string> {
  const target = readTarget(`/?${Buffer.from(bytes).toString('latin1')}`)
  if (!target.ok) return no(target.reason.replace('its target', 'its form').replace('its query', 'its form'))
  return ok(queryOf(target.value).query ?? {})
}

/**
 * Returns what a body says that its server may read as another thing than what was judged: names that servers take for one,
 * a method in place of the one of its line, a form that is JSON as well. Undefined where it says one thing.
 */
function ambiguityIn(form: 'json' | 'form', bytes: Uint8Array, value: Json): string | undefined {
  if (form === 'form' && (bytes[0] === OPENS_OBJECT || bytes[0] === OPENS_LIST))
    return 'its form begins as JSON does: what is JSON says content-type: application/json'
  const names = isJsonObject(value) ? Object.keys(value) : []
  const other = names.find((name) => (form === 'form' ? partsOf(name)[0] : nameOf(name)) === '_method')
  if (other !== undefined) return `its body asks for another method (${shown(other)}) than its line, which is judged`
  return form === 'form' ? twinsInForm(names) : twinsIn(value)
}

const [OPENS_OBJECT, OPENS_LIST] = [0x7b, 0x5b]

/** Returns the two names of one object that are one to servers that care for no case; at any level. */
function twinsIn(value: Json): string | undefined {
  if (Array.isArray(value)) return firstOf(value, twinsIn)
  if (!isJsonObject(value)) return undefined
  const met = new Map<string, string>()
  return firstOf(Object.entries(value), ([name, inner]) => {
    const plain = nameOf(name)
    const twin = met.get(plain)
    met.set(plain, name)
    return twin === undefined ? twinsIn(inner) : twinText(twin, name)
  })
}

/**
 * Returns the names of a form that frameworks read in different ways, or as one: `a.b`, `a b` and `a_b` are one to PHP,
 * `a` and `a[0]` to most, and what stands around brackets or spaces is dropped here and there.
 */
function twinsInForm(names: readonly string[]): string | undefined {
  const [whole, begun] = [new Map<string, string>(), new Map<string, string>()]
  return firstOf(names, (name) => {
    if (/^\s|\s$|\p{Cc}/u.test(name)) return `its form names ${shown(name)}, whose spaces some servers drop`
    if (!/^[^[\]]+(?:\[[^[\]]*\])*$|^$/.test(name)) return `its form names ${shown(name)}, whose brackets are no pairs`
    const parts = partsOf(name)
    const above = parts.map((_, i) => parts.slice(0, i + 1).join('['))
    const own = above.pop() ?? ''
    const twin = whole.get(own) ?? begun.get(own) ?? firstOf(above, (each) => whole.get(each))
    if (twin !== undefined) return twinText(twin, name)
    whole.set(own, name)
    for (const each of above) begun.set(each, name)
    return undefined
  })
}

/** Returns the names of which a form makes one, `a[b][]`, as all frameworks would have them. */
function partsOf(name: string): readonly string[] {
  const parts = name.split(/[[\]]+/).map((part) => nameOf(part).replace(/\.+$/, '').replaceAll(/[\s.]/g, '_'))
  return parts.filter((part) => part !== '')
}

function nameOf(name: string): string {
  return caseless(name).trim()
}

function firstOf<T>(all: readonly T[], found: (each: T) => string | undefined): string | undefined {
  for (const each of all) {
    const first = found(each)
    if (first !== undefined) return first
  }
  return undefined
}

function twinText(one: string, other: string): string {
  return `its body names ${shown(one)} and ${shown(other)}, which are one to some servers`
}

function shown(name: string): string {
  return cutShown(JSON.stringify(name), SHOWN_CHARACTERS_MAX)
}

/** Characters of a name that whoever wrote it is shown. */
const SHOWN_CHARACTERS_MAX = 66

/** Returns a query as arguments: a name that stands there several times has a list. */
export function queryOf({ parameters }: RequestTarget): { readonly query?: JsonObject } {
  if (parameters.length === 0) return {}
  const found = new Map<string, Json[]>()
  for (const [name, value] of parameters) found.set(name, [...(found.get(name) ?? []), value])
  return { query: Object.fromEntries([...found].map(([name, all]) => [name, all.length === 1 ? (all[0] ?? '') : all])) }
}
