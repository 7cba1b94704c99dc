import type { ToolName } from '../../model/ids.ts'
import { isJsonObject, type Json } from '../../model/json.ts'
import { type Label, UNTRUSTED } from '../../model/label.ts'
import { sourceText } from '../../model/source.ts'
import type { CatalogueTool, DeclaredTool } from '../../model/tool.ts'
import { type ComparedReach, comparedReach, type ReachedOperation, type ReachInput } from './reach.ts'
import { conjunctsOf, denialCovers } from './reach-entails.ts'
import { fieldUnits } from './reach-labels.ts'
import { comparePermits, judgeTogether } from './reach-permits.ts'
import { oneLine, rankOf, type Sides } from './reach-sides.ts'

/** One thing that a change of the configuration makes possible, or no longer possible. */
export interface ReachChange {
  readonly widens: boolean
  /** The worst is 0. */
  readonly rank: number
  /** An operation, or what else it is about. */
  readonly about: string
  readonly text: string
}

/**
 * Lists what the second configuration makes possible that the first did not, and the other way round; worst first.
 *
 * - RD1  If nothing widens, every action that the second allows without a person, after any history that the second allows,
 *        the first allows too. What cannot be shown to be narrower counts as wider: conditions are compared by their
 *        conjuncts, numbers and lists of values, and no further.
 * - RD2  Names of members, and fields that are masked anew, count as no data: neither widens.
 * - RD3  What was used of a budget stays used: where nothing widens, each operation counts in the grant that it counted in.
 */
export function reachDiff(before: ReachInput, after: ReachInput): readonly ReachChange[] {
  const [old, next] = [comparedReach(before), comparedReach(after)]
  const changes: ReachChange[] = []
  const wider = (rank: number, about: string, text: string) => void changes.push({ widens: true, rank, about, text })
  const narrower = (rank: number, about: string, text: string) =>
    void changes.push({ widens: false, rank, about, text })
  if (before.environment !== after.environment)
    wider(0, after.agent, `moves from environment ${before.environment} to ${after.environment}`)
  if (before.owner !== after.owner) wider(6, after.agent, `answers to ${after.owner} instead of ${before.owner}`)
  for (const label of before.labels)
    if (!after.labels.includes(label)) wider(3, 'workspace', `no longer counts as ${label}`)
  for (const label of after.labels)
    if (!before.labels.includes(label)) narrower(3, 'workspace', `counts as ${label} from the beginning`)
  const sides: Sides = { before, after, old, next, wider, narrower, assigned: new Map() }
  const [possible, was] = [allOf(next), allOf(old)]
  for (const operation of possible) {
    const earlier = was.find(({ id }) => id === operation.id)
    if (earlier === undefined) wider(rankOf(operation), operation.id, `becomes possible: ${summary(operation)}`)
    else compare(operation, earlier, sides)
  }
  for (const gone of was)
    if (!possible.some(({ id }) => id === gone.id)) narrower(rankOf(gone), gone.id, 'is no longer possible')
  judgeTogether(sides)
  judgeLabelConditions(sides)
  return changes.toSorted(
    (a, b) =>
      Number(b.widens) - Number(a.widens) || a.rank - b.rank || order(a.about, b.about) || order(a.text, b.text),
  )
}

/** Returns all that an agent can do by itself: its operations, and the connections of its relays. */
function allOf({ operations, connections }: ComparedReach): readonly ReachedOperation[] {
  return [...operations, ...connections]
}

function order(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0
}

function summary({ effect, permits, spend, carries }: ReachedOperation): string {
  const money = spend.map(({ currency, perDay }) =>
    perDay === undefined ? `without limit (${currency})` : `at most ${perDay} ${currency} in 24 hours`,
  )
  const conditions = permits.every(({ when }) => when !== undefined)
    ? [`if ${permits.map(({ when = '' }) => oneLine(when)).join(' or ')}`]
    : []
  return [effect, ...money, ...conditions, ...(carries.length === 0 ? ['a person is always asked'] : [])].join(', ')
}

function compare(operation: ReachedOperation, earlier: ReachedOperation, sides: Sides): void {
  const { id } = operation
  const [tool, was] = [toolOf(operation, sides.after), toolOf(operation, sides.before)]
  if (tool === undefined || was === undefined) return
  compareDeclaration(id, tool, was, sides)
  comparePermits(operation, earlier, sides)
  compareForbids(operation, earlier, sides)
  compareAccepts(operation, earlier, sides)
  compareArguments(operation, earlier, sides)
  compareReturns(id, tool.declared, was.declared, sides)
  for (const path of earlier.masked)
    if (!operation.masked.includes(path)) sides.wider(3, id, `${path} of what it returns is no longer masked`)
  for (const path of operation.masked)
    if (!earlier.masked.includes(path)) sides.narrower(3, id, `${path} of what it returns is masked`)
}

function toolOf({ upstream, tool }: ReachedOperation, { catalogue }: ReachInput): CatalogueTool | undefined {
  return catalogue.upstreams.get(upstream)?.tools.get(tool as ToolName)
}

