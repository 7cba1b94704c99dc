import type { Action } from '../../model/action.ts'
import { amountText, type Budget, budgetText, maximum } from '../../model/budget.ts'
import type { Grant } from '../../model/grant.ts'
import { type GrantId, grantId } from '../../model/ids.ts'
import { isJsonObject, type Json } from '../../model/json.ts'
import type { Label } from '../../model/label.ts'
import { decimalUnits } from '../../model/money.ts'
import { grantedName, isConnection } from '../../model/operation.ts'
import { sourceText } from '../../model/source.ts'
import { jsonPath, pathKey } from '../../model/text/path.ts'
import type { CatalogueTool } from '../../model/tool.ts'
import type { BudgetReason, BudgetView } from '../budget/budget.ts'
import type { BundledPolicy, PolicyBundle } from '../cedar/bundle.ts'
import { compilePolicies } from '../cedar/compile.ts'
import type { Authority } from '../decide/authority.ts'
import { decide, topOf } from '../decide/decide.ts'
import type { Decided, Refusal } from '../decide/decided.ts'
import { TaskText } from '../decide/task.ts'
import { compileFlow } from '../flow/flow.ts'
import { conjunctsOf } from '../reach/reach-entails.ts'
import { clauseText, fitted } from './smallest-change-condition.ts'

/** Long on purpose: for each kind of reason, the changes that could lift it, side by side. */

/** An action that was not let through, and all that it was decided on. */
export interface SmallestChangeInput {
  readonly action: Action
  readonly authority: Authority
  readonly bundle: PolicyBundle
  readonly nowMs: number
  /** The action's own tool, where it is declared. */
  readonly tool: CatalogueTool | undefined
  /** The labels that the tools of its upstream issue. */
  readonly issues: ReadonlySet<Label>
}

export interface SmallestChange {
  /** Texts that a person would write, all of them needed; none where they would not be enough. */
  readonly changes: readonly string[]
  /**
   * Obstacles that no change of grants, tools or tasks removes, each with the person who could; `changes` are then
   * those needed beside them.
   */
  readonly inTheWay: readonly string[]
}

/**
 * Finds the smallest change that flips a refusal or a hold, by trying: each candidate is put in force on paper and the
 * action decided again, and changes that turn out not to be needed are taken back.
 *
 * - TU1  With all of `changes`, and without what is in the way, `decide` allows. Without any one of them it does not.
 * - TU2  A forbid is never among the changes. It is in the way, with the file and line where its author wrote it.
 */
export function findSmallestChange(input: SmallestChangeInput): SmallestChange {
  const missing = missingOrigin(input)
  if (missing !== undefined) return { changes: [], inTheWay: [missing] }
  const { grants } = topOf(input.authority)
  const { policies } = input.bundle
  const start: World = { input, grants, policies, raised: new Map(), words: '', forbidsOff: new Set() }
  const taken: Candidate[] = []
  let world = start
  for (let round = 0; round < ROUNDS_MAX; round++) {
    const decided = decideIn(world)
    if (decided.verdict === 'allow') return withoutNeedless(start, taken)
    const found = bestCandidate(world, decided)
    if (found === undefined) {
      const inTheWay = [...obstaclesOf(taken), ...decided.reasons.flatMap((reason) => obstacle(reason) ?? [])]
      return { changes: [], inTheWay: [...new Set(inTheWay)] }
    }
    world = found.apply(world)
    taken.push(found)
  }
  return { changes: [], inTheWay: ['more than one person can read'] }
}

/** Returns what stands in the way of a connection to a place that no configuration declares: no grant could name it. */
function missingOrigin({ action, bundle }: SmallestChangeInput): string | undefined {
  if (!isConnection(action.operation) || bundle.actions[keyOf(action)] !== undefined) return undefined
  return obstacle({ kind: 'egress', environment: action.environment, place: action.tool })
}

