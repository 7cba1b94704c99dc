import { type Json, type JsonObject, LIMITS, no, ok, type Result } from '../model/index.ts'

/**
 * Reads JSON that an attacker wrote (S11): what two parsers could read differently is refused, not repaired.
 * RFC 8259 leaves duplicate keys, numbers past 2^53 and lone surrogates to the implementation; RFC 7493 (I-JSON) forbids
 * them, and so do we. A byte order mark, NaN and a key named `__proto__` are refused as well.
 *
 * The work is bounded before it is done: depth and number of values and keys are counted on the text, in one pass without
 * allocation, before the platform's parser sees it. Keys cost most: each new one makes another shape of object.
 */
export function parseStrictJson(bytes: Uint8Array, keysMax: number = LIMITS.jsonNodesMax): Result<Json, JsonFault> {
  let text: string
  try {
    text = UTF8.decode(bytes)
  } catch {
    return no({ kind: 'not-utf8' })
  }
  return parseStrictText(text, keysMax)
}

/** The same for what has been decoded already. */
export function parseStrictText(text: string, keysMax: number = LIMITS.jsonNodesMax): Result<Json, JsonFault> {
  const scan = scanText(text)
  if (scan.depthMax > LIMITS.jsonDepthMax) return no({ kind: 'too-deep' })
  if (scan.nodes > LIMITS.jsonNodesMax) return no({ kind: 'too-many-values' })
  if (scan.colons > keysMax) return no({ kind: 'too-many-keys' })
  let value: Json
  try {
    // JSON.parse returns JSON; its type cannot say so.
    value = JSON.parse(text) as Json
  } catch {
    return no({ kind: 'not-json' })
  }
  const counted: Counted = { keys: 0, fault: undefined }
  countAndCheck(value, counted)
  if (counted.fault !== undefined) return no(counted.fault)
  // Each key of the text has one colon outside strings; a key that is written twice leaves only one in the value.
  if (counted.keys !== scan.colons) return no({ kind: 'duplicate-key' })
  return ok(value)
}

export type JsonFault =
  | { readonly kind: 'not-utf8' }
  | { readonly kind: 'not-json' }
  | { readonly kind: 'too-deep' }
  | { readonly kind: 'too-many-values' }
  | { readonly kind: 'too-many-keys' }
  | { readonly kind: 'duplicate-key' }
  | { readonly kind: 'unsafe-number' }
  | { readonly kind: 'lone-surrogate' }
  | { readonly kind: 'reserved-key' }

/** `ignoreBOM` keeps the mark, so that the parser refuses it. */
const UTF8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

interface Scan {
  readonly depthMax: number
  /** At least the number of values: one more than the commas, and one for each bracket. */
  readonly nodes: number
  readonly colons: number
}

const QUOTE = 0x22
const BACKSLASH = 0x5c

function scanText(text: string): Scan {
  let depth = 0
  let depthMax = 0
  let nodes = 1
  let colons = 0
  for (let i = 0; i < text.length; i++) {
    switch (text.charCodeAt(i)) {
      case QUOTE:
        i = endOfString(text, i + 1)
        break
      case 0x7b: // {
      case 0x5b: // [
        nodes++
        if (++depth > depthMax) depthMax = depth
        break
      case 0x7d: // }
      case 0x5d: // ]
        depth--
        break
      case 0x2c: // ,
        nodes++
        break
      case 0x3a: // :
        colons++
        break
    }
  }
  return { depthMax, nodes, colons }
}

/** The index of the closing quote, or the end of the text where there is none (the parser refuses that). */
function endOfString(text: string, from: number): number {
  for (let quote = text.indexOf('"', from); quote !== -1; quote = text.indexOf('"', quote + 1)) {
    let backslashes = 0
    while (text.charCodeAt(quote - 1 - backslashes) === BACKSLASH && quote - 1 - backslashes >= from) backslashes++
    if (backslashes % 2 === 0) return quote
  }
  return text.length
}

interface Counted {
  keys: number
  fault: JsonFault | undefined
}

function countAndCheck(value: Json, counted: Counted): void {
  switch (typeof value) {
    case 'string':
      if (!value.isWellFormed()) counted.fault = { kind: 'lone-surrogate' }
      return
    case 'number':
      // A fraction is as exact as it is sent on; an integer past 2^53 has already become another one.
      if (!Number.isFinite(value) || (Math.abs(value) > Number.MAX_SAFE_INTEGER && Number.isInteger(value))) {
        counted.fault = { kind: 'unsafe-number' }
      }
      return
    case 'object':
      if (value === null) return
      if (Array.isArray(value)) {
        for (const item of value) countAndCheck(item, counted)
        return
      }
      for (const key of Object.keys(value)) {
        counted.keys++
        if (key === '__proto__') counted.fault = { kind: 'reserved-key' }
        if (!key.isWellFormed()) counted.fault = { kind: 'lone-surrogate' }
        countAndCheck((value as JsonObject)[key] as Json, counted)
      }
  }
}
