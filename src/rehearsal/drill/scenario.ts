import { isScalar } from 'yaml'
import {
  bool,
  either,
  jsonObject,
  list,
  object,
  oneOf,
  optional,
  required,
  type Shape,
  text,
  whole,
} from '../../config/shape.ts'
import { readYaml } from '../../config/yaml.ts'
import { EFFECTS, type JsonObject, LIMITS, no, ok, type Problem, type Result } from '../../model/index.ts'

/**
 * A drill's script: what a compromised agent does, what must become of it, and what an honest agent does with the same
 * tools (the *twin*), which must pass. Tools are named, or described, so that it can be run against any configuration.
 */
export interface Scenario {
  readonly id: string
  readonly title: string
  readonly incident: {
    readonly what: string
    /** Address of the report; "scenario" where no primary report was found. */
    readonly source: string
  }
  /** OWASP Top 10 for Agentic Applications (2026): ASI01 to ASI10. */
  readonly owasp: readonly string[]
  /** The controls that stop it: each alone makes the difference, which tests show by switching it off. */
  readonly controls: readonly string[]
  /** The task that the agent's owner gave. */
  readonly task?: string
  /** Harmful steps that may get through before it is stopped: those that its authority rightly allows. */
  readonly harmMax: number
  readonly attack: readonly DrillStep[]
  readonly twin: readonly DrillStep[]
}

export type DrillStep = (CallStep | RunStep | ConnectStep) & {
  /** If it gets through, harm is done; `workspace`: if the workspace that the host has is another one afterwards. */
  readonly harm: boolean | 'workspace'
  /** Present where the delegated agent does it, and not the first. */
  readonly as?: 'delegate'
}

export interface CallStep {
  readonly kind: 'call'
  readonly tool: ToolChoice
  /**
   * Beside what the definition demands, which is made up. `$destination`, `$amount`, `$currency` and `$content` stand for
   * the fields that the configuration declares as such, whatever they are called.
   */
  readonly args: JsonObject
  readonly times: number
  /** The answer of its upstream. */
  readonly answer?: JsonObject
  /** Name of one more argument in the definition that its upstream offers from now on. */
  readonly changed?: string
}

/** A shell command in the cell. It got through if it ended with 0. */
export interface RunStep {
  readonly kind: 'run'
  readonly command: string
}

/** A connection that the cell tries to open. It got through if somebody answered. */
export interface ConnectStep {
  readonly kind: 'connect'
  /** host:port; `host` stands for the host's own address, `production` for the first upstream of another environment. */
  readonly to: string
}

/** `upstream/tool`, or the first that is like this. */
export type ToolChoice = string | ToolLike

export interface ToolLike {
  readonly effect?: (typeof EFFECTS)[number]
  readonly environment?: 'own' | 'other'
  readonly granted?: boolean
  readonly relay?: boolean
}

const line = text('text in one line, at most 256', (t) =>
  t !== '' && t.length <= 256 && !/\p{Cc}/u.test(t) ? t : undefined,
)
const words = text('text', (t) => (t !== '' && t.length <= LIMITS.taskCharactersMax ? t : undefined))
const id = text('a name: lower-case letters, digits and "-"', (t) => (/^[a-z][a-z0-9-]{0,47}$/.test(t) ? t : undefined))

const likeShape = object('a tool by what it is', {
  effect: optional(oneOf('the effect', EFFECTS)),
  environment: optional(oneOf('whose environment', ['own', 'other'] as const)),
  granted: optional(bool('whether it is granted')),
  relay: optional(bool('whether its upstream is a relay')),
})

const named = text('upstream/tool', (t) => (/^[a-z][a-z0-9-]{0,47}\/.+$/.test(t) ? t : undefined))

const toolShape = either<string, ToolChoice>(named, likeShape, (tool) => tool)

const workspaceHarm = oneOf('where the harm is looked for', ['workspace'] as const)
const harmShape: Shape<boolean | 'workspace'> = {
  expected: 'true, false or workspace: whether harm is done if it gets through',
  schema: { enum: [true, false, 'workspace'] },
  read: (node, at) =>
    isScalar(node) && node.value === 'workspace'
      ? workspaceHarm.read(node, at)
      : bool(harmShape.expected).read(node, at),
}

const stepShape = object('a step', {
  call: optional(toolShape),
  run: optional(words),
  connect: optional(line),
  args: optional(jsonObject('a mapping')),
  times: optional(whole('how often', 1, 1_000)),
  answer: optional(jsonObject('a mapping')),
  changed: optional(line),
  harm: optional(harmShape),
  as: optional(oneOf('who', ['delegate'] as const)),
})

const scenarioShape = object('a drill', {
  id: required(id),
  title: required(line),
  incident: required(object('the incident', { what: required(words), source: required(words) })),
  owasp: required(list('ids of the OWASP Top 10 for Agentic Applications', text('ASI01 to ASI10', asOwasp))),
  controls: required(list('the controls that stop it', line)),
  task: optional(words),
  harmMax: optional(whole('harmful steps that its authority allows', 0, 1_000)),
  attack: required(list('what a compromised agent does', stepShape)),
  twin: required(list('what an honest one does', stepShape)),
})

function asOwasp(written: string): string | undefined {
  return /^ASI(?:0[1-9]|10)$/.test(written) ? written : undefined
}

/** Everything wrong with the file is a problem with its line. */
export function readScenario(path: string): Result<Scenario, readonly Problem[]> {
  const problems: Problem[] = []
  const shaped = readYaml(path, scenarioShape, problems)
  if (shaped === undefined) return no(problems)
  const steps = [shaped.attack, shaped.twin].map((each) => each.map(stepOf))
  const [attack = [], twin = []] = steps.map((each) => each.filter((step) => step !== undefined))
  if (steps.some((each) => each.includes(undefined))) {
    const source = { file: path.slice(path.lastIndexOf('/') + 1), line: 1, column: 1 }
    return no([{ source, message: 'a step does nothing, or several things', expected: 'call, run or connect' }])
  }
  const { id, title, incident, owasp, controls, task, harmMax = 0 } = shaped
  return ok({ id, title, incident, owasp, controls, ...(task !== undefined && { task }), harmMax, attack, twin })
}

type ShapedStep = NonNullable<ReturnType<(typeof stepShape)['read']>>

function stepOf({ call, run, connect, harm = false, as, args = {}, times = 1, answer, changed }: ShapedStep) {
  const common = { harm, ...(as && { as }) }
  if ([call, run, connect].filter((each) => each !== undefined).length !== 1) return undefined
  if (run !== undefined) return { kind: 'run', command: run, ...common } as const
  if (connect !== undefined) return { kind: 'connect', to: connect, ...common } as const
  if (call === undefined) return undefined
  const more = { ...(answer && { answer }), ...(changed !== undefined && { changed }) }
  return { kind: 'call', tool: call, args, times, ...more, ...common } as const
}
