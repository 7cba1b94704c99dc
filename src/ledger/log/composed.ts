import type { Entry, EntryBody } from '../../model/entry.ts'
import type { Json } from '../../model/json.ts'
import { no, ok, type Result } from '../../model/result.ts'
import { canonicalText, type NotCanonical } from './canonical.ts'
import { LEDGER_LIMITS } from './limits.ts'
import type { OpenOptions } from './open-options.ts'

/** An entry as it will be written: the text, in its canonical form, and the bytes of that. */
export interface Composed {
  readonly entry: Entry
  readonly text: string
  readonly bytes: number
}

/** An entry that no log takes. */
export type Unwritable =
  | NotCanonical
  /** An entry whose text is larger than one may be; sizes in bytes. */
  | { readonly kind: 'too-large'; readonly bytes: number; readonly max: number }

/** Returns a body with its number and time, or what `instead` puts in its place, as every log writes it. */
export function composed(
  body: EntryBody,
  seq: number,
  { clock, instead }: Pick<OpenOptions, 'clock' | 'instead'>,
): Result<Composed, Unwritable> {
  const atMs = clock.nowMs()
  let entry: Entry = { v: 1, seq, atMs, ...body }
  // Safe: a body is plain JSON by its type, and canonicalText refuses whatever is not.
  let text = canonicalText(entry as unknown as Json)
  const other = text.ok ? instead?.(body, text.value) : undefined
  if (other !== undefined) {
    entry = { v: 1, seq, atMs, ...other }
    text = canonicalText(entry as unknown as Json)
  }
  if (!text.ok) return text
  const bytes = Buffer.byteLength(text.value)
  const max = LEDGER_LIMITS.entryBytesMax
  return bytes > max ? no({ kind: 'too-large', bytes, max }) : ok({ entry, text: text.value, bytes })
}
