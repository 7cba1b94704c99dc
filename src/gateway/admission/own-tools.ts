import {
  amountText,
  type Budget,
  cutsOff,
  cutText,
  decimalText,
  decimalUnits,
  delegationId,
  isJsonObject,
  type Json,
  type JsonObject,
  jsonPath,
  LIMITS,
  labelFrom,
  maximum,
  mayAct,
  no,
  ok,
  pathText,
  type Result,
  type UpstreamName,
} from '../../model/index.ts'
import { type ArgumentLimit, type Restriction, topOf } from '../../policy/index.ts'
import { type CompiledSchema, compileSchema } from '../content/schema.ts'
import { yieldIfLong } from '../fairness/share.ts'
import { requestRefused } from '../pipeline/held.ts'
import { recordLabels, redacted } from '../pipeline/record.ts'
import type { EnvironmentContext } from './environment-context.ts'
import { authorityOf, type Given, type ServedCell } from './served-cell.ts'

/**
 * The upstream of the gateway itself: its tools are offered to each cell under an upstream's name that no configuration
 * can have: what the cell may do, giving a part of it to another agent, and what became of that. None of it can widen
 * anything: `authority` reads, `delegate` restricts.
 */
export const OWN_UPSTREAM = 'firebreak' as UpstreamName // a name by its shape

interface OwnTool {
  /** The side of a delegation that has a use for the tool; absent: everybody. */
  readonly use?: 'giver' | 'receiver'
  /** True where the tool only tells, so that a cell that may only read may use it. */
  readonly tells?: true
  readonly description: string
  readonly input: JsonObject
  readonly run: (gate: EnvironmentContext, cell: ServedCell, args: JsonObject) => Promise<Result<Json, string>>
}

const text = (description: string): JsonObject => ({ type: 'string', description })
const texts = (description: string): JsonObject => ({ type: 'array', items: { type: 'string' }, description })
const inputs = (properties: JsonObject, required: readonly string[] = []): JsonObject => ({
  type: 'object',
  properties,
  required,
  additionalProperties: false,
})

const TOOLS: Readonly<Record<string, OwnTool>> = {
  authority: {
    tells: true,
    description: 'What this cell may do now, and until when; and what it was asked to do.',
    input: inputs({}),
    run: async (gate, cell) => ok(authority(gate, cell)),
  },
  delegate: {
    use: 'giver',
    description:
      'Give a declared agent, in a cell of its own, a part of what this cell may do. Only restrictions can be given: whatever this cell may not do, it may not either.',
    input: inputs(
      {
        agent: text('the declared agent'),
        assignment: text('what it is asked to do; it reads it with the tool "authority"'),
        tools: texts('upstream/tool, only these; all of this cell’s where absent'),
        limits: {
          type: 'array',
          description: 'what arguments may be',
          items: inputs(
            {
              tool: text('upstream/tool'),
              argument: text('a path like $.amount'),
              oneOf: { type: 'array', description: 'exactly one of these', items: {} },
              max: text('a decimal like 50.00'),
            },
            ['tool', 'argument'],
          ),
        },
        calls: { type: 'integer', minimum: 1, description: 'at most so many calls, all together' },
        spend: inputs({ amount: text('a decimal like 50.00'), currency: text('like EUR') }, ['amount', 'currency']),
        minutes: { type: 'integer', minimum: 1, maximum: 1440, description: 'how long it lasts; 60 where absent' },
        labels: texts('labels of data that it may have seen and still act; all where absent'),
      },
      ['agent', 'assignment'],
    ),
    run: delegate,
  },
  delegations: {
    use: 'giver',
    tells: true,
    description:
      'What this cell has delegated, and what those cells reported. Reading a report is seeing what they saw.',
    input: inputs({}),
    run: async (gate, cell) => {
      const reported = delegations(cell)
      const onDisk = (await recordLabels(gate.ledger, cell)) ?? true
      return onDisk ? ok(reported) : no('the ledger cannot be written')
    },
  },
  revoke: {
    use: 'giver',
    description: 'End a delegation of this cell, and everything below it, at once.',
    input: inputs({ delegation: text('its id') }, ['delegation']),
    run: async (gate, cell, args) => {
      const given = [...cell.given.values()].find(({ id }) => id === args.delegation)
      if (given === undefined) return no('this cell has no such delegation')
      gate.endDelegation(given, 'revoked by the cell that gave it')
      return ok({ delegation: given.id, state: given.state })
    },
  },
  request: {
    description:
      'Ask a person to let a refused call through: exactly that call, once. Make it again, unchanged, when they have agreed.',
    input: inputs(
      { reference: text('the reference that the refusal carried'), why: text('why it is needed; a person reads it') },
      ['reference', 'why'],
    ),
    run: async (gate, cell, args) => {
      const held = await requestRefused(gate, cell, String(args.reference), String(args.why))
      if (held?.kind === 'held') return ok({ reference: held.hold, state: 'waiting for a person' })
      return no('there is no such refusal that a person could let through')
    },
  },
  report: {
    use: 'receiver',
    description: `Tell the cell that delegated to this one what came of it, in at most ${LIMITS.assignmentCharactersMax} characters; the newest ${LIMITS.reportsMax} are kept.`,
    input: inputs({ text: text('what came of it') }, ['text']),
    run: async (_, cell, args) => {
      const { givenBy } = cell
      if (givenBy === undefined) return no('nobody delegated to this cell')
      const said = String(args.text)
      if (said.length > LIMITS.assignmentCharactersMax)
        return no(`a report has at most ${LIMITS.assignmentCharactersMax} characters: send it in parts`)
      givenBy.reports.push(said)
      if (givenBy.reports.length > LIMITS.reportsMax) {
        givenBy.reports.shift()
        givenBy.reportsForgotten++
      }
      return ok({ reported: true })
    },
  },
}

