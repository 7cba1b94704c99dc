/**
 * The methods of MCP as a cell may call them. A request comes from `endpoint.ts`; one that is an action goes on to
 * `../call.ts`, and its result comes back to `spoken`, which puts it into the cell's words. It is long because each method
 * is one function, and they share their answers.
 */
import {
  type ActionId,
  cutsOff,
  cutText,
  type DecoyTool,
  grantedName,
  isJsonObject,
  type Json,
  type JsonObject,
  type Label,
  LIMITS,
  NAME_PATTERN,
  type Operation,
  type ToolName,
  toolName,
  type UpstreamName,
} from '../../../../model/index.ts'
import { type Candidate, decideList, issuedBy, type Refusal, shownInput } from '../../../../policy/index.ts'
import type { EnvironmentContext } from '../../../admission/environment-context.ts'
import { callOwn, OWN_UPSTREAM, ownTools } from '../../../admission/own-tools.ts'
import { authorityOf, mayNotice, type ServedCell } from '../../../admission/served-cell.ts'
import { yieldIfLong } from '../../../fairness/share.ts'
import { isName, NAME_FAULT, type Performed } from '../../../pipeline/attempt.ts'
import type { OnPart, Part } from '../../../pipeline/line.ts'
import { recordLabels } from '../../../pipeline/record.ts'
import { refuseFrame, refuseUnprepared, refuseUnrouted } from '../../../pipeline/refused.ts'
import { type McpCall, performCall } from '../call.ts'
import { McpAnswer } from '../contract/answer.ts'
import { definitionDigest, withInput } from '../contract/definition.ts'
import { type HeaderValue, paramHeaderMismatch } from '../contract/headers.ts'
import { McpUpstream } from '../contract/upstream.ts'
import { closestTemplate } from '../contract/uri-template.ts'
import { RPC, type RpcAnswer, rpcError } from '../rpc.ts'
import type { ListName } from '../server/connection.ts'

/** One request from a cell, as the endpoint hands it to a method: the same for every revision and transport. */
export interface CellRequest {
  readonly method: string
  readonly params: JsonObject
  /** One upstream's own names, or all of the cell's with the upstream's name before them. */
  readonly view: UpstreamName | undefined
  /** Aborted for `TOO_LONG` at the call's deadline, and without a reason of ours with its cell. */
  readonly signal: AbortSignal
  /** Aborted by who sent it. */
  readonly calledOff: AbortSignal
  readonly onPart?: OnPart
  /** Tells whether the cell wants this part. */
  readonly hears?: (part: Part) => boolean
  readonly logLevel?: string
  /** 2026-07-28: checked against the tool that they belong to. */
  readonly headers?: Readonly<Record<string, HeaderValue>>
}

export const TOO_LONG = Symbol('the call took too long')

/** A method that this gateway has, in every revision; `undefined` for all others. */
export function methodFor(
  name: string,
): ((gate: EnvironmentContext, cell: ServedCell, request: CellRequest) => Promise<RpcAnswer>) | undefined {
  const method = METHODS.get(name)
  if (method === undefined) return undefined
  return async (gate, cell, request) => {
    const answer = await method(gate, cell, request)
    if (name.endsWith('/list')) await itsTurn(gate, cell)
    return withoutSecrets(gate, cell, answer)
  }
}

/**
 * Withholds an answer that holds a secret (S10). What an upstream answered has been judged; all else that goes to a
 * cell is searched here.
 */
async function withoutSecrets(gate: EnvironmentContext, cell: ServedCell, answer: RpcAnswer): Promise<RpcAnswer> {
  if (judged.has(answer)) return answer
  const leaked = gate.secrets.leakIn('result' in answer ? answer.result : { ...answer.error })
  if (leaked === undefined) return answer
  const reference = await refuseFrame(gate, cell, `what would answer it holds the secret "${leaked}"`)
  return rpcError(RPC.internalError, `the answer was withheld${under(reference)}`, ...referring(reference))
}

const judged = new WeakSet<RpcAnswer>()

/** Waits for a turn of its own: what asks for a list is small, and what is in it is not. */
async function itsTurn(gate: EnvironmentContext, cell: ServedCell): Promise<void> {
  await gate.slices.take(cell, LIMITS.smallPieceBytesMax + 1)
}

