import { isJsonObject, type Json, type JsonObject, parseUniqueJson } from '../../../../model/index.ts'
import type { Reading } from '../../../../policy/index.ts'

/** Returns the parts of an MCP result that carry data: each is looked at as JSON where it is JSON. */
function valuesOf(result: Json): readonly Json[] {
  if (!isJsonObject(result)) return [result]
  const { content, structuredContent, _meta: _, ...others } = result
  const values: Json[] = structuredContent === undefined ? [] : [structuredContent]
  for (const block of Array.isArray(content) ? content : []) values.push(parsedBlock(block))
  for (const [name, value] of Object.entries(others)) if (name !== 'isError') values.push(value)
  return values
}

/** Members of results that the protocol names. Of any other the name says something, too. */
const MEMBERS = /^(?:content|structuredContent|_meta|isError|contents|messages|description|error)$/

/**
 * Returns what stands around the parts of an MCP result, and reaches the cell as they do: `_meta`, members of a text block
 * beside its text, and names that are not the protocol's.
 */
function aroundOf(result: Json): readonly Json[] {
  if (!isJsonObject(result)) return []
  const { content, _meta, isError } = result
  const around: Json[] = Object.keys(result).filter((name) => !MEMBERS.test(name))
  if (_meta !== undefined) around.push(...unlike({ _meta }, WRAPS))
  if (isError !== undefined && typeof isError !== 'boolean') around.push({ isError })
  if (content !== undefined && !Array.isArray(content)) around.push({ content })
  for (const block of Array.isArray(content) ? content : []) {
    if (!isTextBlock(block)) continue
    const { type: _, text: __, annotations, ...others } = block
    if (annotations !== undefined && !AUDIENCES.has(JSON.stringify(annotations))) around.push({ annotations })
    if (Object.keys(others).length > 0) around.push(others)
  }
  return around
}

/**
 * Metadata by which one widespread server library says, with each such answer, that it put a plain result into an
 * object.
 */
const WRAPS = '{"_meta":{"fastmcp":{"wrap_result":true}}}'

/** The audiences of a block, in all forms that the protocol has: servers put them on every block. */
const AUDIENCES: ReadonlySet<string> = new Set(
  [[], ['user'], ['assistant'], ['user', 'assistant'], ['assistant', 'user']].map((audience) =>
    JSON.stringify({ audience }),
  ),
)

function unlike(value: Json, constant: string): readonly Json[] {
  return JSON.stringify(value) === constant ? [] : [value]
}

/**
 * Returns the reading of an MCP result. The paths of a declaration speak of its structured content, or of the one text
 * that stands for it, and never of an error. Whatever else it carries is text of somebody else, which must not pass for
 * a field.
 */
export function readingOf(result: Json): Reading {
  const [values, around] = [valuesOf(result), aroundOf(result)]
  const failed = isJsonObject(result) && (result.isError === true || 'error' in result)
  const none = { ruled: undefined, others: [...values, ...around], values, failed }
  if (!isJsonObject(result) || failed) return none
  const [first, ...rest] = values
  if (first === undefined) return none
  if (result.structuredContent !== undefined) return { ruled: first, others: [...rest, ...around], values, failed }
  return rest.length === 0 && Array.isArray(result.content) ? { ruled: first, others: around, values, failed } : none
}

/** Returns the reading of an error of JSON-RPC: it has no result, and nothing of it is a field. */
export function errorReading(error: Json): Reading {
  return { ruled: undefined, others: readingOf({ error }).others, failed: true }
}

/** Matches the beginning of an object or an array, after the white space of JSON. */
const OPENS = /^[\t\n\r ]*[[{]/

function isTextBlock(block: Json): block is JsonObject & { readonly text: string } {
  return isJsonObject(block) && block.type === 'text' && typeof block.text === 'string'
}

function parsedBlock(block: Json): Json {
  if (!isTextBlock(block)) return block
  // Most texts are prose: finding that out by the parser's exception costs more than all the rest.
  if (!OPENS.test(block.text)) return block.text
  try {
    return parseUniqueJson(block.text)
  } catch {
    return block.text
  }
}
