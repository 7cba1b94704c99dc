import type { Readable } from 'node:stream'
import { isJsonObject, type Json, type JsonObject, LIMITS, no, ok, type Result } from '../../../model/index.ts'
import { isJsonType, TOKEN } from '../../../model/text/media-type.ts'
import { caseless } from '../../../model/text/text.ts'
import { cutShown } from '../../content/cut-shown.ts'
import { FROM_CELL, jsonFaultText, parseStrictJson } from '../../content/strict-json.ts'
import { GrowingBytes } from '../../fairness/growing-bytes.ts'
import { type Room, TOO_MUCH } from '../../fairness/room.ts'
import { type RequestTarget, readTarget } from '../../web/request-target.ts'
import type { WebRequest } from '../../web/web-request.ts'
import { FORM_TYPE, squeezed, typeSent } from './headers.ts'
import { isPaired, PAIRED } from './pattern.ts'

/** The body of a request: read whole and judged as arguments, or passed on as it comes. */
export type WebBody =
  | { readonly kind: 'none' }
  /** A body whose type and bytes are made anew of what was judged. */
  | { readonly kind: 'judged'; readonly type: string; readonly bytes: Uint8Array; readonly value: Json }
  | { readonly kind: 'streamed'; readonly type: string; readonly length: number | undefined }

export const TOO_LARGE = tooLargeText(LIMITS.judgedBodyBytesMax)

function tooLargeText(bytesMax: number): string {
  return `it has more than ${bytesMax} bytes`
}

/**
 * Reads a body that says JSON or a form, and leaves any other to be passed on. The error says what is wrong with it.
 * What a body that is judged takes of the room is given back by whoever gets it; of any other nothing stays taken. One that
 * is judged waits for its turn, since several may end in one turn of the loop.
 */
export async function readWebBody(
  request: WebRequest,
  room: Room,
  turn: (bytes: number) => Promise<void> | undefined,
): Promise<Result<WebBody, string>> {
  const { hasBody, body, headers, length } = request
  if (!hasBody) {
    body.resume()
    return ok({ kind: 'none' })
  }
  const valuesOf = (name: string) => headers.filter(([each]) => squeezed(each) === name).map(([, value]) => value)
  const types = valuesOf('contenttype')
  if (types.length > 1) return no('it has two content types')
  const said = types[0] === undefined ? { type: '', charset: undefined } : typeIn(types[0])
  // What is no type is read as any by some servers.
  if (said === undefined) return no('its content type is none, or several: write type/subtype; name=value')
  const { type, charset } = said
  const form = formOf(type)
  if (form === undefined) {
    if (length !== 0) return ok({ kind: 'streamed', type, length })
    body.resume()
    return ok({ kind: 'none' })
  }
  if (valuesOf('contentencoding').some((value) => value.toLowerCase() !== 'identity'))
    return no('its body is encoded, and cannot be judged')
  if (charset !== undefined && !/^(?:utf-?8|us-ascii)$/.test(charset))
    return no('its body is in other characters than UTF-8, and cannot be judged')
  const read = await readWhole(body, { length, room, bytesMax: LIMITS.judgedBodyBytesMax })
  if (!read.ok) return read
  const came = read.value
  await turn(came.length)
  const made = madeAnew(form, came)
  const more = made.ok ? (made.value?.bytes.length ?? 0) - came.length : 0
  if (made.ok && room.take(more))
    return ok(made.value === undefined ? { kind: 'none' } : { kind: 'judged', type: typeSent(type), ...made.value })
  room.give(came.length)
  return made.ok ? no(TOO_MUCH) : made
}

type Form = 'json' | 'form'

/** Reads a body as what is judged, and makes its bytes of that alone; undefined where it has none that say anything. */
function madeAnew(
  form: Form,
  came: Uint8Array,
): Result<{ readonly bytes: Uint8Array; readonly value: Json } | undefined, string> {
  if (form === 'json' && came.length === 0) return ok(undefined)
  const judged = judgedValue(form, came)
  if (!judged.ok) return judged
  const { value } = judged
  const problem = ambiguityIn(form, came, value)
  if (problem !== undefined) return no(problem)
  const bytes = Buffer.from(form === 'json' ? JSON.stringify(value) : formText(value))
  return bytes.length > LIMITS.judgedBodyBytesMax ? no(TOO_LARGE) : ok({ bytes, value })
}

