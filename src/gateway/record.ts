import { createHash } from 'node:crypto'
import { isJsonObject, type Json, type Reason } from '../model/index.ts'

/** Longer text than this is content, not an argument that explains an action; it stands in the payload. */
const TEXT_MAX = 256
const VALUES_MAX = 200

/**
 * Arguments as they stand in the ledger for everyone who may read it: long text shortened to its length and digest, and
 * no more values than a person reads. The whole of them is in the encrypted payload.
 */
export function redacted(args: Json): Json {
  let left = VALUES_MAX
  const shorten = (value: Json): Json => {
    if (left-- <= 0) return '…'
    if (typeof value === 'string') return value.length <= TEXT_MAX ? value : shortened(value)
    if (Array.isArray(value)) return value.slice(0, VALUES_MAX).map(shorten)
    if (!isJsonObject(value)) return value
    return Object.fromEntries(
      Object.entries(value)
        .slice(0, VALUES_MAX)
        .map(([key, item]) => [key.slice(0, TEXT_MAX), shorten(item)]),
    )
  }
  return shorten(args)
}

function shortened(text: string): string {
  const digest = createHash('sha256').update(text).digest('hex').slice(0, 16)
  return `${text.slice(0, 64)}… (${text.length} characters, sha256 ${digest}…)`
}

/** Reasons as plain JSON: money is text, and nothing is lost that `why` shows. */
export function reasonsJson(reasons: readonly Reason[]): Json {
  return reasons.map((reason) => plain(reason))
}

function plain(value: unknown): Json {
  if (typeof value === 'bigint') return value.toString()
  if (Array.isArray(value)) return value.map(plain)
  if (typeof value === 'object' && value !== null) {
    return Object.fromEntries(
      Object.entries(value)
        .filter(([, item]) => item !== undefined)
        .map(([key, item]) => [key, plain(item)]),
    )
  }
  if (typeof value === 'string' || typeof value === 'boolean' || value === null) return value
  if (typeof value === 'number') return Number.isSafeInteger(value) ? value : String(value)
  throw new TypeError(`a reason holds ${typeof value}`)
}

/** The other way: what `reasonsJson` wrote, as reasons again. From the ledger, whose entries only the gateway writes. */
export function reasonsFrom(json: Json): readonly Reason[] {
  const whole = (value: Json, key = ''): unknown => {
    if (key === 'maxUnits' && typeof value === 'string') return BigInt(value)
    if (Array.isArray(value)) return value.map((item) => whole(item))
    if (!isJsonObject(value)) return value
    return Object.fromEntries(Object.entries(value).map(([name, item]) => [name, whole(item, name)]))
  }
  return Array.isArray(json) ? (json.map((item) => whole(item)) as Reason[]) : []
}
