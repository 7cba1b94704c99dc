import { isJsonObject, type Json } from '../model/json.ts'
import { type Label, UNTRUSTED } from '../model/label.ts'
import { isNumber } from '../model/number.ts'
import { type JsonPath, pathText } from '../model/path.ts'
import { FieldTree } from './field-tree.ts'

type Labels = readonly Label[]

/** The labels of one answer's fields: those of its tool's declaration, and more where it has another shape. */
export interface AnswerLabels {
  readonly fields: FieldTree<Labels>
  /** Labels of what no path names. */
  readonly otherwise: Labels
  /** Labels of whatever stands beside the part that the paths speak of. */
  readonly beside: Labels
  /** Tells why something has a label that its declaration does not give it; undefined where it does. */
  shape(labels: Labels, label: Label): string | undefined
}

export const NOT_LABELLED: Labels = [UNTRUSTED]

/**
 * Returns the labels for an answer whose fields are looked for in `ruled`.
 *
 * - AL1  A labelled path with nothing at it, or with another type on the way, says that its data stands elsewhere: all that
 *        only a path above it speaks of has its labels, too. Nothing (null, a truth, empty) on the way is no other shape.
 * - AL2  An error, and what stands beside the part that the paths speak of, has every label of the declaration.
 */
export function answerLabels(returns: FieldTree<Labels>, ruled: Json | undefined): AnswerLabels {
  const { rules, root = NOT_LABELLED } = returns
  const astray = ruled === undefined ? [] : rules.filter(([path, labels]) => labels.length > 0 && !stands(ruled, path))
  const shapes = new Map<Labels, ReadonlyMap<Label, string>>()
  const widened = (labels: Labels, more: readonly (readonly [Label, string])[]): Labels => {
    const added = new Map<Label, string>()
    for (const [label, why] of more) if (!labels.includes(label) && !added.has(label)) added.set(label, why)
    if (added.size === 0) return labels
    const all = [...labels, ...added.keys()]
    shapes.set(all, added)
    return all
  }
  const below = (above: JsonPath) =>
    astray
      .filter(([path]) => path.length > above.length && isDeepPrefix(above, path))
      .flatMap(([path, labels]) => labels.map((label) => [label, nothingAt(path)] as const))
  const fields =
    astray.length === 0 ? returns : new FieldTree(rules.map(([path, labels]) => [path, widened(labels, below(path))]))
  const every = rules.flatMap(([, labels]) => labels.map((label) => [label, BESIDE] as const))
  return {
    fields,
    otherwise: astray.length === 0 ? NOT_LABELLED : widened(NOT_LABELLED, below([])),
    beside: widened(root, every),
    shape: (labels, label) => shapes.get(labels)?.get(label),
  }
}

/** Returns the labels of what a tool says as it goes about its call: every one of its declaration. */
export function labelsMeanwhile(returns: FieldTree<Labels>): Labels {
  return answerLabels(returns, undefined).beside
}

/** Returns all texts, numbers and names of members in a value: what repeats one of them adds nothing to it. */
export function textsIn(value: Json | undefined): ReadonlySet<string> {
  const texts = new Set<string>()
  if (value !== undefined) NO_FIELDS.walk(value, undefined, (text) => texts.add(text))
  return texts
}

/** Tells whether a value is a list or an object that is not empty. */
export function hasMembers(value: Json | undefined): boolean {
  return typeof value === 'object' && value !== null && !isNumber(value) && Object.keys(value).length > 0
}

/** Returns the truths of a value, and what is null or empty, in their order: one letter each. */
export function marksIn(value: Json): string {
  let marks = ''
  const add = (each: Json | undefined) => {
    if (typeof each === 'boolean') marks += each ? 't' : 'f'
    else if (each === null) marks += 'n'
    else if (typeof each === 'object' && Object.keys(each).length === 0) marks += Array.isArray(each) ? 'l' : 'o'
  }
  NO_FIELDS.walk(value, undefined, () => undefined, undefined, add)
  return marks
}

const NO_FIELDS = new FieldTree<undefined>([])

const BESIDE =
  'what comes beside the one part that "returns" speaks of, and an error, has all its labels — one part, structured or one JSON text, has fields'

function nothingAt(path: JsonPath): string {
  return `the answer has another shape than "returns" says: nothing is at ${pathText(path)}, so what no path names has its labels — name the fields that it has`
}

function isDeepPrefix(above: JsonPath, path: JsonPath): boolean {
  return above.every((step, i) => {
    const other = path[i]
    return step === 'items' || other === undefined || other === 'items' ? step === other : step.name === other.name
  })
}

/** Tells whether a path leads to something in a value, and nowhere past another type. */
function stands(value: Json, path: JsonPath): boolean {
  return found(value, path, 0) === 'here'
}

function found(value: Json, path: JsonPath, at: number): 'here' | 'absent' | 'astray' {
  const step = path[at]
  if (step === undefined || isNothing(value)) return 'here'
  if (step === 'items') {
    if (!Array.isArray(value)) return 'astray'
    const items = new Set(value.map((item: Json) => found(item, path, at + 1)))
    if (items.has('astray')) return 'astray'
    return items.has('here') ? 'here' : 'absent'
  }
  if (!isJsonObject(value)) return 'astray'
  if (Object.hasOwn(value, step.name)) return found(value[step.name] ?? null, path, at + 1)
  const last = path.findLast((each) => each !== 'items') ?? step
  return hasMember(value, last.name) ? 'astray' : 'absent'
}

/** Tells whether a member of that name is anywhere in a value. */
function hasMember(value: Json, name: string): boolean {
  if (typeof value !== 'object' || value === null || isNumber(value)) return false
  if (isJsonObject(value) && Object.hasOwn(value, name)) return true
  return Object.values(value).some((inner: Json) => hasMember(inner, name))
}

function isNothing(value: Json): boolean {
  if (value === null || typeof value === 'boolean' || value === '') return true
  return typeof value === 'object' && !isNumber(value) && Object.keys(value).length === 0
}