/** Takes back every change that is not needed, the earlier ones first, and returns what is left. */
function withoutNeedless(start: World, taken: readonly Candidate[]): SmallestChange {
  let kept = taken
  for (const each of taken) {
    if (each.obstacle !== undefined) continue
    const without = kept.filter((other) => other !== each)
    if (decideIn(without.reduce((at, { apply }) => apply(at), start)).verdict === 'allow') kept = without
  }
  return { changes: changesOf(kept), inTheWay: obstaclesOf(kept) }
}

function changesOf(taken: readonly Candidate[]): readonly string[] {
  return taken.filter((each) => each.obstacle === undefined).map(({ text }) => text)
}

function obstaclesOf(taken: readonly Candidate[]): readonly string[] {
  return taken.flatMap((each) => each.obstacle ?? [])
}

/** Largest number of reasons that one action can have. */
const ROUNDS_MAX = 32

/** A configuration on paper: the one in force, with changes. */
interface World {
  readonly input: SmallestChangeInput
  readonly grants: readonly Grant[]
  readonly policies: readonly BundledPolicy[]
  /** Amount by which each budget is raised, in its units; by holder and text. */
  readonly raised: ReadonlyMap<string, bigint>
  readonly tool?: CatalogueTool
  /** More words of the task. */
  readonly words: string
  readonly taskTool?: string
  /** Forbids that are left out to see what else there is. */
  readonly forbidsOff: ReadonlySet<string>
}

interface Candidate {
  readonly text: string
  readonly apply: (world: World) => World
  /** Text of an obstacle that no change removes; the candidate only looks past it. */
  readonly obstacle?: string
}

function decideIn(world: World): Decided {
  const { authority, action, nowMs } = world.input
  const policies = world.policies.filter(({ id, effect }) => effect === 'permit' || !world.forbidsOff.has(id))
  return decide(action, onPaper(authority, world, compilePolicies({ ...world.input.bundle, policies })), nowMs)
}

/** The same for everyone above; grants are what the uppermost was granted. */
function onPaper(authority: Authority, world: World, policies: Authority['policies']): Authority {
  const { grants, tool, words, raised, taskTool, input } = world
  const { exposure, flows, task, above } = authority
  const flow = tool && compileFlow(tool, input.issues)
  const added = new TaskText(words)
  return {
    ...authority,
    grants: above === undefined ? grants : authority.grants,
    policies,
    budgets: raisedView(authority.budgets, raised),
    exposure: {
      labels: exposure.labels,
      knows: (value) => exposure.knows(value) || added.names(value),
      seen: (value, left) => exposure.seen(value, left),
    },
    flows: { get: (key) => (flow !== undefined && key === keyOf(input.action) ? flow : flows.get(key)) },
    ...(task?.tools && taskTool !== undefined && { task: { ...task, tools: new Set([...task.tools, taskTool]) } }),
    ...(above && { above: { ...above, from: () => onPaper(above.from(), world, policies) } }),
  }
}

function keyOf({ upstream, operation, tool }: Action): string {
  return `${upstream}/${grantedName(operation, tool)}`
}

/**
 * Returns the candidate that takes its reason away and leaves the fewest others. Of several grants any one may permit,
 * so the first reason is not always the one to begin with.
 */
function bestCandidate(world: World, decided: Exclude<Decided, { verdict: 'allow' }>): Candidate | undefined {
  let best: { readonly candidate: Candidate; readonly left: number } | undefined
  for (const reason of decided.reasons) {
    for (const candidate of candidatesFor(reason, world)) {
      const after = decideIn(candidate.apply(world))
      const left: readonly Refusal[] = after.verdict === 'allow' ? [] : after.reasons
      if (left.some((each) => sameReason(each, reason))) continue
      if (best === undefined || left.length < best.left) best = { candidate, left: left.length }
    }
  }
  return best?.candidate
}

function sameReason(one: Refusal, other: Refusal): boolean {
  return reasonKey(one) === reasonKey(other)
}