/** Members of a declaration that are compared piece by piece; a change of any other member counts as wider. */
const COMPARED: ReadonlySet<string> = new Set<keyof DeclaredTool>([
  'name',
  'effect',
  'amount',
  'currency',
  'returns',
  'accepts',
  'acceptsOneOf',
  'destinations',
  'content',
  'anyLinks',
  'mask',
])

function compareDeclaration(id: string, tool: CatalogueTool, was: CatalogueTool, { wider }: Sides): void {
  const [next, old] = [tool.declared, was.declared]
  if (next.effect !== old.effect)
    wider(next.effect === 'read' ? 1 : 2, id, `counts as ${next.effect}, and was ${old.effect}`)
  if (next.effect === old.effect && (next.amount !== old.amount || next.currency !== old.currency))
    wider(1, id, `reads what it spends from ${spendPaths(next)}, and did from ${spendPaths(old)}`)
  if (tool.pinned?.digest !== was.pinned?.digest)
    wider(2, id, 'another definition of it is accepted: its arguments are other ones')
  const names = new Set([...Object.keys(next), ...Object.keys(old)].filter((name) => !COMPARED.has(name)))
  for (const name of [...names].sort()) {
    const [one, other] = [memberText(next, name), memberText(old, name)]
    if (one !== other) wider(4, id, `its declaration has ${name}: ${one}, and had ${other}`)
  }
}

function spendPaths({ amount = 'nothing', currency = 'nothing' }: DeclaredTool): string {
  return `${amount} and ${currency}`
}

function memberText(declared: DeclaredTool, name: string): string {
  const member = Object.entries(declared).find(([key]) => key === name)?.[1]
  return member === undefined
    ? 'nothing'
    : JSON.stringify(member, (_, value: unknown) => (typeof value === 'bigint' ? `${value}` : value))
}

function compareForbids(operation: ReachedOperation, earlier: ReachedOperation, sides: Sides): void {
  const rank = Math.min(rankOf(operation), 2)
  const lines = (of: ReachedOperation, { policies }: ReachInput) =>
    of.forbids.map((forbid) => ({
      ...forbid,
      conjuncts: conjunctsOf(
        policies.policies.find(({ id, effect }) => id === forbid.policy && effect === 'forbid')?.json,
      ),
    }))
  const [next, old] = [lines(operation, sides.after), lines(earlier, sides.before)]
  for (const { policy, source, conjuncts } of old) {
    if (!next.some((forbid) => denialCovers(forbid.conjuncts, conjuncts)))
      sides.wider(rank, operation.id, `is no longer forbidden where ${policy} (${sourceText(source)}) did`)
  }
  for (const { policy, source, conjuncts } of next) {
    if (!old.some((forbid) => denialCovers(forbid.conjuncts, conjuncts)))
      sides.narrower(rank, operation.id, `is forbidden where ${policy} (${sourceText(source)}) says so`)
  }
}

/** A label that nothing of the old configuration put on anything could meet nothing there. */
function compareAccepts(operation: ReachedOperation, earlier: ReachedOperation, sides: Sides): void {
  const known = new Set(allLabels(sides.before))
  for (const label of operation.accepts) {
    if (!earlier.accepts.includes(label) && known.has(label))
      sides.wider(
        2,
        operation.id,
        `accepts ${label}: it may be used by a cell that has seen such data, without a person`,
      )
  }
  for (const label of earlier.accepts)
    if (!operation.accepts.includes(label)) sides.narrower(2, operation.id, `no longer accepts ${label}`)
  compareAcceptedSets(operation, earlier, sides)
}

/** Compares the further sets of labels that are accepted together. */
function compareAcceptedSets(operation: ReachedOperation, earlier: ReachedOperation, sides: Sides): void {
  const setsOf = (of: ReachedOperation, input: ReachInput) =>
    (toolOf(of, input)?.declared.acceptsOneOf ?? []).map((labels) => new Set([...labels, ...of.accepts]))
  const [next, old] = [setsOf(operation, sides.after), setsOf(earlier, sides.before)]
  const isWithin = (set: ReadonlySet<Label>, sets: readonly ReadonlySet<Label>[], alone: readonly Label[]) =>
    [...sets, new Set(alone)].some((other) => set.isSubsetOf(other))
  const name = (set: ReadonlySet<Label>) => [...set].sort().join(', ') || 'no label'
  for (const set of next)
    if (!isWithin(set, old, earlier.accepts)) sides.wider(2, operation.id, `accepts together ${name(set)}`)
  for (const set of old)
    if (!isWithin(set, next, operation.accepts))
      sides.narrower(2, operation.id, `no longer accepts together ${name(set)}`)
}

function allLabels({ catalogue, labels }: ReachInput): readonly Label[] {
  const returned = [...catalogue.upstreams.values()].flatMap(({ tools }) =>
    [...tools.values()].flatMap(({ declared }) => fieldUnits(declared).flatMap((unit) => unit.labels)),
  )
  return [UNTRUSTED, ...labels, ...returned]
}