const METHODS = new Map<
  string,
  (gate: EnvironmentContext, cell: ServedCell, request: CellRequest) => Promise<RpcAnswer>
>([
  ['tools/list', listTools],
  ['tools/call', callTool],
  ['resources/list', (gate, cell, request) => listResources(gate, cell, request, 'resources/list')],
  ['resources/templates/list', (gate, cell, request) => listResources(gate, cell, request, 'resources/templates/list')],
  ['resources/read', readResource],
  ['prompts/list', listPrompts],
  ['prompts/get', getPrompt],
])

/** Returns what the gateway can do for this cell, by its upstreams' declared tools. */
export function capabilitiesFor(cell: ServedCell, view: UpstreamName | undefined): JsonObject {
  const names = viewed(cell, view).flatMap((upstream) => [...upstream.contracts.keys()])
  const offers = (prefix: string) => names.some((name) => name.startsWith(prefix))
  return {
    tools: { listChanged: true },
    ...(offers('resource:') && { resources: { listChanged: true } }),
    ...(offers('prompt:') && { prompts: { listChanged: true } }),
    logging: {},
  }
}

async function listTools(gate: EnvironmentContext, cell: ServedCell, { view }: CellRequest): Promise<RpcAnswer> {
  if (cutsOff(cell.rung)) return refusedList(gate, cell)
  const tools: Json[] = []
  const upstreams = viewed(cell, view)
  // Connecting compares what is offered now with what was accepted: what differs is not shown. Of an upstream that is
  // starting, what was accepted is; of one that nobody gets to, nothing, and the ledger has why.
  const stands = await Promise.all(
    upstreams.map((upstream) => (mayReach(cell, upstream) ? upstream.standing(STANDING_MS_MAX) : upstream.seen())),
  )
  for (const upstream of upstreams.filter((_, i) => stands[i]?.kind !== 'down')) {
    const first = tools.length
    for (const name of granted(gate, cell, upstream, 'tool')) {
      const pinned = upstream.contract(name)?.pinned
      if (pinned === undefined) continue
      const { definition, input } = pinned
      // Tasks are not passed on, so that a tool that can run as one says nothing of it.
      const { execution: _, ...own } = definition
      const asked = { upstream: upstream.name, operation: 'tool', tool: ownName(name) } as const
      const shown = input ? withInput(own, shownInput(input, asked, authorityOf(cell), gate.nowMs())) : own
      tools.push(view === undefined ? { ...shown, name: `${upstream.name}__${String(definition.name)}` } : shown)
    }
    // Nothing of a list tells a decoy from a tool, its place neither.
    for (const decoy of decoysOf(gate, cell, upstream)) {
      const name = view === undefined ? `${upstream.name}__${decoy.tool}` : decoy.tool
      const place = tools.findLastIndex((each) => isJsonObject(each) && String(each.name) < name)
      tools.splice(Math.max(place + 1, first), 0, decoyDefinition(decoy, name))
    }
  }
  if (view === undefined || view === OWN_UPSTREAM)
    for (const { name, description, input } of ownTools(gate, cell, view === undefined ? `${OWN_UPSTREAM}__` : ''))
      tools.push(withInput({ name, description }, input))
  const clean: Json[] = []
  const turn = gate.slices.batched(cell)
  for (const tool of tools) {
    await turn(JSON.stringify(tool).length)
    if (gate.secrets.leakIn(tool) === undefined) clean.push(tool)
  }
  return { result: { tools: clean } }
}

function decoysOf(gate: EnvironmentContext, cell: ServedCell, { name }: McpUpstream): readonly DecoyTool[] {
  if (cell.rung === 'restricted') return []
  return gate.decoyTools.filter(({ upstream }) => upstream === name)
}

function decoyDefinition({ description }: DecoyTool, name: string): JsonObject {
  const reason = { type: 'string', description: 'Why it is needed' }
  return { name, description, inputSchema: { type: 'object', properties: { reason } } }
}

/** Refuses a list: nothing is admitted, and lists are part of that. */
async function refusedList(gate: EnvironmentContext, cell: ServedCell): Promise<RpcAnswer> {
  const reference = await refuseFrame(gate, cell, `the cell is ${cell.rung}`)
  return rpcError(RPC.refused, `refused by Firebreak${under(reference)}`, ...referring(reference))
}

