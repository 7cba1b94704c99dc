import { isJsonObject, type Json, type JsonObject, type JsonPath, parseExactJson } from '../model/index.ts'

/** What stands in place of a field that no cell sees. */
const MASKED = '[masked]'

/**
 * A result without the fields that its declaration masks, in its structured content and in text that is JSON. Other text
 * of such a tool could say anything, the masked fields too: nothing of it is passed on.
 */
export function masked(result: JsonObject, paths: readonly JsonPath[]): JsonObject {
  const { structuredContent, content } = result
  return {
    ...result,
    ...(structuredContent !== undefined && { structuredContent: without(structuredContent, paths) }),
    ...(Array.isArray(content) && { content: content.map((block) => maskedBlock(block, paths)) }),
  }
}

function maskedBlock(block: Json, paths: readonly JsonPath[]): Json {
  if (!isJsonObject(block) || typeof block.text !== 'string') return { type: 'text', text: MASKED }
  try {
    const value = parseExactJson(block.text)
    if (Array.isArray(value) || isJsonObject(value)) return { ...block, text: JSON.stringify(without(value, paths)) }
  } catch {
    // Not JSON: see above.
  }
  return { ...block, text: MASKED }
}

function without(value: Json, paths: readonly JsonPath[]): Json {
  return paths.reduce((rest, path) => replaced(rest, path, 0), value)
}

function replaced(value: Json, path: JsonPath, at: number): Json {
  const step = path[at]
  if (step === undefined) return MASKED
  if (step === 'items') return Array.isArray(value) ? value.map((item) => replaced(item, path, at + 1)) : value
  if (!isJsonObject(value) || !Object.hasOwn(value, step.name)) return value
  return { ...value, [step.name]: replaced(value[step.name] ?? null, path, at + 1) }
}
