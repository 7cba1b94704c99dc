import { either, jsonObject, list, object, oneOf, optional, required, text, written } from '../config/shape.ts'
import { readYaml } from '../config/yaml.ts'
import { readingOf } from '../gateway/protocols/mcp/contract/reading.ts'
import {
  agentName,
  type JsonObject,
  LIMITS,
  labelFrom,
  NAME_PATTERN,
  newActionId,
  newCellId,
  no,
  ok,
  operationIn,
  type Problem,
  personName,
  type Reason,
  type Result,
  type Source,
  type ToolName,
  toolName,
  upstreamName,
  type Verdict,
} from '../model/index.ts'
import { compileFlow } from '../policy/index.ts'
import { type Rehearsal, rehearseAction, rehearsedCell } from './attempt.ts'

/** One action and what is expected of it, from a `*.test.yaml`. */
export interface PolicyTest {
  readonly name: string
  readonly source: Source
  readonly agent: string
  readonly task?: TaskText
  readonly labels?: readonly string[]
  readonly known: readonly string[]
  readonly tool: string
  readonly args: JsonObject
  readonly atMs: number
  readonly expect: Verdict
  /** A reason's kind, or the policy or grant that it names. */
  readonly because?: string
}

interface TaskText {
  readonly text: string
  readonly tools?: readonly string[]
}

export interface PolicyTestResult {
  readonly test: PolicyTest
  readonly passed: boolean
  readonly verdict: Verdict
  readonly reasons: readonly [Reason, ...Reason[]]
}

/** Unless a test says when: a Monday noon, always the same, so that no test depends on the day it runs. */
const NOON_MS = Date.UTC(2024, 0, 1, 12)

/** Reads a file of tests. Everything wrong with it is a problem with its line; a test of what is not declared, too. */
export function readPolicyTests(path: string, rehearsal: Rehearsal): Result<readonly PolicyTest[], readonly Problem[]> {
  const problems: Problem[] = []
  const shaped = readYaml(path, testsShape, problems)
  if (shaped === undefined) return no(problems)
  const tests = shaped.map((each) => testOf(each, rehearsal, problems))
  return problems.length > 0 ? no(problems) : ok(tests.filter((test) => test !== undefined))
}

export function runPolicyTest(rehearsal: Rehearsal, test: PolicyTest): PolicyTestResult {
  const agent = rehearsal.judged.config.agents.get(agentName(test.agent))
  if (agent === undefined) throw new Error('a test of an agent that is not declared was read')
  const { task, atMs } = test
  const cell = rehearsedCell(rehearsal, agent, {
    id: newCellId(new Uint8Array(16)),
    labels: (test.labels ?? agent.cell.labels).map(checkedLabel),
    atMs,
    ...(task && {
      task: { text: task.text, givenBy: personName(agent.owner), ...(task.tools && { tools: new Set(task.tools) }) },
    }),
  })
  cell.authority.exposure.recordAnswer({ returns: TRUSTED }, readingOf([...test.known]), {
    action: NO_ACTION,
    tool: 'the test',
  })
  const slash = test.tool.indexOf('/')
  const { decided } = rehearseAction(
    rehearsal,
    cell,
    {
      id: NO_ACTION,
      upstream: upstreamName(test.tool.slice(0, slash)),
      environment: agent.environment,
      ...operationIn(test.tool.slice(slash + 1)),
      args: test.args,
    },
    atMs,
  )
  const { verdict, reasons } = decided
  const told = test.because === undefined || reasons.some((reason) => isAbout(reason, test.because ?? ''))
  return { test, passed: verdict === test.expect && told, verdict, reasons }
}

const NO_ACTION = newActionId(0, new Uint8Array(10))
/** Labels of a field that no outsider can write. */
const TRUSTED = compileFlow(
  { declared: { name: toolName('test'), effect: 'read', returns: [{ path: [], labels: [] }] } },
  new Set(),
).returns

function isAbout(reason: Reason, because: string): boolean {
  if (reason.kind === because) return true
  return ('policy' in reason && reason.policy === because) || ('grant' in reason && reason.grant === because)
}

const line = text('text in one line, at most 256', (t) =>
  t !== '' && t.length <= 256 && !/\p{Cc}/u.test(t) ? t : undefined,
)
const words = text('the words of a task', (t) => (t !== '' && t.length <= LIMITS.taskCharactersMax ? t : undefined))
const toolId = text('a tool as upstream/tool', (t) =>
  /^[a-z][a-z0-9-]{0,47}\/./.test(t) && isToolName(t) ? t : undefined,
)
const task = object('a task: its words, and the tools that its owner accepted', {
  text: required(words),
  tools: optional(list('tools as upstream/tool', toolId)),
})

const testShape = object('a test', {
  name: required(line),
  agent: required(text('the name of an agent', (t) => (NAME_PATTERN.test(t) ? t : undefined))),
  task: optional(either<string, TaskText>(words, task, (text) => ({ text }))),
  labels: optional(
    list(
      'labels that the cell carries',
      text('a label', (t) => (labelFrom(t) === undefined ? undefined : t)),
    ),
  ),
  known: optional(
    list(
      'values that a trusted field named',
      text('text', (t) => t),
    ),
  ),
  tool: required(toolId),
  args: optional(jsonObject('the arguments')),
  at: optional(
    text('a time like 2026-11-22T15:00:00Z', (t) =>
      /^\d{4}-\d\d-\d\dT\d\d:\d\d(?::\d\d)?Z$/.test(t) && Number.isFinite(Date.parse(t)) ? Date.parse(t) : undefined,
    ),
  ),
  expect: required(oneOf('the verdict', ['allow', 'deny', 'hold'] as const)),
  because: optional(line),
})
const testsShape = list('tests', written(testShape))

type ShapedTest = NonNullable<ReturnType<typeof testsShape.read>>[number]

function testOf(
  { value, source }: ShapedTest,
  { judged: { config } }: Rehearsal,
  problems: Problem[],
): PolicyTest | undefined {
  const { at, args = {}, known = [], ...rest } = value
  if (!config.agents.has(agentName(value.agent))) {
    const expected = `one of: ${[...config.agents.keys()].join(', ')}`
    problems.push({ source, message: `agent "${value.agent}" of "${value.name}" is not declared`, expected })
  }
  const declared = [...config.upstreams.values()].flatMap(({ name, tools }) =>
    [...tools.keys()].map((tool) => `${name}/${tool}`),
  )
  for (const tool of [value.tool, ...(value.task?.tools ?? [])]) {
    if (declared.includes(tool)) continue
    problems.push({
      source,
      message: `"${tool}" of "${value.name}" is not declared`,
      expected: `one of: ${declared.join(', ')}`,
    })
  }
  return { ...rest, source, args, known, atMs: at ?? NOON_MS }
}

function isToolName(text: string): boolean {
  try {
    return (toolName(text) as ToolName) === text
  } catch {
    return false
  }
}

function checkedLabel(text: string): NonNullable<ReturnType<typeof labelFrom>> {
  const label = labelFrom(text)
  if (label === undefined) throw new RangeError(`not a label: ${text}`)
  return label
}