async function callTool(gate: EnvironmentContext, cell: ServedCell, request: CellRequest): Promise<RpcAnswer> {
  const { name, arguments: given = {}, ...others } = request.params
  if (typeof name !== 'string' || !isJsonObject(given)) {
    const problem = 'tools/call takes a name and an object of arguments'
    const reference = await refuseFrame(gate, cell, problem)
    return rpcError(RPC.invalidParams, problem, { ...(reference && { reference }) })
  }
  const { upstream, upstreamName, target } = route(cell, request.view, name)
  const about = { upstream: upstreamName, operation: 'tool', target, args: given } as const
  const undeclared = undeclaredMember(others)
  if (undeclared !== undefined) return spoken(await refuseUnprepared(gate, cell, about, [undeclared]))
  if (upstreamName === OWN_UPSTREAM) {
    const said = await callOwn(gate, cell, target, given)
    if (said?.ok) return ownAnswer(said.value)
    if (said !== undefined) {
      const fault = { kind: 'arguments', path: '$', problem: said.reason } as const
      return ownFault(said.reason, (await refuseUnprepared(gate, cell, about, [fault])).action)
    }
  }
  if (upstream === undefined)
    return spoken(await refuseUnrouted(gate, cell, { upstream: upstreamName, operation: 'tool', target, args: given }))
  if (!isName(target)) return spoken(await refuseUnprepared(gate, cell, about, [NAME_FAULT]))
  const declared = upstream.contract(grantedName('tool', target))
  const mismatch = request.headers && paramHeaderMismatch(request.headers, declared?.paramHeaders ?? [], given)
  if (mismatch !== undefined) {
    const problem = `${mismatch} does not say what the body says`
    const refused = await refuseUnprepared(gate, cell, about, [{ kind: 'arguments', path: '$', problem }])
    return rpcError(RPC.headerMismatch, problem, { ...(refused.action && { reference: refused.action }) })
  }
  return run(gate, cell, request, upstream, { operation: 'tool', target, args: given })
}

async function readResource(gate: EnvironmentContext, cell: ServedCell, request: CellRequest): Promise<RpcAnswer> {
  const { uri, ...others } = request.params
  if (typeof uri !== 'string') return rpcError(RPC.invalidParams, 'resources/read takes a uri')
  const about = { upstream: request.view, operation: 'resource', target: uri, args: { uri } } as const
  const undeclared = undeclaredMember(others)
  if (undeclared !== undefined) return spoken(await refuseUnprepared(gate, cell, about, [undeclared]))
  const homes = viewed(cell, request.view).flatMap((upstream) => {
    const template = closestTemplate(templatesOf(upstream), uri)
    return template === undefined ? [] : [{ upstream, template }]
  })
  const [home] = homes
  if (home === undefined) {
    await refuseUnrouted(gate, cell, { upstream: request.view, operation: 'resource', target: uri, args: { uri } })
    return rpcError(RPC.invalidParams, 'there is no such resource', { uri })
  }
  if (homes.length > 1) {
    const names = homes.map(({ upstream }) => upstream.name).join(', ')
    return rpcError(RPC.invalidParams, `several upstreams have it (${names}): read it at /mcp/<upstream>`, { uri })
  }
  const { upstream, template } = home
  return run(gate, cell, request, upstream, { operation: 'resource', target: uri, template, args: { uri } })
}

async function getPrompt(gate: EnvironmentContext, cell: ServedCell, request: CellRequest): Promise<RpcAnswer> {
  const { name, arguments: given = {}, ...others } = request.params
  if (typeof name !== 'string' || !isJsonObject(given))
    return rpcError(RPC.invalidParams, 'prompts/get takes a name and an object of arguments')
  const { upstream, upstreamName, target } = route(cell, request.view, name)
  const about = { upstream: upstreamName, operation: 'prompt', target, args: given } as const
  const undeclared = undeclaredMember(others)
  if (undeclared !== undefined) return spoken(await refuseUnprepared(gate, cell, about, [undeclared]))
  if (upstream === undefined)
    return spoken(
      await refuseUnrouted(gate, cell, { upstream: upstreamName, operation: 'prompt', target, args: given }),
    )
  return run(gate, cell, request, upstream, { operation: 'prompt', target, args: given })
}

/**
 * Returns a refusal of members that belong neither to the method nor to the protocol: `inputResponses` and tasks are
 * not passed on.
 */
