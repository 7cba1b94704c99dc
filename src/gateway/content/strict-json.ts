import {
  endOfString,
  isUnsafe,
  type Json,
  type JsonObject,
  type JsonScan,
  KEEP_AS_WRITTEN,
  KEEP_ROUNDED,
  type Keeps,
  LIMITS,
  no,
  ok,
  parseJson,
  parseScanned,
  type Result,
  type Scanned,
  scanJson,
  WrittenNumber,
} from '../../model/index.ts'
import { cutShown } from './cut-shown.ts'

/**
 * Reads JSON that an attacker wrote (S11): what two parsers could read differently is refused, not repaired.
 * RFC 8259 leaves duplicate keys, numbers past 2^53 and lone surrogates to the implementation; RFC 7493 (I-JSON) forbids
 * them, and so do we. A byte order mark, NaN and a key named `__proto__` are refused as well.
 *
 * Numbers that a double cannot hold are refused of cells, since an upstream may take for another one what was judged. Of
 * upstreams they are kept as they were written: whoever judges one judges all of its digits, and sends them on.
 *
 * The work is bounded before it is done: depth and number of values and keys are counted on the text, in one pass, before
 * the platform's parser sees it. Keys cost most: each new one makes another shape of object.
 */
export function parseStrictJson(bytes: Uint8Array, bounds: JsonBounds = STRICT): Result<Json, JsonFault> {
  let text: string
  try {
    text = UTF8.decode(bytes)
  } catch {
    return no({ kind: 'not-utf8' })
  }
  return parseStrictText(text, bounds)
}

export interface JsonBounds {
  readonly depthMax: number
  readonly valuesMax: number
  readonly keysMax: number
  /** Tells which numbers are told from the doubles that come near them. */
  readonly keeps: Keeps
  /** Says how numbers past a double's precision are taken; those that no double comes near are always refused. */
  readonly kept: 'as-written' | 'refused'
}

const STRICT: JsonBounds = {
  depthMax: LIMITS.jsonDepthMax,
  valuesMax: LIMITS.jsonNodesMax,
  keysMax: LIMITS.jsonNodesMax,
  keeps: KEEP_ROUNDED,
  kept: 'refused',
}

/** Bounds of a frame of a cell. */
export const FROM_CELL: JsonBounds = { ...STRICT, keysMax: LIMITS.frameKeysMax }

/** Bounds of what an upstream says: bounded by its bytes, which are read in turns. */
export const FROM_UPSTREAM: JsonBounds = {
  depthMax: LIMITS.answerDepthMax,
  valuesMax: LIMITS.answerValuesMax,
  keysMax: LIMITS.answerValuesMax,
  keeps: KEEP_AS_WRITTEN,
  kept: 'as-written',
}

/** Parses as `parseStrictJson` does a text that has been decoded already. */
export function parseStrictText(text: string, bounds: JsonBounds = STRICT): Result<Json, JsonFault> {
  const scan = scanJson(text, bounds.keeps)
  if (scan.depthMax > bounds.depthMax) return no({ kind: 'too-deep', levels: scan.depthMax, most: bounds.depthMax })
  if (scan.nodes > bounds.valuesMax) return no({ kind: 'too-many-values', values: scan.nodes, most: bounds.valuesMax })
  if (scan.colons > bounds.keysMax) return no({ kind: 'too-many-keys', keys: scan.colons, most: bounds.keysMax })
  let read: Scanned
  try {
    read = parseScanned(text, scan)
  } catch {
    return no({ kind: 'not-json', ...noNumber(text, scan) })
  }
  const counted: Counted = { keys: 0, kept: bounds.kept }
  const fault = faultIn(read.value, counted)
  if (fault !== undefined) return no(fault)
  // Each key of the text has one colon outside strings; a key that is written twice leaves only one in the value.
  if (counted.keys !== scan.colons) return no({ kind: 'duplicate-key', ...duplicateIn(text) })
  if (read.mistaken) return no({ kind: 'lone-surrogate' })
  if (scan.tooLong) return no({ kind: 'unsafe-number' })
  return ok(read.value)
}

export type JsonFault =
  | { readonly kind: 'not-utf8' }
  | { readonly kind: 'duplicate-key'; readonly at?: string }
  /** A text that is not JSON. `what` is no number of JSON, and stands where one is expected, after the key `at`. */
  | { readonly kind: 'not-json'; readonly what?: string; readonly at?: string }
  | { readonly kind: 'too-deep'; readonly levels: number; readonly most: number }
  | { readonly kind: 'too-many-values'; readonly values: number; readonly most: number }
  | { readonly kind: 'too-many-keys'; readonly keys: number; readonly most: number }
  | { readonly kind: 'unsafe-number' | 'lone-surrogate' | 'reserved-key'; readonly at?: string }

