import { type Problem, type Source, sourceText } from '../../../model/source.ts'
import { connectionPermitOf, type GrantPermit, type GrantSource, permitOf } from '../../decide/grant-permit.ts'
import type { BundledAction } from '../bundle.ts'
import type { Cedar } from './cedar.ts'
import { answerOf, stringsOf } from './cedar-answer.ts'
import { type PolicyText, scanPolicies, sourceAt } from './scan.ts'
import type { WrittenPolicy } from './written-policy.ts'

/** A file of policies. */
export interface PolicySource {
  /** File name as messages show it. */
  readonly file: string
  readonly text: string
}

/** Reads policies from files. Texts that are nested too deeply never reach Cedar's parser: it would die of them. */
export async function readFiles(
  sources: readonly PolicySource[],
  cedar: Cedar,
  problems: Problem[],
): Promise<WrittenPolicy[]> {
  const scanned = sources.flatMap(({ file, text }) => {
    const slices = scanPolicies(file, text)
    if (slices.ok) return [{ file, text, slices: slices.value }]
    problems.push({ source: sourceAt(file, text, slices.reason.at), message: slices.reason.problem })
    return []
  })
  const parts = await cedar.call(scanned.map(({ text }) => ['policySetTextToParts', text]))
  return scanned.flatMap(({ file, text, slices }, index) => {
    const source = { file, line: 1, column: 1 }
    const whole: WrittenPolicy = { id: file, text, shown: text, source, at: (offset) => sourceAt(file, text, offset) }
    const answer = answerOf(parts[index], whole, problems)
    if (!answer) return []
    if (sameTexts([...stringsOf(answer.policies), ...stringsOf(answer.policy_templates)], slices)) {
      return slices.map((slice) => inFile(file, text, slice, slices))
    }
    const message = 'Cedar and Firebreak do not agree where one policy ends'
    problems.push({ source, message, expected: 'each policy on lines of its own' })
    return []
  })
}

function inFile(file: string, text: string, slice: PolicyText, all: readonly PolicyText[]): WrittenPolicy {
  const { source } = slice
  const alone = all.filter((other) => other.source.line === source.line).length === 1
  const id = alone ? sourceText(source) : `${sourceText(source)}:${source.column}`
  const at = (offset: number) => sourceAt(file, text, slice.start + offset)
  return { id, text: slice.text, shown: slice.text, source, at }
}

function sameTexts(found: readonly string[], slices: readonly PolicyText[]): boolean {
  const texts = slices.map(({ text }) => text).sort()
  return found.length === texts.length && found.toSorted().every((text, index) => text === texts[index])
}

export function readGrants(
  grants: readonly GrantSource[],
  actions: Readonly<Record<string, BundledAction>>,
  problems: Problem[],
): WrittenPolicy[] {
  return grants.flatMap((source) => {
    const permit = permitOf(source, actions)
    if (!permit.ok) {
      problems.push(...permit.reason)
      return []
    }
    return permit.value ? [inGrant(source, permit.value), ...impliedBy(source, actions)] : []
  })
}

function impliedBy({ grant }: GrantSource, actions: Readonly<Record<string, BundledAction>>): WrittenPolicy[] {
  const text = connectionPermitOf(grant, actions)
  const { source } = grant
  return text === undefined ? [] : [{ id: `${grant.id} connections`, text, shown: '', source, grant, at: () => source }]
}

function inGrant({ grant, when }: GrantSource, permit: GrantPermit): WrittenPolicy {
  const at = (offset: number): Source => {
    if (!when || offset < permit.conditionStart) return grant.source
    const { line, column } = sourceAt('', when.text, Math.min(offset - permit.conditionStart, when.text.length))
    const { source } = when
    return { ...source, line: source.line + line - 1, column: line === 1 ? source.column + column - 1 : column }
  }
  return { id: grant.id, text: permit.text, shown: when?.text.trim() ?? '', source: grant.source, grant, at }
}