function undeclaredMember({ _meta: _, ...others }: JsonObject): Extract<Refusal, { kind: 'arguments' }> | undefined {
  const [member] = Object.keys(others)
  if (member === undefined) return undefined
  return { kind: 'arguments', path: '$', problem: `"${cutText(member, 64)}" is not supported` }
}

async function run(
  gate: EnvironmentContext,
  cell: ServedCell,
  request: CellRequest,
  upstream: McpUpstream,
  call: Pick<McpCall, 'operation' | 'target' | 'args' | 'template'>,
): Promise<RpcAnswer> {
  const called = await performCall(gate, cell, upstream, {
    ...call,
    signal: request.signal,
    calledOff: request.calledOff,
    ...(request.onPart && { onPart: request.onPart }),
    ...(request.hears && { hears: request.hears }),
    ...(request.logLevel && { logLevel: request.logLevel }),
  })
  if (called.kind !== 'unreachable') return spoken(called, request.signal)
  return rpcError(
    RPC.internalError,
    `${late(request.signal)}${called.refused === undefined ? 'the upstream cannot be reached' : NOT_LOOKED_AT[called.refused]}${under(called.action)}`,
    ...referring(called.action),
  )
}

/**
 * Turns the result of an attempt into what the cell is told: of a refusal only that it happened, with a reference; and
 * what is wrong with its own arguments.
 */
function spoken(performed: Performed, signal?: AbortSignal): RpcAnswer {
  if (performed.kind === 'answered') {
    const answer = answered(performed.answer instanceof McpAnswer ? performed.answer.said : {})
    judged.add(answer)
    return answer
  }
  if (performed.kind === 'held') return heldAnswer(performed.hold)
  if (performed.kind === 'unanswered') {
    const said = {
      withheld: performed.refused === undefined ? withheldText(performed) : NOT_LOOKED_AT[performed.refused],
      'not-sent': `${late(signal)}it was not sent`,
      unknown: `${late(signal)}no answer came`,
    }[performed.outcome]
    return rpcError(RPC.internalError, `${said}${under(performed.action)}`, ...referring(performed.action))
  }
  const own = performed.reasons.find((reason) => reason.kind === 'arguments')
  if (own !== undefined && performed.reasons.every((reason) => reason.kind === 'arguments')) {
    return rpcError(
      RPC.invalidParams,
      `invalid arguments: ${own.path} ${own.problem}${under(performed.action)}`,
      ...referring(performed.action),
    )
  }
  return rpcError(RPC.refused, `refused by Firebreak${under(performed.action)}`, ...referring(performed.action))
}

/**
 * Texts for a call that the upstream did not look at: the fault is between Firebreak and the upstream, and not in what
 * the cell asked for.
 */
const NOT_LOOKED_AT = {
  session: 'the upstream forgot the session that Firebreak has with it, and did not look at the call: make it again',
  credential: 'the upstream did not look at the call: its credential was refused, and the owner has to renew it',
} as const
function answered({ result, error }: JsonObject): RpcAnswer {
  if (isJsonObject(result)) return { result }
  if (isJsonObject(error)) return rpcError(Number(error.code), String(error.message), error.data)
  return rpcError(RPC.internalError, 'the upstream answered with nothing')
}

/**
 * Says that an answer was withheld, and whether the call was carried out: a model that takes it for a failure would try
 * again.
 */
function withheldText({ happened }: { readonly happened?: true }): string {
  return happened ? 'the answer was withheld; the call was carried out, so do not repeat it' : 'the answer was withheld'
}

function late(signal: AbortSignal | undefined): string {
  return signal?.reason === TOO_LONG ? 'the call took too long: ' : ''
}

/** A reference is told only where the ledger has it. */
function under(action: ActionId | undefined): string {
  return action === undefined ? '' : ` (reference ${action})`
}

function referring(action: ActionId | undefined): readonly [] | readonly [JsonObject] {
  return action === undefined ? [] : [{ reference: action }]
}

function ownAnswer(value: Json): RpcAnswer {
  const content = [{ type: 'text', text: JSON.stringify(value) }]
  return { result: { content, ...(isJsonObject(value) && { structuredContent: value }) } }
}

function ownFault(why: string, reference: ActionId | undefined): RpcAnswer {
  const text = reference === undefined ? why : `${why} (reference ${reference})`
  return { result: { content: [{ type: 'text', text }], isError: true } }
}