function reasonKey(reason: Refusal): string {
  switch (reason.kind) {
    case 'destination':
    case 'link':
      return `${reason.kind} ${reason.path} ${reason.value}`
    case 'label':
      return `label ${reason.label}`
    case 'budget':
      return `budget ${reason.holder} ${budgetText(reason.budget)}`
    case 'forbid':
    case 'unrepresentable':
      return `policy ${reason.policy}`
    case 'grant-condition':
      return `condition ${reason.grant}`
    default:
      return reason.kind
  }
}

function candidatesFor(reason: Refusal, world: World): readonly Candidate[] {
  const { action } = world.input
  const key = keyOf(action)
  switch (reason.kind) {
    case 'no-grant':
    case 'grant-revoked':
    case 'grant-expired':
      return [ownGrant(world), ...widerGrants(world)]
    case 'grant-condition':
      return conditionChanges(reason.grant, world)
    case 'budget':
      return [raisedBudget(reason)]
    case 'task':
      return [{ text: `let the owner accept ${key} for the task: --tools`, apply: (at) => ({ ...at, taskTool: key }) }]
    case 'label':
      return toolChange(
        `accepts: [${reason.label}] under ${isConnection(action.operation) ? `a tool of ${action.upstream}` : key}, for every cell and every call`,
        ({ accepts = [] }) => ({
          accepts: [...accepts, reason.label],
        }),
        world,
      )
    case 'destination':
      return reason.nothing === true
        ? listedValue(reason.path, null, world)
        : [...taskWords(reason.value), ...listedValue(reason.path, reason.value, world)]
    case 'link':
      return [
        ...taskWords(reason.value),
        ...toolChange(`links: any under ${key}, for every call`, () => ({ anyLinks: true }), world),
      ]
    case 'forbid':
    case 'unrepresentable': {
      const { policy } = reason
      const apply = (at: World): World => ({ ...at, forbidsOff: new Set([...at.forbidsOff, policy]) })
      return world.grants.some(({ id }) => id === policy)
        ? []
        : [{ text: '', apply, obstacle: String(obstacle(reason)) }]
    }
    default:
      return []
  }
}

/** Names the person who could remove an obstacle for which there is no candidate. */
function obstacle(reason: Refusal): string | undefined {
  switch (reason.kind) {
    case 'forbid':
      return `${reason.policy} forbids it, written at ${sourceText(reason.source)}: its author decides${reason.advice === undefined ? '' : ` (${reason.advice})`}`
    case 'unrepresentable':
      return `${reason.policy}, written at ${sourceText(reason.source)}, cannot judge ${reason.path} (${reason.problem}): another value can be judged`
    case 'rung':
      return `the cell is ${reason.rung}: a named person can release it`
    case 'environment':
      return `${reason.upstream} is another environment than ${reason.cell}: nothing reaches across`
    case 'egress':
      return `${reason.place} is no origin under environments.${reason.environment}.egress: whoever owns the configuration can add it`
    case 'origin':
      return `${reason.place} is no origin of an upstream: whoever owns the configuration can declare it (http: { origin: … }) and grant its requests`
    case 'definition':
      return `its definition is ${reason.problem}: a person can accept it (firebreak accept)`
    case 'arguments':
    case 'spend':
      return `${reason.path} ${reason.problem}: only other arguments can pass`
    case 'delegation':
      return `delegation ${reason.delegation}: ${reason.problem}; the cell that gave it can give another part`
    case 'unavailable':
      return `the ${reason.what} is unavailable`
    case 'budget':
      return `the budget of ${reason.holder} (${budgetText(reason.budget)})`
    default:
      return undefined
  }
}

const OWN_GRANT = grantId('g_why')

