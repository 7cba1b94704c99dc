import { isJsonObject, type Json, type JsonObject, type JsonPath, parseExactJson } from '../../../../model/index.ts'
import { Hidden, MASKED, withoutMasked } from '../../../content/mask.ts'

/**
 * Returns a result without the fields that its declaration masks. It is made anew of what can be masked with certainty:
 *
 * - MK1  Structured content, and text that is a JSON object or list, have the declared fields replaced; where such a value, or
 *        an item of a declared list, has none at its place, or nothing (null, empty), members of that name are replaced
 *        wherever they are in it. Texts within it that are JSON
 *        themselves are read as such values. Where nothing of it is a declared field, none of its texts is passed on.
 * - MK2  Nothing else of the answer is passed on but whether it is an error: other text, other content, annotations, `_meta`
 *        and members that nobody declared could say anything, the masked fields too.
 * - MK3  What was masked is masked wherever it is repeated, in any case and punctuation, within texts and names of members.
 */
export function masked(result: JsonObject, paths: readonly JsonPath[]): JsonObject {
  const { structuredContent, content, isError } = result
  const hidden = new Hidden()
  const structured = structuredContent === undefined ? undefined : withoutMasked(structuredContent, paths, hidden)
  const blocks = (Array.isArray(content) ? content : []).map((block: Json) => readBlock(block, paths, hidden))
  return {
    ...(content !== undefined && { content: blocks.map((value) => textBlock(value, hidden)) }),
    ...(structured !== undefined && { structuredContent: hidden.repeatedIn(structured) }),
    ...(typeof isError === 'boolean' && { isError }),
  }
}

/**
 * Returns the value that a block's text is, without the declared fields; undefined where nothing of it can be told
 * apart.
 */
function readBlock(block: Json, paths: readonly JsonPath[], hidden: Hidden): Json | undefined {
  if (!isJsonObject(block) || block.type !== 'text' || typeof block.text !== 'string') return undefined
  try {
    const value = parseExactJson(block.text)
    if (Array.isArray(value) || isJsonObject(value)) return withoutMasked(value, paths, hidden)
  } catch {
    // Not JSON: see MK2.
  }
  return undefined
}

function textBlock(value: Json | undefined, hidden: Hidden): JsonObject {
  return { type: 'text', text: value === undefined ? MASKED : JSON.stringify(hidden.repeatedIn(value)) }
}
