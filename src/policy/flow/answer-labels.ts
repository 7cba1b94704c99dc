import { isJsonObject, type Json } from '../../model/json.ts'
import { type Label, UNTRUSTED } from '../../model/label.ts'
import { isNumber } from '../../model/text/number.ts'
import { type JsonPath, pathText } from '../../model/text/path.ts'
import { FieldTree } from './field-tree.ts'

type Labels = readonly Label[]

/** The labels of one answer's fields: those of its tool's declaration, and more where it has another shape. */
export interface AnswerLabels {
  readonly fields: FieldTree<Labels>
  /** Labels of fields that no path names. */
  readonly otherwise: Labels
  /** Labels of everything beside the part that the paths speak of. */
  readonly beside: Labels
  /** Tells why something has a label that its declaration does not give it; undefined where it does. */
  shape(labels: Labels, label: Label): string | undefined
}

export const NOT_LABELLED: Labels = [UNTRUSTED]

/**
 * Returns the labels for an answer whose fields are looked for in `ruled`.
 *
 * - AL1  A labelled path to no member, or with another type on the way, says that its data stands elsewhere: all that only
 *        a path above it speaks of has its labels, too. So does one with nothing (null, empty; a truth on the way) at it
 *        where a member of the same name holds something that only such a path speaks of, which lacks its labels.
 *        Otherwise nothing is no other shape.
 * - AL2  An error, and what stands beside the part that the paths speak of, has every label of the declaration.
 */
export function answerLabels(returns: FieldTree<Labels>, ruled: Json | undefined): AnswerLabels {
  const { rules, root = NOT_LABELLED } = returns
  const astray = ruled === undefined ? [] : astrayIn(ruled, returns)
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

type Rule = FieldTree<Labels>['rules'][number]

/** Returns the labelled paths whose data stands elsewhere in a value. */
function astrayIn(value: Json, returns: FieldTree<Labels>): readonly Rule[] {
  const labelled = returns.rules.filter(([, labels]) => labels.length > 0)
  const met = new Map(labelled.map((rule) => [rule, metAt(value, rule[0])] as const))
  const isLacking = (rule: Rule) => met.get(rule)?.has('nothing') === true || met.get(rule)?.has('absent') === true
  const names = new Set(labelled.filter(isLacking).map(([path]) => lastName(path)))
  const members = membersIn(value, returns, names)
  return labelled.filter((rule) => {
    const at = met.get(rule)
    if (at === undefined || at.has('astray') || !(at.has('something') || at.has('nothing'))) return true
    return isLacking(rule) && (members.get(lastName(rule[0])) ?? []).some((place) => isLeftTo(place, rule))
  })
}

/** Tells whether a place has no rule of its own but one above a path, without all of the path's labels. */
function isLeftTo([above, given]: Rule, [path, labels]: Rule): boolean {
  return above.length < path.length && isDeepPrefix(above, path) && labels.some((label) => !given.includes(label))
}

/** Returns, for each of the names, the rules of the members that hold something by it. */
function membersIn(
  value: Json,
  { rules }: FieldTree<Labels>,
  names: ReadonlySet<string | undefined>,
): ReadonlyMap<string | undefined, readonly Rule[]> {
  const found = new Map<string, Set<Rule>>()
  if (names.size === 0) return new Map()
  const places = new FieldTree(rules.map((rule) => [rule[0], rule] as const))
  places.members(value, [[], NOT_LABELLED], (name, member, rule) => {
    if (!names.has(name) || isEmpty(member)) return
    const of = found.get(name) ?? new Set()
    found.set(name, of.add(rule))
  })
  return new Map([...found].map(([name, of]) => [name, [...of]]))
}

function lastName(path: JsonPath): string | undefined {
  return path.findLast((step) => step !== 'items')?.name
}

type Met = 'something' | 'nothing' | 'absent' | 'astray'

/** Returns what is met at the places of a path in a value: `astray` where another type is on the way. */
function metAt(value: Json, path: JsonPath): ReadonlySet<Met> {
  const met = new Set<Met>()
  meet(value, path, 0, met)
  return met
}

function meet(value: Json, path: JsonPath, at: number, met: Set<Met>): void {
  const step = path[at]
  if (step === undefined) met.add(isHollow(value) ? 'nothing' : 'something')
  else if (typeof value === 'boolean' || isEmpty(value)) met.add('nothing')
  else if (step === 'items') {
    if (Array.isArray(value)) for (const item of value) meet(item, path, at + 1, met)
    else met.add('astray')
  } else if (!isJsonObject(value)) met.add('astray')
  else if (Object.hasOwn(value, step.name)) meet(value[step.name] ?? null, path, at + 1, met)
  else met.add('absent')
}

function isEmpty(value: Json): boolean {
  return value === null || value === '' || (typeof value === 'object' && !isNumber(value) && !hasMembers(value))
}

/** Tells whether a value is empty, or has nothing in it but what is. */
function isHollow(value: Json): boolean {
  return isEmpty(value) || (hasMembers(value) && Object.values(value as object).every(isHollow))
}