function ownGrant({ input: { action, authority, bundle } }: World): Candidate {
  const tool = grantedName(action.operation, action.tool)
  const source = { file: 'firebreak.yaml', line: 1, column: 1 }
  const grant: Grant = {
    id: OWN_GRANT,
    agent: authority.agent,
    upstream: action.upstream,
    tools: new Set([tool]),
    budgets: [],
    expiresAtMs: Number.MAX_SAFE_INTEGER,
    grantedBy: authority.owner,
    source,
  }
  const json: Json = {
    effect: 'permit',
    principal: { op: '==', entity: { type: 'Agent', id: authority.agent } },
    action: { op: '==', entity: { type: 'Action', id: keyOf(action) } },
    resource: { op: '==', entity: { type: 'Upstream', id: action.upstream } },
    conditions: [],
  }
  const permit: BundledPolicy = {
    id: OWN_GRANT,
    effect: 'permit',
    grant: OWN_GRANT,
    source,
    text: '',
    annotations: {},
    json,
  }
  const declared = bundle.actions[keyOf(action)] !== undefined
  const named = isConnection(action.operation) ? 'one of its tools, which brings its connections' : JSON.stringify(tool)
  return {
    text: `a grant under agents.${authority.agent}.grants: { upstream: ${action.upstream}, tools: [${named}], expires: 8h }`,
    apply: (at) => (declared ? { ...at, grants: [...at.grants, grant], policies: [...at.policies, permit] } : at),
  }
}

/** The tool added to a grant of the same upstream: its condition and its budgets hold for it, too. */
function widerGrants({ input, grants, policies }: World): readonly Candidate[] {
  const { action, nowMs } = input
  const tool = grantedName(action.operation, action.tool)
  // A live grant of its upstream has the connection.
  if (isConnection(action.operation)) return []
  const live = grants.filter(
    ({ upstream, id, expiresAtMs, revokedAtMs }) =>
      upstream === action.upstream && id !== OWN_GRANT && revokedAtMs === undefined && nowMs < expiresAtMs,
  )
  return live.map(({ id, source }) => ({
    text: `${JSON.stringify(tool)} among the tools of grant ${id} (${sourceText(source)})`,
    apply: (at) => ({
      ...at,
      grants: at.grants.map((grant) =>
        grant.id === id ? { ...grant, tools: new Set([...grant.tools, tool]) } : grant,
      ),
      policies: policies.map((policy) => (policy.grant === id ? withAction(policy, keyOf(action)) : policy)),
    }),
  }))
}

function withAction(policy: BundledPolicy, id: string): BundledPolicy {
  const { json } = policy
  if (!isJsonObject(json) || !isJsonObject(json.action)) return policy
  const { entities, entity } = json.action
  const listed = Array.isArray(entities) ? entities : entity === undefined ? [] : [entity]
  return { ...policy, json: { ...json, action: { op: 'in', entities: [...listed, { type: 'Action', id }] } } }
}

/**
 * Returns changes of a grant's condition: other literals for the clauses that do not hold; where that is not enough,
 * the condition without those clauses.
 */
function conditionChanges(id: GrantId, world: World): readonly Candidate[] {
  const policy = world.policies.find(({ grant }) => grant === id)
  if (policy === undefined) return []
  const clauses = conjunctsOf(policy.json)
  const failing = clauses.filter((clause) => !holds(id, [clause], world))
  const place = `in the condition of grant ${id} (${sourceText(policy.source)})`
  const fits = failing.map((clause) => fitted(clause, world.input.action.args))
  const whole = fits.every((fit) => fit !== undefined)
  const refit = clauses.map((clause) => fits[failing.indexOf(clause)]?.clause ?? clause)
  return [
    ...(whole && failing.length > 0
      ? [{ text: `${place}: ${fits.map((fit) => fit?.text).join(', and ')}`, apply: withCondition(id, refit) }]
      : []),
    {
      text: `${place}: without ${failing.map(clauseText).join(' and without ')}`,
      apply: withCondition(
        id,
        clauses.filter((clause) => !failing.includes(clause)),
      ),
    },
  ]
}

function holds(id: GrantId, clauses: readonly Json[], world: World): boolean {
  const decided = decideIn(withCondition(id, clauses)(world))
  return (
    decided.verdict === 'allow' ||
    !decided.reasons.some((reason) => reason.kind === 'grant-condition' && reason.grant === id)
  )
}

