import { reasonsFrom } from '../gateway/pipeline/record.ts'
import type { Json } from '../model/index.ts'
import { explain } from '../policy/index.ts'

/** Returns the reasons of a recorded decision in words for a person; none where the entry has none that can be read. */
export function reasonsTold(reasons: Json): readonly string[] {
  const [first, ...rest] = reasonsFrom(reasons)
  return first === undefined ? [] : explain({ reasons: [first, ...rest] })
}