/** Returns the tools that this cell has a use for, as a list shows them. `prefix` is empty at their own endpoint. */
export function ownTools(
  gate: EnvironmentContext,
  cell: ServedCell,
  prefix: string,
): readonly Pick<OwnTool & { readonly name: string }, 'name' | 'description' | 'input'>[] {
  if (cutsOff(cell.rung)) return []
  const mayDelegate = gate.agents.some(({ name, delegates }) => name === cell.authority.agent && delegates.length > 0)
  return Object.entries(TOOLS)
    .filter(([, { tells }]) => tells === true || mayAct(cell.rung))
    .filter(([, { use }]) => use === undefined || (use === 'giver' ? mayDelegate : cell.givenBy !== undefined))
    .map(([name, { description, input }]) => ({ name: `${prefix}${name}`, description, input }))
}

/** Undefined where there is no such tool. A fault is the cell's own, and told to it. */
export async function callOwn(
  gate: EnvironmentContext,
  cell: ServedCell,
  name: string,
  args: JsonObject,
): Promise<Result<Json, string> | undefined> {
  const tool = Object.hasOwn(TOOLS, name) ? TOOLS[name] : undefined
  if (tool === undefined) return undefined
  const fault = schemaOf(name, tool).check(args)
  if (fault !== undefined) return no(`invalid arguments: ${fault.path} ${fault.problem}`)
  // As every action: what a cell does here is of its share, and a watched one is slowed.
  await yieldIfLong()
  await cell.share.waitForShare(gate.ledger, gate.nowMs)
  if (cell.rung === 'watched') await cell.pace.waitForPace(gate.nowMs)
  const isTold = tool.tells === true && cell.rung === 'restricted'
  if (!isTold && !mayAct(cell.rung)) return no(`the cell is ${cell.rung}`)
  return tool.run(gate, cell, args)
}

const schemas = new Map<string, CompiledSchema>()

function schemaOf(name: string, { input }: OwnTool): CompiledSchema {
  const known = schemas.get(name)
  if (known !== undefined) return known
  const compiled = compileSchema(input, 'arguments')
  if (!compiled.ok) throw new Error(`the schema of ${name}: ${compiled.reason}`)
  schemas.set(name, compiled.value)
  return compiled.value
}