/** A tool's error, which every client shows to its model, and none takes for a question that it could answer. */
function heldAnswer(hold: ActionId): RpcAnswer {
  const text = `Firebreak holds this call: a person has to agree to it (reference ${hold}). Go on with something else, or make exactly the same call again later; a changed call is another one.`
  return { result: { content: [{ type: 'text', text }], isError: true, _meta: { 'dev.firebreak/hold': hold } } }
}

async function listResources(
  gate: EnvironmentContext,
  cell: ServedCell,
  { view }: CellRequest,
  method: 'resources/list' | 'resources/templates/list',
): Promise<RpcAnswer> {
  if (cutsOff(cell.rung)) return refusedList(gate, cell)
  const [member, key] =
    method === 'resources/list' ? (['resources', 'uri'] as const) : (['resourceTemplates', 'uriTemplate'] as const)
  const shown: Offer[] = []
  const asking = viewed(cell, view).map((upstream) => {
    const names = granted(gate, cell, upstream, 'resource')
    return {
      upstream,
      names,
      offered: names.length === 0 ? [] : offeredBy(cell, upstream, 'resources', method, member),
    }
  })
  for (const { upstream, names, offered } of asking) {
    const templates = names.map((name) => name.slice('resource:'.length))
    const issues = issuedBy(upstream.contracts.values())
    const declared = templatesOf(upstream)
    for (const item of await offered) {
      await yieldIfLong()
      const uri = item[key]
      if (typeof uri !== 'string') continue
      const template = key === 'uri' ? closestTemplate(declared, uri) : uri
      if (template !== undefined && templates.includes(template)) shown.push({ upstream, item, issues })
    }
  }
  return shownUnlessLeaking(gate, cell, member, shown)
}

async function listPrompts(gate: EnvironmentContext, cell: ServedCell, { view }: CellRequest): Promise<RpcAnswer> {
  if (cutsOff(cell.rung)) return refusedList(gate, cell)
  const prompts: Offer[] = []
  const asking = viewed(cell, view).map((upstream) => {
    const none = granted(gate, cell, upstream, 'prompt').length === 0
    return { upstream, offered: none ? [] : offeredBy(cell, upstream, 'prompts', 'prompts/list', 'prompts') }
  })
  for (const { upstream, offered } of asking) {
    const names = new Set((await offered).map(({ name }) => `prompt:${String(name)}`))
    // Asking for it has compared them: what differs from what was accepted is not granted, and what is shown is that.
    for (const name of granted(gate, cell, upstream, 'prompt').filter((each) => names.has(each))) {
      const { inputSchema: _, ...prompt } = upstream.contract(name)?.pinned?.definition ?? {}
      const shown = view === undefined ? { ...prompt, name: `${upstream.name}__${String(prompt.name)}` } : prompt
      prompts.push({ upstream, item: shown })
    }
  }
  return shownUnlessLeaking(gate, cell, 'prompts', prompts)
}

interface Offer {
  readonly upstream: McpUpstream
  readonly item: JsonObject
  /** Labels of what its upstream returns, where the item is in the upstream's own words. */
  readonly issues?: ReadonlySet<Label>
}

/**
 * Leaves out of an upstream's list the items that hold a secret, which the ledger tells. All else comes as it is: names
 * and descriptions are text that anyone could have written. It is done in turns: of each upstream there can be 8 MiB.
 */
async function shownUnlessLeaking(
  gate: EnvironmentContext,
  cell: ServedCell,
  member: string,
  offers: readonly Offer[],
): Promise<RpcAnswer> {
  const clean: Offer[] = []
  const where = { tool: `a list of ${member}`, path: '$' }
  const turn = gate.slices.batched(cell)
  for (const offer of offers) {
    const said = JSON.stringify(offer.item)
    await turn(said.length)
    if (leaks(gate, member, offer)) continue
    cell.authority.exposure.recordUntrusted(said, where, offer.issues)
    clean.push(offer)
  }
  const onDisk = (await recordLabels(gate.ledger, cell)) ?? true
  return { result: { [member]: onDisk ? clean.map(({ item }) => item) : [] } }
}

/**
 * Tells whether an item holds a secret, and records that once for each secret and list of an upstream: of these there
 * are as many as the configuration has.
 */
