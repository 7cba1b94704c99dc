import {
  type DeclaredTool,
  type Effect,
  grantedName,
  isWebSocket,
  type JsonPath,
  jsonPath,
  type Label,
  LIMITS,
  MODEL_OPERATIONS,
  MODEL_WAYS_OUT,
  type Operation,
  operationIn,
  PACKAGE_OPERATIONS,
  type Source,
  type ToolName,
  UNTRUSTED,
} from '../../model/index.ts'
import type { ShapedTool, ShapedUpstream } from '../schema.ts'
import { type Judge, report } from './judge.ts'
import { checkFrom, undoFrom, undoProblems } from './undo.ts'

/** Reads the tools of an upstream, and what is granted like a tool: `resource:<uri or template>` and `prompt:<name>`, which only read. */
export function readTools(judge: Judge, value: ShapedUpstream, source: Source): ReadonlyMap<ToolName, DeclaredTool> {
  const tools = new Map<ToolName, DeclaredTool>()
  const own = value.timeout === undefined ? {} : { timeoutMs: value.timeout }
  const operation = value.http !== undefined ? 'request' : value.git !== undefined ? 'git' : 'tool'
  for (const [name, tool] of value.tools ?? []) {
    if (tool.effect === 'spend' && (tool.amount === undefined || tool.currency === undefined)) {
      report(
        judge,
        source,
        `"${name}" spends, but does not say how much`,
        'amount: and currency: paths to its arguments',
      )
    }
    const fault = countingFault(tool, operation)
    if (fault !== undefined) report(judge, source, `"${name}" ${fault.problem}`, fault.expected)
    const granted = grantedName(operation, name)
    if (operation === 'git' || (operation === 'request' && isWebSocket(name))) checkRequest(judge, name, tool, source)
    // The pattern of a repository has said where to: what a push names of it is carried, as its pack is.
    const carried = operation === 'git' ? { content: [[]] } : {}
    tools.set(granted, { ...own, ...carried, ...declaredTool(granted, tool, value.accepts ?? []) })
  }
  judge.problems.push(...undoProblems(value.tools ?? new Map(), tools, operation))
  const reads = { effect: 'read', accepts: value.accepts ?? [], ...own, ...returnsOfAll(tools) } as const
  for (const name of [
    ...(value.resources ?? []).map((uri) => grantedName('resource', uri)),
    ...(value.prompts ?? []).map((prompt) => grantedName('prompt', prompt)),
  ])
    tools.set(name, { name, ...reads })
  return tools
}

/**
 * Returns what may be granted of a provider of models: asking a model, and each way out that is closed until it is granted
 * by its name. What the configuration declares of one stands in the place of what is known of it.
 */
export function readModelTools(
  judge: Judge,
  value: ShapedUpstream,
  source: Source,
): ReadonlyMap<ToolName, DeclaredTool> {
  const names = [...MODEL_OPERATIONS, ...MODEL_WAYS_OUT]
  return builtInTools(judge, value, source, 'model', new Map(names.map((name) => [name, modelTool(name)])))
}

/** Returns what may be granted of a registry of packages: its lists and files, which anybody may have written. */
export function readPackageTools(
  judge: Judge,
  value: ShapedUpstream,
  source: Source,
): ReadonlyMap<ToolName, DeclaredTool> {
  const known = { effect: 'read', accepts: [UNTRUSTED], returns: [{ path: [], labels: [UNTRUSTED] }] } as const
  return builtInTools(judge, value, source, 'package', new Map(PACKAGE_OPERATIONS.map((name) => [name, known])))
}

/** Returns what may be granted of an origin that is reached by tunnels: to connect, which nobody knows the effect of. */
export function readTunnelTools(
  judge: Judge,
  value: ShapedUpstream,
  source: Source,
): ReadonlyMap<ToolName, DeclaredTool> {
  const known = {
    effect: 'irreversible',
    // Its first answer is of TLS, and what follows has to leave.
    accepts: [UNTRUSTED],
    returns: [{ path: [], labels: [UNTRUSTED] }],
    content: [[{ name: 'place' }]],
    maxBytes: LIMITS.connectionBytesMax,
  } as const
  return builtInTools(judge, value, source, 'tunnel', new Map([['connect', known]]))
}

/** Returns the operations of an upstream whose names are its protocol's, with what the configuration says of each. */
function builtInTools(
  judge: Judge,
  value: ShapedUpstream,
  source: Source,
  operation: Operation,
  known: ReadonlyMap<string, Omit<DeclaredTool, 'name'>>,
): ReadonlyMap<ToolName, DeclaredTool> {
  const { tools = new Map<string, ShapedTool>(), accepts = [], timeout } = value
  for (const [name, tool] of tools) {
    if (!known.has(name))
      report(judge, source, `"${name}" is nothing that this upstream does`, [...known.keys()].join(', '))
    checkRequest(judge, name, tool, source)
  }
  return new Map(
    [...known].map(([text, own]) => {
      const name = grantedName(operation, text)
      const tool = [...tools].find(([written]) => written === text)?.[1]
      const all = timeout === undefined ? {} : { timeoutMs: timeout }
      const base = { ...own, ...all, name, accepts: [...(own.accepts ?? []), ...accepts] }
      return [name, tool === undefined ? base : { ...base, ...declaredTool(name, tool, base.accepts) }] as const
    }),
  )
}