function authority(gate: EnvironmentContext, cell: ServedCell): Json {
  const own = authorityOf(cell)
  const top = topOf(own)
  const nowMs = gate.nowMs()
  return {
    agent: own.agent,
    owner: own.owner,
    environment: own.environment,
    rung: own.rung,
    labels: [...own.exposure.labels.keys()],
    ...(own.task && { task: own.task.text, ...(own.task.tools && { taskTools: [...own.task.tools] }) }),
    ...(cell.givenBy && {
      assignment: cell.givenBy.assignment,
      delegation: cell.givenBy.id,
      restriction: restrictionJson(cell.givenBy.restriction),
    }),
    grants: top.grants
      .filter(({ revokedAtMs, expiresAtMs }) => revokedAtMs === undefined && nowMs < expiresAtMs)
      .map((grant) => {
        const condition = top.policies.grantText(grant.id)
        return {
          upstream: grant.upstream,
          tools: [...grant.tools],
          ...(condition !== '' && { when: condition }),
          expiresAt: new Date(grant.expiresAtMs).toISOString(),
        }
      }),
  }
}

async function delegate(gate: EnvironmentContext, cell: ServedCell, args: JsonObject): Promise<Result<Json, string>> {
  const agent = [...gate.agents].find(({ name }) => name === args.agent)
  const from = gate.agents.find(({ name }) => name === cell.authority.agent)
  if (agent === undefined || from === undefined || !from.delegates.includes(agent.name)) {
    return no(`${cell.authority.agent} may delegate to: ${from?.delegates.join(', ') || 'nobody'}`)
  }
  const depth = (cell.authority.above?.depth ?? 0) + 1
  if (depth > LIMITS.delegationDepthMax) return no(`at most ${LIMITS.delegationDepthMax} levels`)
  const live = [...cell.given.values()].filter(({ state }) => state === 'starting' || state === 'running')
  if (live.length >= LIMITS.delegationsMax) return no(`at most ${LIMITS.delegationsMax} delegations at a time`)
  const assignment = String(args.assignment)
  if (assignment.length > LIMITS.assignmentCharactersMax) {
    return no(`an assignment has at most ${LIMITS.assignmentCharactersMax} characters`)
  }
  const restriction = restrictionFrom(cell, args, gate.nowMs())
  if (!restriction.ok) return restriction
  const given: Given = {
    id: delegationId(gate.newActionId()),
    agent: agent.name,
    depth,
    restriction: restriction.value,
    assignment,
    reports: [],
    reportsForgotten: 0,
    state: 'starting',
    revokedAtMs: undefined,
    cell: undefined,
  }
  // Before it is recorded: what its entry trips ends it.
  cell.given.set(given.id, given)
  forgetEnded(cell)
  const recorded = await gate.recordDurably({
    kind: 'delegation.made',
    delegation: given.id,
    cell: cell.id,
    agent: cell.authority.agent,
    to: given.agent,
    depth,
    restriction: redacted(restrictionJson(given.restriction)),
    assignment: String(redacted(assignment)),
    ...gate.notice.in({ upstream: OWN_UPSTREAM, operation: 'tool', target: 'delegate' }, args),
  })
  if (!recorded) {
    cell.given.delete(given.id)
    return no('it cannot be recorded')
  }
  if (!mayAct(cell.rung)) gate.endDelegation(given, `the cell that gave it is ${cell.rung}`)
  if (given.state !== 'starting') return no('it was ended')
  gate.launch(cell, given)
  return ok({ delegation: given.id, agent: given.agent, state: given.state })
}

/** Forgets the oldest delegations that have ended, and what was reported of them. */
function forgetEnded({ given }: ServedCell): void {
  const ended = [...given].filter(([, { state }]) => state === 'ended')
  for (const [id] of ended.slice(0, Math.max(0, ended.length - LIMITS.delegationsEndedMax))) given.delete(id)
}

