import {
  type AgentName,
  type Containment,
  DETECTORS,
  type Decoys,
  type DecoyTool,
  type DetectorMode,
  type DetectorName,
  type DetectorRules,
  type DetectorSpec,
  defaultRules,
  NAME_PATTERN,
  type Problem,
  RUNGS,
  type Threshold,
  type ToolName,
  toolName,
  type UpstreamName,
} from '../model/index.ts'
import type { Agent, UpstreamConfig } from './config.ts'
import { knownNames } from './known-names.ts'
import {
  decimal,
  type Field,
  list,
  listOr,
  map,
  object,
  oneOf,
  optional,
  type Shape,
  text,
  type Written,
  whole,
  written,
} from './shape.ts'
import { duration, size } from './units.ts'

/**
 * Reads `containment:` of a configuration: the decoys, and the consequences of each detector's signals. Its keys are
 * those of `DETECTORS`.
 */

const mode = oneOf('what follows from a signal', ['observe', 'enforce'] as const)

interface Named {
  readonly upstream: UpstreamName
  readonly tool: ToolName
  readonly description?: string
}

const toolText = 'upstream/tool, as an attacker would like it'
const decoyTool: Shape<Written<Named>> = written(text(toolText, named))
const described = map(
  'decoy tools and their descriptions',
  text(toolText, (t) => (named(t) === undefined ? undefined : t)),
  written(
    text('what the tool says that it does, at most 1,024 characters', (t) =>
      t !== '' && t.length <= 1_024 && !/\p{Cc}/u.test(t) ? t : undefined,
    ),
  ),
)
const tools: Shape<readonly Written<Named>[]> = listOr(
  list('decoy tools', decoyTool),
  {
    ...described,
    read: (node, at) => {
      const read = described.read(node, at)
      return (
        read &&
        [...read].flatMap(([key, { value, source }]) => {
          const tool = named(key)
          return tool === undefined ? [] : [{ value: { ...tool, description: value }, source }]
        })
      )
    },
  },
  (short) => short,
)

function named(written: string): Named | undefined {
  const slash = written.indexOf('/')
  const upstream = written.slice(0, Math.max(slash, 0))
  const tool = written.slice(slash + 1)
  if (!NAME_PATTERN.test(upstream) || tool === '' || tool.length > 200 || /\p{Cc}/u.test(tool)) return undefined
  return { upstream: upstream as UpstreamName, tool: toolName(tool) } // checked by the pattern
}

const decoys = object('decoys', {
  tools: optional(tools, 'tools that do not exist, shown in lists like real ones; whoever calls one is refused'),
  files: optional(
    list(
      'absolute paths in a cell',
      text('an absolute path in the cell', (t) =>
        /^\/[^\0\s]{2,1023}$/.test(t) && !t.split('/').includes('..') ? t : undefined,
      ),
    ),
    'files that stand in every agent’s cell and that nobody opens',
  ),
  credentials: optional(
    map(
      'variables of every agent’s cell, and their false values',
      text('the name of an environment variable', (t) => (/^[A-Za-z_][A-Za-z0-9_]{0,127}$/.test(t) ? t : undefined)),
      written(
        text('16 to 512 characters without spaces, which occur nowhere else', (t) =>
          /^[\x21-\x7e]{16,512}$/.test(t) ? t : undefined,
        ),
      ),
    ),
    'false credentials in the environment of every agent’s cell',
  ),
  hosts: optional(
    list(
      'hosts',
      text('a host name or an address, without a port', (t) =>
        /^[a-z0-9][a-z0-9.-]{3,252}$/i.test(t) && URL.canParse(`http://${t}/`) ? t.toLowerCase() : undefined,
      ),
    ),
    'hosts that nobody should name, and everything below them',
  ),
})

type ShapedDecoys = NonNullable<ReturnType<(typeof decoys)['read']>>

export const containmentShape = object('containment', {
  mode: optional(
    mode,
    'observe: detectors that do not say otherwise only tell; absent: each as docs/detectors.md says',
  ),
  decoys: optional(
    listOr(list('decoy tools', decoyTool), decoys, (short): ShapedDecoys => ({ tools: short })),
    'what nobody should touch; a list is one of tools',
  ),
  detectors: optional(object('detectors', detectorFields()), 'what each detector does, where it is not as by default'),
})

type Shaped = NonNullable<ReturnType<(typeof containmentShape)['read']>>

/** A rule as a file has it: what it leaves out is the table's. */
type ShapedRule = { readonly [key: string]: unknown }

function detectorFields(): Record<DetectorName, Field<Written<ShapedRule>, false>> {
  const fields = Object.entries(DETECTORS as Readonly<Record<string, DetectorSpec>>).map(([name, spec]) => {
    const rungs = spec.kind === 'statistical' ? (['watched', 'restricted'] as const) : RUNGS.slice(1)
    const thresholds = Object.entries(spec.thresholds).map(([key, threshold]) => [
      key,
      optional(shapeOf(threshold), `${threshold.what}; absent: ${threshold.by}`),
    ])
    const shape: Shape<ShapedRule> = object(`the detector: ${spec.what}`, {
      mode: optional(mode, `absent: ${spec.mode}`),
      rung: optional(oneOf('where the tree of the cell is moved', rungs), `absent: ${spec.rung}`),
      ...Object.fromEntries(thresholds),
    })
    return [name, optional(written(shape), spec.what)]
  })
  // One field for each line of the table.
  return Object.fromEntries(fields) as Record<DetectorName, Field<Written<ShapedRule>, false>>
}