/** Effects where the configuration says no other: what a provider keeps, runs or calls cannot be taken back. */
const MODEL_EFFECTS: Readonly<Record<string, Effect>> = {
  generate: 'spend',
  count: 'read',
  models: 'read',
  web_search: 'read',
  web_fetch: 'read',
  'url-sources': 'read',
}

/**
 * Returns an operation of a provider as it is known. A model says nothing but what its cell told it, so that its answer has
 * no label of its own; what a provider's own tools bring in, anybody may have written. No argument of a request names a
 * place: what one may say at all is in the provider's table.
 */
function modelTool(name: string): Omit<DeclaredTool, 'name'> {
  const isModel = MODEL_OPERATIONS.some((each) => each === name)
  return {
    effect: MODEL_EFFECTS[name] ?? 'irreversible',
    accepts: [UNTRUSTED],
    ...(isModel && { returns: [{ path: [], labels: [] }] }),
    content: [
      ...[
        [{ name: 'model' }],
        [{ name: 'waysOut' }, 'items'],
        [{ name: 'method' }],
        [{ name: 'path' }],
        [{ name: 'query' }],
      ],
      ...[[{ name: 'leftBehind' }, 'items'], [{ name: 'table' }], [{ name: 'prices' }]],
    ] as const,
  }
}

/** Reports what is declared of a request's answer and could only be done with all of it: it passes on as it comes. */
function checkRequest(judge: Judge, name: string, tool: ShapedTool, source: Source): void {
  const whole = (['mask', 'rows', 'settles', 'ids', 'undo', 'check'] as const).filter((key) => tool[key] !== undefined)
  const fields = [...(tool.returns ?? new Map()).keys()].filter((path) => path !== '$')
  if (whole.length > 0 || fields.length > 0)
    report(
      judge,
      source,
      `"${name}" declares ${[...whole, ...fields].join(', ')} of an answer that passes on as it comes`,
      'labels of the whole answer: returns: { $: [...] }',
    )
}

/** A resource or prompt says nothing of its labels, and may hold what any tool of its upstream returns. */
function returnsOfAll(tools: ReadonlyMap<ToolName, DeclaredTool>): Pick<DeclaredTool, 'returns'> {
  const labels = [...tools.values()].flatMap(({ returns = [] }) => returns).flatMap((field) => field.labels)
  const issued = [...new Set(labels)].filter((label) => label !== UNTRUSTED)
  return issued.length === 0 ? {} : { returns: [{ path: [], labels: [UNTRUSTED, ...issued] }] }
}

function countingFault(
  { effect, rows, maxRows, settles, settlesDown, maxBytes = 0 }: ShapedTool,
  operation: Operation,
) {
  if (operation === 'tool' && maxBytes > LIMITS.answerBytesMax) {
    return { problem: 'is answered in one piece, which has at most 4MiB', expected: 'maxBytes: of at most 4MiB' }
  }
  if ((rows === undefined) !== (maxRows === undefined)) {
    return { problem: 'says only half of what is needed to count its rows', expected: 'rows: and maxRows:' }
  }
  if (settles !== undefined && effect !== 'spend') {
    return { problem: 'settles what it does not spend', expected: 'settles: with effect: spend' }
  }
  if (settlesDown !== undefined && settles === undefined && rows === undefined) {
    return { problem: 'has nothing that could settle down', expected: 'settlesDown: with settles: or rows:' }
  }
  return undefined
}

function declaredTool(name: ToolName, tool: ShapedTool, acceptedByAll: readonly Label[]): DeclaredTool {
  const { effect, amount, currency, returns, accepts = [], destinations, content, links, mask } = tool
  const { ids, rows, maxRows, timeout, maxBytes, settles, settlesDown, undo, check } = tool
  return {
    name,
    effect,
    accepts: [...acceptedByAll, ...accepts],
    ...(amount !== undefined && { amount }),
    ...(currency !== undefined && { currency }),
    ...(returns && { returns: [...returns].map(([path, labels]) => ({ path: checkedPath(path), labels })) }),
    ...(ids && { ids }),
    ...(destinations && {
      destinations: [...destinations].map(([path, values]) => ({ path: checkedPath(path), values })),
    }),
    ...(content && { content }),
    ...(links === 'any' && { anyLinks: true }),
    ...(mask && { mask }),
    ...(rows && { rows }),
    ...(maxRows !== undefined && { maxRows }),
    ...(timeout !== undefined && { timeoutMs: timeout }),
    ...(maxBytes !== undefined && { maxBytes }),
    ...(settles && { settles }),
    ...(settlesDown !== undefined && { settlesDown }),
    ...(undo && { undo: undoFrom(undo.value, operationIn(name).operation) }),
    ...(check && { check: checkFrom(check.value, operationIn(name).operation) }),
  }
}

/** The shape has let nothing else through. */
function checkedPath(text: string): JsonPath {
  const path = jsonPath(text)
  if (path === undefined) throw new RangeError(`not a path: ${text}`)
  return path
}
