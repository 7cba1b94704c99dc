import type { ActionId } from '../../model/ids.ts'
import { isJsonObject, type Json, type JsonObject, withDoubles } from '../../model/json.ts'
import { no, ok, type Result } from '../../model/result.ts'
import { type JsonPath, pathText } from '../../model/text/path.ts'
import { type Check, referenceOf } from '../../model/undo.ts'
import type { Reading } from '../reading.ts'

/** One effect, as the encrypted payloads have it. Its answer is what an upstream said: it may lie. */
export interface Effected {
  readonly action: ActionId
  readonly args: JsonObject | undefined
  /** Undefined where none came, or it can no longer be read. */
  readonly answer: Reading | undefined
}

/**
 * The arguments of a compensation or a check, made of the effect that it is for.
 *
 * - CO1  Every value comes from the configuration, from what the effect was asked with, or from what its answer said.
 * - CO2  What a reference names is there, once and whole, or nothing is made: nothing is guessed, and nothing left out.
 */
export function fillTemplate(template: JsonObject, effected: Effected): Result<JsonObject, string> {
  const problems: string[] = []
  const filled = fill(template, effected, (problem) => problems.push(problem))
  const [problem] = problems
  if (problem !== undefined) return no(problem)
  return isJsonObject(filled) ? ok(filled) : no('a template makes an object')
}

/** Reads from a check's answer whether the effect is undone; the failure says why the answer does not tell. */
export function undoneIn({ undone }: Pick<Check, 'undone'>, { ruled: said }: Reading): Result<boolean, string> {
  if (said === undefined) return no('its check answered with an error, or with nothing that has fields')
  let all = true
  for (const { path, values } of undone) {
    const found = valueAt(said, path)
    if (found === undefined) return no(`the answer of its check has no ${pathText(path)}`)
    all &&= values.includes(found)
  }
  return ok(all)
}

function fill(template: Json, effected: Effected, report: (problem: string) => void): Json {
  if (typeof template === 'string') return value(template, effected, report)
  if (Array.isArray(template)) return template.map((item: Json) => fill(item, effected, report))
  if (!isJsonObject(template)) return template
  return Object.fromEntries(Object.entries(template).map(([name, item]) => [name, fill(item, effected, report)]))
}

function value(text: string, effected: Effected, report: (problem: string) => void): Json {
  const reference = referenceOf(text)
  if (reference === undefined || reference === false) return text
  if (reference.of === 'undo') return `undo-${effected.action}`
  const { of, path } = reference
  const source = of === 'args' ? effected.args : effected.answer?.ruled
  const found = source === undefined ? undefined : valueAt(source, path)
  if (found !== undefined) return found
  const what = of === 'args' ? 'what it was asked with' : 'its answer'
  report(source === undefined ? `${what} is not known, and ${text} is needed` : `${what} has no ${text}`)
  return null
}

/**
 * Returns the value at a path. Null is no value: an upstream that says it names nothing. Of a number it is what it is,
 * and not how it was written.
 */
function valueAt(value: Json, path: JsonPath): Json | undefined {
  let here: Json = value
  for (const step of path) {
    if (step === 'items' || !isJsonObject(here) || !Object.hasOwn(here, step.name)) return undefined
    here = here[step.name] ?? null
  }
  return here === null ? undefined : withDoubles(here)
}
