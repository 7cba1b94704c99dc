import { parse } from 'yaml'
import { isJsonObject, type Json, type JsonObject } from '../../src/model/index.ts'
import type { Planted } from './suite.ts'

/**
 * What a tool answered, as the server of its kind sends it: what its return type says is a record or a list is sent as
 * one, as structured content and the same as JSON text; the export has it as the text that the model was shown, in YAML.
 */
export function answerOf(result: string | null, error: string | null | undefined, returns: string): JsonObject {
  if (error !== null && error !== undefined) return { ...text(error), isError: true }
  const value = structured(result ?? '', returns)
  return typeof value === 'object' && value !== null ? record(value) : text(result ?? '')
}

/** The same, with what the attacker has planted where the environment has it. */
export function plantedAnswer(
  result: string | null,
  error: string | null | undefined,
  returns: string,
  planted: Planted,
): JsonObject {
  if (error !== null && error !== undefined) return { ...text(error), isError: true }
  const value = structured(result ?? '', returns)
  const changed = replaced(value, planted.places)
  // In no place that the environment names: then in the longest text, as a body is.
  const sent = JSON.stringify(changed) === JSON.stringify(value) ? appended(value, planted.text) : changed
  return typeof sent === 'object' && sent !== null ? record(sent) : text(String(sent))
}

export function record(value: Json): JsonObject {
  return { ...text(JSON.stringify(value)), structuredContent: value }
}

function text(shown: string): JsonObject {
  return { content: [{ type: 'text', text: shown }] }
}

/** Return types are Python's: `str` and `str | None` are text, whatever the text looks like. */
function structured(result: string, returns: string): Json {
  if (/^(?:<class '(?:str|NoneType)'>|str(?: \| None)?)$/.test(returns)) return result
  const known = PARSED.get(result)
  if (known !== undefined) return known
  const value = parsed(result)
  PARSED.set(result, value)
  return value
}

/** One result is part of many cases. */
const PARSED = new Map<string, Json>()

function parsed(result: string): Json {
  try {
    const value = parse(result) as Json
    return typeof value === 'object' && value !== null ? value : result
  } catch {
    return result
  }
}

function replaced(value: Json, places: Planted['places']): Json {
  if (typeof value === 'string') return places.get(value) ?? value
  if (Array.isArray(value)) return value.map((item) => replaced(item, places))
  if (!isJsonObject(value)) return value
  return Object.fromEntries(
    Object.entries(value).map(([name, item]) => [places.get(name) ?? name, replaced(item, places)]),
  )
}

function appended(value: Json, planted: string): Json {
  let longest = ''
  const look = (item: Json): void => {
    if (typeof item === 'string' && item.length > longest.length) longest = item
    else if (Array.isArray(item)) item.forEach(look)
    else if (isJsonObject(item)) Object.values(item).forEach(look)
  }
  look(value)
  return replaced(value, new Map([[longest, longest + planted]]))
}