/** Reads a restriction that a cell wrote: a limit that cannot be read, or that limits nothing, is a fault. */
function restrictionFrom(cell: ServedCell, args: JsonObject, nowMs: number): Result<Restriction, string> {
  const limits: ArgumentLimit[] = []
  const tools = args.tools === undefined ? undefined : listOf(args.tools).map((name) => toolNamed(cell, String(name)))
  const unknown = tools?.indexOf(undefined) ?? -1
  if (unknown !== -1) return no(noTool(listOf(args.tools)[unknown]))
  for (const limit of listOf(args.limits)) {
    if (!isJsonObject(limit)) return no('a limit is an object')
    const tool = toolNamed(cell, String(limit.tool))
    if (tool === undefined) return no(noTool(limit.tool))
    const path = jsonPath(String(limit.argument))
    const max = limit.max === undefined ? undefined : decimalUnits(String(limit.max))
    if (path === undefined || path.includes('items')) return no(`not a path to an argument: ${String(limit.argument)}`)
    if (max?.ok === false) return no(`max is ${max.reason}`)
    if (max === undefined && limit.oneOf === undefined) return no('a limit has oneOf or max')
    limits.push({
      tool,
      path,
      ...(Array.isArray(limit.oneOf) && { oneOf: limit.oneOf }),
      ...(max && { maxUnits: max.value }),
    })
  }
  const windowMs = Number(args.minutes ?? 60) * 60_000
  const window = { kind: 'sliding', ms: windowMs } as const
  const budgets: Budget[] = []
  if (args.calls !== undefined) budgets.push({ kind: 'calls', max: Number(args.calls), window })
  if (isJsonObject(args.spend)) {
    const units = decimalUnits(String(args.spend.amount))
    const currency = String(args.spend.currency)
    if (!units.ok || units.value <= 0n || !/^[A-Z]{3}$/.test(currency)) return no('spend is an amount and a currency')
    budgets.push({ kind: 'spend', maxUnits: units.value, currency, window })
  }
  const labels = args.labels === undefined ? undefined : listOf(args.labels).map((label) => labelFrom(String(label)))
  if (labels?.includes(undefined)) return no('not a label')
  return ok({
    ...(tools && { tools: new Set(tools.filter((tool) => tool !== undefined)) }),
    arguments: limits,
    budgets,
    expiresAtMs: nowMs + windowMs,
    ...(labels && { labels: new Set(labels.filter((label) => label !== undefined)) }),
  })
}

/**
 * Returns a tool of the cell's upstreams as grants name it, `upstream/tool`; also of the name that lists have,
 * `upstream__tool`. Undefined where there is none.
 */
function toolNamed({ upstreams }: ServedCell, name: string): string | undefined {
  const [, listed = '', rest = ''] = /^(.*?)__([\s\S]*)$/.exec(name) ?? []
  for (const id of [name, `${listed}/${rest}`])
    for (const { name: upstream, contracts } of upstreams.values())
      for (const tool of contracts.keys()) if (`${upstream}/${tool}` === id) return id
  return undefined
}

function noTool(name: Json | undefined): string {
  return `there is no tool "${cutText(String(name), 200)}" to limit: it is upstream/tool, as in bank/pay`
}

function restrictionJson({ tools, arguments: limits, budgets, expiresAtMs, labels }: Restriction): Json {
  return {
    ...(tools && { tools: [...tools] }),
    ...(limits.length > 0 && {
      limits: limits.map(({ tool, path, oneOf, maxUnits }) => ({
        tool,
        argument: pathText(path),
        ...(oneOf && { oneOf }),
        ...(maxUnits !== undefined && { max: decimalText(maxUnits) }),
      })),
    }),
    ...(budgets.length > 0 && {
      budgets: budgets.map((budget) => amountText(budget, maximum(budget))),
    }),
    expiresAt: new Date(expiresAtMs).toISOString(),
    ...(labels && { labels: [...labels] }),
  }
}

/** Tells a cell of its delegations; the labels of what those cells have seen come with what they say. */
function delegations(cell: ServedCell): Json {
  return {
    delegations: [...cell.given.values()].map(({ id, agent, state, reports, reportsForgotten, cell: child, seen }) => {
      const exposure = child?.authority.exposure ?? seen
      if (exposure !== undefined) cell.authority.exposure.addLabels(exposure)
      for (const report of reports) {
        cell.authority.exposure.recordUntrusted(report, { tool: `the report of ${agent} (${id})`, path: '$' })
      }
      const forgotten = reportsForgotten > 0 && { earlierReportsForgotten: reportsForgotten }
      return { delegation: id, agent, state, reports: [...reports], ...forgotten }
    }),
  }
}

function listOf(value: Json | undefined): readonly Json[] {
  return Array.isArray(value) ? value : []
}