function leaks(gate: EnvironmentContext, member: string, { upstream, item }: Offer): boolean {
  const leaked = gate.secrets.leakIn(item)
  if (leaked === undefined) return false
  const key = `${member} ${leaked}`
  if (!upstream.leaked.has(key)) {
    upstream.leaked.add(key)
    const problem = `an item of its list holds the secret "${leaked}" and is left out`
    const about = { upstream: upstream.name, tool: toolName(`${member}/list`), digest: definitionDigest(item) }
    gate.ledger.append({ kind: 'definition.seen', ...about, problem })
  }
  return true
}

async function offeredBy(
  cell: ServedCell,
  upstream: McpUpstream,
  list: ListName,
  method: string,
  member: string,
): Promise<readonly JsonObject[]> {
  try {
    // Whether it stands, its cell is told when it is not known yet.
    const reaches = mayReach(cell, upstream)
    const stand = reaches ? await upstream.standing(LIST_WAIT_MS_MAX, list) : upstream.seen(list)
    // Which list is wanted, a thousand times, says anything; and a cell that is watched has its pace.
    if (!reaches || cell.rung !== 'normal') return await soon(upstream.known(method))
    if (stand.kind !== 'stands') return []
    const connection = await soon(upstream.connection())
    return await soon(upstream.offered(connection, list, method, member))
  } catch {
    // A list lacks what cannot be reached; a call to it says so.
    return []
  }
}

/** Tells whether this upstream may notice that and when the cell asks for a list. */
function mayReach(cell: ServedCell, upstream: McpUpstream): boolean {
  return mayNotice(cell, issuedBy(upstream.contracts.values()))
}

/** Milliseconds that a list of tools waits for an upstream that is starting. */
const STANDING_MS_MAX = 2_000

/** Milliseconds that a list waits for one of its upstreams: one that says nothing must not keep a cell from the others. */
const LIST_WAIT_MS_MAX = 10_000

function soon<T>(promise: Promise<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error('no answer in time')), LIST_WAIT_MS_MAX)
    promise.then(resolve, reject).finally(() => clearTimeout(timer))
  })
}

/** The names of one kind that some call could be allowed for, by the decision that a call gets. */
function granted(
  gate: EnvironmentContext,
  cell: ServedCell,
  upstream: McpUpstream,
  operation: Operation,
): readonly ToolName[] {
  const candidates: (Candidate & { readonly name: ToolName })[] = []
  for (const name of upstream.contracts.keys()) {
    const kind = /^(resource|prompt):/.exec(name)?.[1] ?? 'tool'
    if (kind !== operation) continue
    const tool = operation === 'tool' ? ownName(name) : (name.slice(operation.length + 1) as ToolName) // part of a checked name
    candidates.push({
      environment: gate.environment,
      upstream: upstream.name,
      upstreamEnvironment: upstream.environment,
      operation,
      tool,
      name,
    })
  }
  return decideList(candidates, authorityOf(cell), gate.nowMs()).map(({ name }) => name)
}

/** A tool's name without what tells it from a resource of the same name. */
function ownName(name: ToolName): ToolName {
  return name.replace(/^tool:/, '') as ToolName // part of a checked name
}

function viewed(cell: ServedCell, view: UpstreamName | undefined): readonly McpUpstream[] {
  const lines = view === undefined ? [...cell.upstreams.values()] : [cell.upstreams.get(view)]
  return lines.filter((line) => line instanceof McpUpstream)
}

/** `upstream__tool` to its parts; at an upstream's own endpoint the name is the upstream's. */
function route(cell: ServedCell, view: UpstreamName | undefined, name: string) {
  const split = view === undefined ? name.indexOf('__') : -2
  const prefix = view ?? name.slice(0, Math.max(split, 0))
  const upstreamName = NAME_PATTERN.test(prefix) ? (prefix as UpstreamName) : undefined // checked by the pattern
  const line = upstreamName && cell.upstreams.get(upstreamName)
  const upstream = line instanceof McpUpstream ? line : undefined
  return { upstream, upstreamName, target: split === -1 ? name : name.slice(split + 2) }
}

/** Templates of an upstream's resources that the configuration declares. */
function templatesOf(upstream: McpUpstream): readonly string[] {
  const resources = [...upstream.contracts.keys()].filter((name) => name.startsWith('resource:'))
  return resources.map((name) => name.slice('resource:'.length))
}
