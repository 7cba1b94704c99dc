import { isJsonObject, type Json, type JsonObject } from '../../../model/json.ts'
import type { Problem } from '../../../model/source.ts'
import type { BundledAction } from '../bundle.ts'
import type { CedarOutcome } from './cedar-worker.ts'
import { utf16Offset } from './scan.ts'
import type { WrittenPolicy } from './written-policy.ts'

/** One complaint of Cedar about a policy. */
export interface Complaint {
  readonly message: string
  readonly help: string | undefined
  readonly start: number | undefined
}

const IMPOSSIBLE = /policy is impossible|unable to find an applicable action/

export function isImpossible({ message }: Complaint): boolean {
  return IMPOSSIBLE.test(message)
}

export function problemOf(
  complaint: Complaint,
  { at, text, source }: WrittenPolicy,
  actions: Readonly<Record<string, BundledAction>>,
): Problem {
  const message = complaint.message.replace(/^for policy `[^`]*`, /, '')
  const expected = isImpossible(complaint)
    ? 'a rule that some action can match'
    : (whyOpaque(message, actions) ?? complaint.help ?? undefined)
  const place = complaint.start === undefined ? source : at(utf16Offset(text, complaint.start))
  return { source: place, message, ...(expected !== undefined && { expected }) }
}

/**
 * Explains why an argument cannot be mentioned: Cedar says "not found" of one that is there, but that we could not give
 * it a type for.
 */
function whyOpaque(message: string, actions: Readonly<Record<string, BundledAction>>): string | undefined {
  const match = /attribute `args\.([^`.]+)` in context for Action::"([^"]+)" not found/.exec(message)
  const [, name = '', id = ''] = match ?? []
  const field = actions[id]?.args.fields[name]
  if (field?.type.kind === 'opaque') return `nothing: no policy can mention it, because ${field.type.why}`
  return match
    ? `an argument of ${id}: ${Object.keys(actions[id]?.args.fields ?? {}).join(', ') || 'it has none'}`
    : undefined
}

export function complaintsOf(json: Json | undefined): Complaint[] {
  return (Array.isArray(json) ? json : []).filter(isJsonObject).map((each) => {
    const error = isJsonObject(each.error) ? each.error : each
    const [label] = Array.isArray(error.sourceLocations) ? error.sourceLocations : []
    return {
      message: String(error.message),
      help: [error.help, isJsonObject(label) ? label.label : undefined].find((text) => typeof text === 'string'),
      start: isJsonObject(label) && typeof label.start === 'number' ? label.start : undefined,
    }
  })
}

/** The answer of a call that succeeded; what else came is told as a problem. */
export function answerOf(
  outcome: CedarOutcome | undefined,
  { at, text, source }: WrittenPolicy,
  problems: Problem[],
): JsonObject | undefined {
  const answer = outcome && 'answer' in outcome ? (outcome.answer as Json) : undefined // it came as JSON through Cedar's API
  if (!isJsonObject(answer)) {
    const why = outcome && 'died' in outcome ? outcome.died : 'no answer'
    problems.push({ source, message: `Cedar could not read this: ${why}`, expected: 'a shorter or less nested policy' })
    return undefined
  }
  if (answer.type === 'success') return answer
  for (const { message, help, start } of complaintsOf(answer.errors)) {
    const place = start === undefined ? source : at(utf16Offset(text, start))
    problems.push({ source: place, message, ...(help !== undefined && { expected: help }) })
  }
  return undefined
}

export function stringsOf(json: Json | undefined): string[] {
  return Array.isArray(json) ? json.filter((each) => typeof each === 'string') : []
}
