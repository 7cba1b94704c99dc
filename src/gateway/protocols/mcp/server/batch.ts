import { Buffer } from 'node:buffer'
import { isJsonObject, LIMITS } from '../../../../model/index.ts'
import { FROM_UPSTREAM, parseStrictJson } from '../../../content/strict-json.ts'
import type { Revision } from '../revision.ts'

const OPENING_BRACKET = 0x5b

/** True where an upstream may put several messages into one array: in 2025-03-26 alone (JSON-RPC 2.0, section 6). */
export function hasBatches(revision: Revision): boolean {
  return revision === '2025-03-26'
}

/**
 * Returns the messages of a batch, each as the bytes of one that was sent alone; undefined for what is none, or cannot be
 * read. They are read strictly, one by one, like every other.
 */
export function messagesIn(bytes: Uint8Array): readonly Uint8Array[] | undefined {
  const first = bytes.find((byte) => byte > 0x20)
  if (first !== OPENING_BRACKET || bytes.length > LIMITS.answerBytesMax) return undefined
  const json = parseStrictJson(bytes, FROM_UPSTREAM)
  if (!json.ok || !Array.isArray(json.value) || json.value.length > LIMITS.batchMessagesMax) return undefined
  if (json.value.length === 0 || !json.value.every(isJsonObject)) return undefined
  return json.value.map((message) => Buffer.from(JSON.stringify(message)))
}
