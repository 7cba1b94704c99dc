import { canonicalText } from '../../ledger/log/canonical.ts'
import { isJsonObject, type JsonObject, KEEP_INEXACT, parseExactJson } from '../../model/index.ts'
import { covered } from '../content/cover.ts'
import type { Secrets } from '../content/secrets.ts'

/** Returns all arguments of a held action as people may be shown them: what its payload in the ledger is. */
export function heldBytes(args: JsonObject, secrets: Secrets): Uint8Array {
  const text = canonicalText(covered(args, secrets))
  // The binding is made of the same arguments.
  if (!text.ok) throw new Error(`a held action has no canonical form: ${text.reason.problem}`)
  return Buffer.from(`{"params":{"arguments":${text.value}}}`)
}

/** Returns the arguments that `heldBytes` was given; undefined of other bytes. */
export function heldArguments(bytes: Uint8Array): JsonObject | undefined {
  try {
    const held = parseExactJson(Buffer.from(bytes).toString('utf8'), KEEP_INEXACT)
    const params = isJsonObject(held) ? held.params : undefined
    return isJsonObject(params) && isJsonObject(params.arguments) ? params.arguments : undefined
  } catch {
    return undefined
  }
}
