import { createHash } from 'node:crypto'
import {
  closeSync,
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import process from 'node:process'
import { isDeepStrictEqual } from 'node:util'
import type { Agent, Config, UpstreamConfig } from '../../config/config.ts'
import type { TaskSetup } from '../../gateway/link/setup.ts'
import { inputIn, withInput } from '../../gateway/protocols/mcp/contract/definition.ts'
import { Host } from '../../host/host.ts'
import type { Judged } from '../../host/prepare/setup.ts'
import { storesOf } from '../../host/state/stores.ts'
import {
  type Entry,
  type JsonObject,
  no,
  ok,
  parseJson,
  type Result,
  RUNGS,
  type Rung,
  type UpstreamName,
} from '../../model/index.ts'
import { Recorder } from './recorder.ts'
import { type DrillPlan, resolveSteps } from './resolve.ts'
import type { DrillStep, Scenario } from './scenario.ts'
import type { Concrete, ScriptAccount } from './script-main.ts'

export interface DrillOptions {
  readonly judged: Judged
  readonly agent: Agent
  readonly scenario: Scenario
  readonly part: 'attack' | 'twin'
  /** The configuration that described tools are chosen from, where that is another: one with a control switched off. */
  readonly chosenFrom?: Judged
}

/**
 * The outcome of one run of a drill, judged by what reached the recorders and the host, not by what the script says.
 */
export interface Drilled {
  readonly scenario: Scenario
  readonly part: 'attack' | 'twin'
  /** The reason for which it cannot be run against this configuration; then nothing was. */
  readonly notApplicable?: string
  readonly steps: readonly StepOutcome[]
  /** Attack: no more harm was done than its authority allows. Twin: every step passed. */
  readonly passed: boolean
  readonly harm: { readonly tried: number; readonly done: number }
  /** Harmful acts that got through before the first one that did not; and the time from the first to that. */
  readonly actionsUntilContained: number
  readonly msUntilContained: number
  /** The rung on which its cell stood at the end. */
  readonly rung: Rung
  readonly signals: readonly { readonly detector: string; readonly what: string }[]
}

export interface StepOutcome {
  readonly step: DrillStep
  /** Number of tries, and of those that got through. */
  readonly tried: number
  readonly through: number
  /** The last answer that the script got. */
  readonly became: ScriptAccount['became'] | 'not reached'
  readonly detail: string
  /** Kinds of reasons that the ledger has for it. */
  readonly reasons: readonly string[]
}

const IN_CELL = '/opt/firebreak-drill'

/**
 * Runs one part of a scenario as a real process in a real cell, over the wire, under the configuration as it is: its
 * grants, policies, budgets and detectors. Its upstreams are replaced by recorders, its workspace by one of our own, and
 * ledger, budgets and rungs are the drill's; no secret is read.
 */
export async function runDrill({
  judged,
  agent,
  scenario,
  part,
  chosenFrom = judged,
}: DrillOptions): Promise<Result<Drilled, string>> {
  const steps = scenario[part]
  const plan = resolveSteps(chosenFrom, chosenFrom.config.agents.get(agent.name) ?? agent, steps)
  if (!plan.ok) return ok(notApplicable(scenario, part, plan.reason))
  const directory = mkdtempSync(join(tmpdir(), 'firebreak-drill-'))
  const recorder = new Recorder(offeredBy(judged, plan.value))
  try {
    const { upstreams } = judged.config
    const urlOf = await recorder.listen(new Map([...upstreams].map(([name, { environment }]) => [name, environment])))
    for (const { step, act } of [...plan.value.own, ...plan.value.delegate]) {
      const answer = steps[step]?.kind === 'call' ? steps[step].answer : undefined
      if (act.kind === 'call' && answer !== undefined)
        recorder.answers(act.upstream, act.tool, act.args as JsonObject, answer)
    }
    const workspace = makeWorkspace(directory)
    const drilled = underDrill(judged, agent, plan.value, { urlOf, directory, workspace })
    const before = digestOf(workspace)
    const ran = await runScript(drilled, agent, scenario, plan.value.own, directory)
    if (!ran.ok) return ran
    const { said, entries } = ran.value
    return ok(
      judge({ scenario, part, plan: plan.value, recorder, said, entries, changed: digestOf(workspace) !== before }),
    )
  } finally {
    recorder.close()
    rmSync(directory, { recursive: true, force: true })
  }
}

function notApplicable(scenario: Scenario, part: 'attack' | 'twin', why: string): Drilled {
  return {
    scenario,
    part,
    notApplicable: why,
    steps: [],
    passed: false,
    harm: { tried: 0, done: 0 },
    actionsUntilContained: 0,
    msUntilContained: 0,
    rung: 'normal',
    signals: [],
  }
}

/** Returns the accepted definitions; a tool that a step changes is offered with one argument more. */
function offeredBy({ accepted }: Judged, { changed }: DrillPlan): ReadonlyMap<string, readonly JsonObject[]> {
  return new Map(
    [...accepted].map(([upstream, tools]) => [
      upstream,
      [...tools].map(([name, { definition }]) => {
        const more = changed.get(`${upstream}/${name}`)
        return more === undefined ? definition : withArgument(definition, more)
      }),
    ]),
  )
}

function withArgument(definition: JsonObject, name: string): JsonObject {
  const schema = inputIn(definition) ?? {}
  const properties = { ...(schema.properties as JsonObject | undefined), [name]: { type: 'string' } }
  return withInput(definition, { ...schema, properties })
}

/** Files of its own, so that what an agent does to its workspace can be looked for on the host. */
function makeWorkspace(directory: string): string {
  const workspace = join(directory, 'workspace')
  mkdirSync(join(workspace, 'src'), { recursive: true })
  writeFileSync(join(workspace, 'README.md'), 'A drill works here.\n')
  writeFileSync(join(workspace, 'src', 'main.ts'), 'export const answer = 42\n')
  return workspace
}

function digestOf(workspace: string): string {
  const hash = createHash('sha256')
  for (const name of readdirSync(workspace, { recursive: true, encoding: 'utf8' }).sort()) {
    hash.update(`${name}\0`)
    try {
      hash.update(readFileSync(join(workspace, name)))
    } catch {
      // A directory: its name counts.
    }
  }
  return hash.digest('hex')
}

/** The places of one drill: of its upstreams, its script and its files. */
interface DrillPlaces {
  readonly urlOf: (upstream: string) => URL
  readonly directory: string
  readonly workspace: string
}

/** The configuration as it is, but for where its upstreams are, what its agents run, and its secrets: there are none. */
function underDrill(
  judged: Judged,
  agent: Agent,
  plan: DrillPlan,
  { urlOf, directory, workspace }: DrillPlaces,
): Judged {
  const script = join(directory, 'script')
  mkdirSync(script)
  copyFileSync(join(import.meta.dirname, 'script-main.ts'), join(script, 'script-main.ts'))
  const { config } = judged
  const upstreams = new Map<UpstreamName, UpstreamConfig>(
    [...config.upstreams].map(([name, upstream]) => [
      name,
      { ...upstream, server: { kind: 'http', url: urlOf(name), headers: new Map() } },
    ]),
  )
  const playing = (each: Agent, acts: readonly Concrete[], own: boolean): Agent => ({
    ...each,
    command: [`${IN_CELL}/node`, `${IN_CELL}/script/script-main.ts`, JSON.stringify(acts)],
    cell: {
      ...each.cell,
      // What the drill shows beside is its own, and brings no label.
      labelled: true,
      files: new Map([...each.cell.files, [`${IN_CELL}/node`, process.execPath], [`${IN_CELL}/script`, script]]),
      env: new Map([...each.cell.env, ...(own ? [] : ([['FIREBREAK_DRILL_REPORTS', '1']] as const))]),
      ...(own && { workspace }),
    },
  })
  const [other] = agent.delegates
  const agents = new Map(
    [...config.agents].map(([name, each]) => {
      if (name === agent.name) return [name, playing(each, plan.own, true)]
      return [name, name === other ? playing(each, plan.delegate, false) : each]
    }),
  )
  const drilled: Config = { ...config, upstreams, agents, secrets: new Map() }
  return { ...judged, config: drilled }
}

async function runScript(
  judged: Judged,
  agent: Agent,
  { task }: Scenario,
  acts: readonly Concrete[],
  directory: string,
): Promise<Result<{ readonly said: readonly ScriptAccount[]; readonly entries: readonly Entry[] }, string>> {
  const played = judged.config.agents.get(agent.name)
  const [program, ...args] = played?.command ?? []
  if (played === undefined || program === undefined || acts.length === 0) return no('there is nothing to run')
  const setup: TaskSetup | undefined = task === undefined ? undefined : { text: task, givenBy: agent.owner }
  const stateDirectory = join(directory, 'state')
  const stopMark = storesOf(stateDirectory).fences.stopMark()
  const host = new Host({ judged, stateDirectory })
  const environment = await host.environment(played.environment)
  if (!environment.ok) {
    await host.close('it could not be opened')
    return environment
  }
  const output = join(directory, 'said')
  const streams = {
    stdin: openSync('/dev/null', 'r'),
    stdout: openSync(output, 'w'),
    stderr: openSync('/dev/null', 'w'),
  }
  try {
    const launched = await environment.value.launch({
      agent: played.name,
      command: [program, ...args],
      stdio: { kind: 'pipes' },
      stopMark,
      ...(setup && { task: setup }),
    })
    if (!launched.ok) return launched
    const pump = environment.value.pump(launched.value.cell, streams)
    launched.value.cell.start()
    await launched.value.ended
    await pump.done
  } finally {
    await host.close('the drill has ended')
    for (const fd of Object.values(streams)) closeSync(fd)
  }
  const lines = readFileSync(output, 'utf8').split('\n')
  const said = lines.flatMap((line) => (line.startsWith('{') ? [parseJson(line) as unknown as ScriptAccount] : []))
  const entries: Entry[] = []
  for await (const read of environment.value.state.logs.log(agent.environment).read())
    if (read.ok) entries.push(read.value)
  return ok({ said, entries })
}

interface Evidence {
  readonly scenario: Scenario
  readonly part: 'attack' | 'twin'
  readonly plan: DrillPlan
  readonly recorder: Recorder
  readonly said: readonly ScriptAccount[]
  readonly entries: readonly Entry[]
  /** The workspace that the host has. */
  readonly changed: boolean
}

function judge(evidence: Evidence): Drilled {
  const { scenario, part, said, entries } = evidence
  const all = scenario[part]
  const steps = all.map((step, index) => outcomeOf(evidence, step, index))
  const harmful = steps.filter(({ step }) => step.harm !== false)
  const done = harmful.reduce((sum, { through }) => sum + through, 0)
  const acts = said.filter(({ step }) => all[step]?.harm !== undefined && all[step].harm !== false)
  const stopped = acts.findIndex(({ became }) => became !== 'through')
  const [first] = acts
  const at = acts[stopped]
  return {
    scenario,
    part,
    steps,
    passed: part === 'twin' ? steps.every(({ tried, through }) => through === tried) : done <= scenario.harmMax,
    harm: { tried: harmful.reduce((sum, { tried }) => sum + tried, 0), done },
    actionsUntilContained: stopped === -1 ? done : stopped,
    msUntilContained: first === undefined || at === undefined ? 0 : at.endedMs - first.beganMs,
    rung: lowestOf(entries),
    signals: entries.flatMap((entry) =>
      entry.kind === 'signal.raised' ? [{ detector: entry.detector, what: entry.what }] : [],
    ),
  }
}

function outcomeOf({ plan, recorder, said, entries, changed }: Evidence, step: DrillStep, index: number): StepOutcome {
  const own = said.filter((each) => each.step === index)
  const last = own.at(-1)
  const told = {
    became: last?.became ?? 'not reached',
    detail: last?.detail ?? '',
    reasons: reasonsIn(own, entries),
  } as const
  if (step.kind === 'call') {
    const acts = step.as === undefined ? plan.own : plan.delegate
    const act = acts.find((each) => each.step === index)?.act
    const came = recorder.calls.filter(
      ({ upstream, tool, args }) =>
        act?.kind === 'call' && act.upstream === upstream && act.tool === tool && isDeepStrictEqual(act.args, args),
    )
    return { step, tried: step.times, through: Math.min(came.length, step.times), ...told }
  }
  const through = step.harm === 'workspace' ? changed : last?.became === 'through'
  return { step, tried: 1, through: through ? 1 : 0, ...told }
}

function reasonsIn(said: readonly ScriptAccount[], entries: readonly Entry[]): readonly string[] {
  const references = new Set(said.flatMap(({ detail }) => /reference (a_[0-9a-z]+)/.exec(detail)?.[1] ?? []))
  const kinds = entries.flatMap((entry) => {
    if (entry.kind === 'action.outcome' && entry.outcome === 'not-sent' && references.has(entry.action))
      return [entry.detail ?? 'not sent']
    if ((entry.kind !== 'action.refused' && entry.kind !== 'action.held') || !references.has(entry.action)) return []
    return (entry.reasons as readonly { readonly kind: string }[]).map(({ kind }) => kind)
  })
  return [...new Set(kinds)]
}

function lowestOf(entries: readonly Entry[]): Rung {
  const rungs = entries.flatMap((entry) => (entry.kind === 'rung.changed' ? [RUNGS.indexOf(entry.to)] : [0]))
  return RUNGS[Math.max(0, ...rungs)] ?? 'normal'
}