function withCondition(id: GrantId, clauses: readonly Json[]): (world: World) => World {
  const conditions: Json = clauses.map((body) => ({ kind: 'when', body }))
  return (at) => ({
    ...at,
    policies: at.policies.map((policy) =>
      policy.grant === id && isJsonObject(policy.json) ? { ...policy, json: { ...policy.json, conditions } } : policy,
    ),
  })
}

type OverBudget = Extract<BudgetReason, { kind: 'budget' }>

function raisedBudget(reason: OverBudget): Candidate {
  const { holder, source, budget, returnsAtMs } = reason
  const short = shortfall(reason)
  const to = { ...budget, ...largerBy(budget, short) } as Budget // the same kind, and more of it
  const wait = returnsAtMs === undefined ? '' : `; or to wait until ${new Date(returnsAtMs).toISOString()}`
  return {
    text: `the budget of ${holder}${source === undefined ? '' : ` (${sourceText(source)})`}: ${budgetText(budget)} → ${budgetText(to)}${wait}`,
    apply: (at) => ({ ...at, raised: new Map(at.raised).set(budgetKey(reason), short) }),
  }
}

function largerBy(budget: Budget, units: bigint): { readonly maxUnits: bigint } | { readonly max: number } {
  return budget.kind === 'spend' ? { maxUnits: budget.maxUnits + units } : { max: Number(maximum(budget) + units) }
}

/** Returns how much a budget is short, from the words of the refusal, which are exact. */
function shortfall({ asked, left }: OverBudget): bigint {
  return unitsIn(asked) - unitsIn(left)
}

function unitsIn(text: string): bigint {
  const [amount = '', unit = ''] = text.split(' ')
  const units = decimalUnits(amount)
  if (!units.ok) throw new RangeError(`not an amount: ${text}`)
  return /^[A-Z]{3}$/.test(unit) ? units.value : units.value / 10_000n
}

function budgetKey({ holder, budget }: OverBudget): string {
  return `${holder} ${budgetText(budget)} ${amountText(budget, maximum(budget))}`
}

function raisedView(budgets: BudgetView, raised: ReadonlyMap<string, bigint>): BudgetView {
  if (raised.size === 0) return budgets
  return {
    room: (holders, measure, nowMs) => budgets.room(holders, measure, nowMs),
    refusals: (holders, cost, nowMs) =>
      budgets
        .refusals(holders, cost, nowMs)
        .filter((reason) => reason.kind !== 'budget' || shortfall(reason) > (raised.get(budgetKey(reason)) ?? 0n)),
  }
}

/** Returns words of the owner's that name the value, for one assignment only. */
function taskWords(value: string): readonly Candidate[] {
  const quoted = `"${value}"`
  if (!new TaskText(quoted).names(value)) return []
  return [
    {
      text: `a task of the owner's that names ${JSON.stringify(value)}: --task`,
      apply: (at) => ({ ...at, words: `${at.words} ${quoted}` }),
    },
  ]
}

function listedValue(place: string, value: string | null, world: World): readonly Candidate[] {
  const path = jsonPath(place.replaceAll(/\[\d+\]/g, '[*]'))
  if (path === undefined) return []
  const text = `destinations: { ${pathKey(path)}: [${JSON.stringify(value)}] } under ${keyOf(world.input.action)}, for every call`
  return toolChange(
    text,
    ({ destinations = [] }) => {
      const before = destinations.find((each) => JSON.stringify(each.path) === JSON.stringify(path))
      const others = destinations.filter((each) => each !== before)
      return { destinations: [...others, { path, values: [...(before?.values ?? []), value] }] }
    },
    world,
  )
}

function toolChange(
  text: string,
  change: (declared: CatalogueTool['declared']) => Partial<CatalogueTool['declared']>,
  { input }: World,
): readonly Candidate[] {
  if (input.tool === undefined) return []
  const was = input.tool
  return [
    {
      text,
      apply: (at) => {
        const tool = at.tool ?? was
        return { ...at, tool: { ...tool, declared: { ...tool.declared, ...change(tool.declared) } } }
      },
    },
  ]
}