/** Returns what is wrong and where, for a person. Keys in it were chosen by whoever wrote the JSON. */
export function jsonFaultText(fault: JsonFault): string {
  switch (fault.kind) {
    case 'not-utf8':
      return 'not UTF-8'
    case 'duplicate-key':
      return `duplicate-key${at(fault)}: a key stands in one object twice`
    case 'not-json':
      return fault.what === undefined
        ? 'not JSON'
        : `not JSON: ${fault.what}${near(fault.at)}, which JSON does not have`
    case 'too-deep':
      return `too-deep: ${fault.levels} levels, and at most ${fault.most} are read`
    case 'too-many-values':
      return `too-many-values: ${fault.values}, and at most ${fault.most} are read`
    case 'too-many-keys':
      return `too-many-keys: ${fault.keys}, and at most ${fault.most} are read`
    case 'unsafe-number':
      return `unsafe-number${at(fault)}: readers of JSON take it for different numbers; where text is taken, write it as text`
    case 'lone-surrogate':
      return `lone-surrogate${at(fault)}: half of a character`
    case 'reserved-key':
      return `reserved-key${at(fault)}: no member may be called __proto__`
  }
}

function at({ at }: { readonly at?: string }): string {
  return at === undefined ? '' : ` at ${cutShown(at, LIMITS.faultCharactersMax)}`
}

function near(key: string | undefined): string {
  return key === undefined ? '' : ` at ${cutShown(key, LIMITS.faultCharactersMax)}`
}

/** Returns the `NaN` or `Infinity` in a text, which Python, JavaScript and others write where they have no number. */
function noNumber(text: string, { noNumberAt }: JsonScan): { readonly what?: string; readonly at?: string } {
  const what = noNumberAt === undefined ? undefined : /^(?:NaN|Infinity)/.exec(text.slice(noNumberAt, noNumberAt + 8))
  if (what == null || noNumberAt === undefined) return {}
  const key = /"([^"\\]{1,64})"\s*:\s*-?$/.exec(text.slice(Math.max(0, noNumberAt - 100), noNumberAt))?.[1]
  return { what: what[0], ...(key !== undefined && { at: `"${key}"` }) }
}

/** Returns where the first key stands that its object has already; of a text that is JSON. */
function duplicateIn(text: string): { readonly at?: string } {
  const open: { readonly keys: Set<string> | undefined; at: string | number }[] = []
  for (let i = 0; i < text.length; i++) {
    const top = open.at(-1)
    switch (text[i]) {
      case '{':
        open.push({ keys: new Set(), at: '' })
        break
      case '[':
        open.push({ keys: undefined, at: 0 })
        break
      case '}':
      case ']':
        open.pop()
        break
      case ',':
        if (typeof top?.at === 'number') top.at++
        break
      case '"': {
        const end = endOfString(text, i + 1)
        if (top?.keys !== undefined && /^[ \t\r\n]*:/.test(text.slice(end + 1, end + 64))) {
          const key = String(parseJson(text.slice(i, end + 1)))
          top.at = key
          if (top.keys.has(key))
            return { at: `$${open.map(({ at }) => (typeof at === 'number' ? `[${at}]` : `.${at}`)).join('')}` }
          top.keys.add(key)
        }
        i = end
      }
    }
  }
  return {}
}

/** Decoder that refuses what is not UTF-8; `ignoreBOM` keeps a byte order mark, so that the parser refuses it. */
const UTF8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

interface Counted {
  keys: number
  readonly kept: JsonBounds['kept']
}

interface Located {
  readonly kind: 'unsafe-number' | 'lone-surrogate' | 'reserved-key'
  readonly at: string
}

/** Returns the first fault in a value, with its path. Counts keys on the way. */
function faultIn(value: Json, counted: Counted): Located | undefined {
  switch (typeof value) {
    case 'string':
      return value.isWellFormed() ? undefined : { kind: 'lone-surrogate', at: '$' }
    case 'number':
      // A fraction is as exact as it is sent on; an integer past 2^53 has already become another one.
      return isUnsafe(value) ? { kind: 'unsafe-number', at: '$' } : undefined
    case 'object':
      if (value instanceof WrittenNumber)
        return counted.kept === 'refused' ? { kind: 'unsafe-number', at: '$' } : undefined
      if (value === null) return undefined
      return Array.isArray(value) ? faultInList(value, counted) : faultInObject(value as JsonObject, counted)
    default:
      return undefined
  }
}

function faultInList(items: readonly Json[], counted: Counted): Located | undefined {
  for (let i = 0; i < items.length; i++) {
    const fault = faultIn(items[i] as Json, counted)
    if (fault !== undefined) return below(`[${i}]`, fault)
  }
  return undefined
}

function faultInObject(object: JsonObject, counted: Counted): Located | undefined {
  for (const key of Object.keys(object)) {
    counted.keys++
    if (key === '__proto__') return { kind: 'reserved-key', at: '$' }
    if (!key.isWellFormed()) return { kind: 'lone-surrogate', at: '$' }
    const fault = faultIn(object[key] as Json, counted)
    if (fault !== undefined) return below(`.${key}`, fault)
  }
  return undefined
}

function below(step: string, fault: Located): Located {
  return { ...fault, at: `$${step}${fault.at.slice(1)}` }
}