function shapeOf({ unit, what, min, max }: Threshold): Shape<number> {
  switch (unit) {
    case 'count':
      return whole(what, min, max)
    case 'ratio':
      return decimal(what, min, max)
    case 'ms':
      return text(`${what}: a duration like 10min`, (t) => within(duration(t), min, max))
    case 'bytes':
      return text(`${what}: a size like 64KiB`, (t) => within(size(t), min, max))
  }
}

function within(value: number | undefined, min: number, max: number): number | undefined {
  return value !== undefined && value >= min && value <= max ? value : undefined
}

/** Judged with the upstreams that decoys stand among. */
export function readContainment(
  shaped: Shaped | undefined,
  upstreams: ReadonlyMap<UpstreamName, UpstreamConfig>,
  report: (problem: Problem) => void,
): Containment {
  const { mode: all, decoys: named, detectors = {} } = shaped ?? {}
  return {
    rules: rulesOf(detectors, all ?? 'enforce', report),
    decoys: {
      tools: toolsOf(named?.tools ?? [], upstreams, report),
      files: named?.files ?? [],
      credentials: [...(named?.credentials ?? [])].map(([variable, { value }]) => [variable, value]),
      hosts: named?.hosts ?? [],
    },
  }
}

function rulesOf(
  detectors: Readonly<Partial<Record<DetectorName, Written<ShapedRule>>>>,
  all: DetectorMode,
  report: (problem: Problem) => void,
): DetectorRules {
  const rules = Object.entries(defaultRules(all)).map(([name, rule]) => {
    const own = detectors[name as DetectorName]
    if (own === undefined) return [name, rule]
    const { mode = rule.mode, rung = rule.rung, ...thresholds } = own.value
    const merged = { mode, rung, thresholds: { ...rule.thresholds, ...thresholds } }
    const { honest, hostile } = merged.thresholds as Readonly<Record<string, number>>
    if (honest !== undefined && hostile !== undefined && honest >= hostile) {
      const message = `${name}: a hostile share of ${hostile} is no larger than an honest one of ${honest}`
      report({ source: own.source, message, expected: 'hostile: larger than honest:' })
    }
    return [name, merged]
  })
  // The defaults with values that the shape has let through.
  return Object.fromEntries(rules) as DetectorRules
}

function toolsOf(
  named: readonly Written<Named>[],
  upstreams: ReadonlyMap<UpstreamName, UpstreamConfig>,
  report: (problem: Problem) => void,
): readonly DecoyTool[] {
  return named.map(({ value: { upstream, tool, description: said }, source }) => {
    const home = upstreams.get(upstream)
    if (home === undefined) {
      const expected = upstreams.size === 0 ? 'one that is declared, and none is' : knownNames(upstreams.keys())
      report({ source, message: `upstream "${upstream}" of the decoy "${tool}" is not declared`, expected })
    } else if (home.tools.has(tool)) {
      const message = `"${tool}" is declared under "${upstream}": a decoy is a tool that does not exist`
      report({ source, message, expected: 'a name that the upstream does not have' })
    }
    return { upstream, tool, description: said ?? describedBy(tool) }
  })
}

/** Makes a description from a tool's name: "Admin: escalate." of `admin.escalate`. */
function describedBy(tool: string): string {
  const words = tool
    .replaceAll(/([a-z0-9])([A-Z])/g, '$1 $2')
    .split(/[._/-]+/)
    .join(' ')
    .toLowerCase()
  return `${words.charAt(0).toUpperCase()}${words.slice(1)}.`
}

/**
 * Adds the false credentials to the environment of every agent's cell, where an agent finds them as it would find real
 * ones.
 */
export function withPlanted(
  agents: ReadonlyMap<AgentName, Agent>,
  { credentials }: Decoys,
): ReadonlyMap<AgentName, Agent> {
  return new Map(
    [...agents].map(([name, agent]) => {
      const env = new Map([...agent.cell.env, ...credentials])
      return [name, { ...agent, cell: { ...agent.cell, env } }]
    }),
  )
}

/** A variable has one value, and whatever an agent needs is no decoy. */
export function plantedProblems(agents: ReadonlyMap<AgentName, Agent>, { credentials }: Decoys): readonly Problem[] {
  return [...agents.values()].flatMap(({ name, cell, source }) =>
    credentials.flatMap(([variable, value]) => {
      if (cell.env.has(variable)) {
        const message = `the cell of "${name}" has its own ${variable}, which containment: decoys: plants`
        return [{ source, message, expected: 'another variable for the decoy' }]
      }
      if (![...cell.env.values()].some((own) => own.includes(value))) return []
      return [
        {
          source,
          message: `the cell of "${name}" uses the value of the decoy ${variable}`,
          expected: 'a value that occurs nowhere else',
        },
      ]
    }),
  )
}