function compareArguments(operation: ReachedOperation, earlier: ReachedOperation, { wider, narrower }: Sides): void {
  for (const argument of operation.arguments) {
    const was = earlier.arguments.find(({ path }) => path === argument.path)
    if (was === undefined) wider(2, operation.id, `takes an argument ${argument.path}`)
    else if (was.leads !== argument.leads) {
      const text = `${argument.path} ${LEADS[argument.leads]}; it ${WAS[was.leads]}`
      if (STRICT.indexOf(argument.leads) <= STRICT.indexOf(was.leads) && was.leads !== 'content')
        narrower(2, operation.id, text)
      else wider(2, operation.id, text)
    } else if (argument.leads === 'named') {
      if (was.needed === true && argument.needed !== true)
        wider(2, operation.id, `${argument.path} may be left out, null or empty`)
      else if (argument.needed === true && was.needed !== true)
        narrower(2, operation.id, `${argument.path} may no longer be left out, null or empty`)
      const more = argument.values.filter((value) => !was.values.includes(value))
      const fewer = was.values.filter((value) => !argument.values.includes(value))
      if (more.length > 0)
        wider(
          2,
          operation.id,
          `${argument.path} may always be ${more.map((value) => JSON.stringify(value)).join(', ')}`,
        )
      if (fewer.length > 0)
        narrower(
          2,
          operation.id,
          `${argument.path} may no longer always be ${fewer.map((value) => JSON.stringify(value)).join(', ')}`,
        )
    }
  }
}

/** The strictest first. A whole known value may hold a link that is not known by itself: `content` is above nothing. */
const STRICT: readonly ReachedOperation['arguments'][number]['leads'][] = ['named', 'content', 'carried', 'free']
const LEADS = {
  named: 'may only be what is named',
  content: 'is only carried, its links judged',
  carried: 'is only carried, its links not judged',
  free: 'may be anything',
} as const
const WAS = {
  named: 'had to be named',
  content: 'was only carried, its links judged',
  carried: 'was only carried, its links not judged',
  free: 'could be anything',
} as const

/** The deepest rule at or above a field is its rule, so that the fields that rules name are all that can differ. */
function compareReturns(id: string, next: DeclaredTool, old: DeclaredTool, { wider, narrower }: Sides): void {
  const [units, was] = [fieldUnits(next), fieldUnits(old)]
  for (const path of new Set([...units, ...was].map((unit) => unit.path))) {
    const [labels, before] = [labelsAt(path, units), labelsAt(path, was)]
    for (const label of before.filter((each) => !labels.includes(each))) {
      const trust = label === UNTRUSTED ? ': what stands there may name destinations' : ''
      wider(2, id, `${path} of what it returns no longer counts as ${label}${trust}`)
    }
    for (const label of labels.filter((each) => !before.includes(each)))
      narrower(2, id, `${path} of what it returns counts as ${label}`)
  }
}

function labelsAt(path: string, units: ReturnType<typeof fieldUnits>): readonly Label[] {
  const above = units.filter(
    (unit) => path === unit.path || (/^[.[]/.test(path.slice(unit.path.length)) && path.startsWith(unit.path)),
  )
  return (
    above.reduce<(typeof units)[number] | undefined>(
      (deepest, unit) => (deepest === undefined || unit.path.length > deepest.path.length ? unit : deepest),
      undefined,
    )?.labels ?? [UNTRUSTED]
  )
}

/** A condition may ask for a label as well as against it: where labels changed, nothing is known of what it says. */
function judgeLabelConditions({ before, after, old, next, wider }: Sides): void {
  if (JSON.stringify(labelRules(before)) === JSON.stringify(labelRules(after))) return
  const was = new Set(allOf(old).map(({ id }) => id))
  for (const { id, permits, forbids } of allOf(next)) {
    if (!was.has(id)) continue
    const asked = permits.flatMap(({ grant, when }) => (when === undefined ? [] : [grant]))
    const names = new Set<string>([...asked, ...forbids.map(({ policy }) => policy)])
    const asking = after.policies.policies.filter((policy) => names.has(policy.id) && mentionsLabels(policy.json))
    for (const policy of asking)
      wider(4, id, `labels have changed, and ${policy.id} (${sourceText(policy.source)}) asks for them`)
  }
}

function labelRules({ catalogue, labels }: ReachInput): Json {
  const rules = [...catalogue.upstreams.values()].flatMap(({ name, tools }) =>
    [...tools.values()].map(({ declared }) => [
      name,
      declared.name,
      fieldUnits(declared).map(({ path, labels: own }) => [path, [...own]]),
    ]),
  )
  return [[...labels], rules] as Json
}

function mentionsLabels(json: Json): boolean {
  if (Array.isArray(json)) return json.some(mentionsLabels)
  if (!isJsonObject(json)) return false
  return json.attr === 'labels' || Object.values(json).some(mentionsLabels)
}