/** Returns a form as it is sent: in one spelling (WHATWG URL, 5.2), the values of a name beside each other. */
function formText(value: Json): string {
  const pairs = Object.entries(isJsonObject(value) ? value : {})
  const form = new URLSearchParams()
  for (const [name, all] of pairs) for (const each of [all].flat()) form.append(name, String(each))
  return form.toString()
}

const MEDIA_TYPE = new RegExp(`^${TOKEN}/${TOKEN}`)
const PARAMETER = new RegExp(`[\\t ]*;[\\t ]*(?:(${TOKEN})=(?:(${TOKEN})|"([^",\\\\\\x00-\\x1f\\x7f]*)"))?`, 'y')

/**
 * Reads a content type strictly (RFC 9110, 8.3.1), in lower case; undefined of what is none, or more than one. Commas are
 * refused in quotes, too: of a list of types some servers take the first, and others the last.
 */
function typeIn(written: string): { readonly type: string; readonly charset: string | undefined } | undefined {
  const text = written.toLowerCase().trim()
  const [type] = MEDIA_TYPE.exec(text) ?? []
  if (type === undefined) return undefined
  const parameters = new Map<string, string>()
  for (let at = type.length; at < text.length; at = PARAMETER.lastIndex) {
    PARAMETER.lastIndex = at
    const [found, name, plain, quoted] = PARAMETER.exec(text) ?? []
    if (found === undefined || (name !== undefined && parameters.has(name))) return undefined
    if (name !== undefined) parameters.set(name, plain ?? quoted ?? '')
  }
  const charsets = [...parameters].filter(([name]) => name.startsWith('charset'))
  return { type, charset: charsets[0] && charsets.map(([, value]) => value).join() }
}

/** Returns the form of a body that is judged, by its content type; undefined of any other. */
function formOf(type: string): Form | undefined {
  const plain = type.trim().toLowerCase()
  if (isJsonType(plain)) return 'json'
  return plain === FORM_TYPE ? 'form' : undefined
}

/** Reads a body that was judged once, by its content type; undefined of one that passed on as it came. */
export function bodyIn(type: string, bytes: Uint8Array): Result<Json, string> | undefined {
  const form = formOf(type.split(';')[0] ?? '')
  return form === undefined ? undefined : judgedValue(form, bytes)
}

function judgedValue(form: Form, bytes: Uint8Array): Result<Json, string> {
  if (form === 'form') return formIn(bytes)
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
function ambiguityIn(form: Form, bytes: Uint8Array, value: Json): string | undefined {
  if (form === 'form' && (bytes[0] === OPENS_OBJECT || bytes[0] === OPENS_LIST))
    return 'its form begins as JSON does: what is JSON says content-type: application/json'
  const names = isJsonObject(value) ? Object.keys(value) : []
  const other = names.find((name) => (form === 'form' ? partsOf(name)[0] : nameOf(name)) === '_method')
  if (other !== undefined) return `its body asks for another method (${shown(other)}) than its line, which is judged`
  const paired = names.find(
    (name) => form === 'form' && isPaired(name) && isJsonObject(value) && Array.isArray(value[name]),
  )
  if (paired !== undefined) return `its form names ${shown(paired)} twice${PAIRED}`
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
    if (parts.length > PARTS_MAX) return `its form names ${shown(name)}, with more than ${PARTS_MAX - 1} brackets`
    const above = parts.map((_, i) => parts.slice(0, i + 1).join('['))
    const own = above.pop() ?? ''
    const twin = whole.get(own) ?? begun.get(own) ?? firstOf(above, (each) => whole.get(each))
    if (twin !== undefined) return twinText(twin, name)
    whole.set(own, name)
    for (const each of above) begun.set(each, name)
    return undefined
  })
}

/** Parts of a form's name: PHP reads 64 brackets, others fewer. */
const PARTS_MAX = 65

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
  for (const [name, value] of parameters) {
    const all = found.get(name)
    if (all === undefined) found.set(name, [value])
    else all.push(value)
  }
  return { query: Object.fromEntries([...found].map(([name, all]) => [name, all.length === 1 ? (all[0] ?? '') : all])) }
}
