/**
 * `firebreak run`. It is long for a command: each way in which a run is asked for, refused, watched and ended has its
 * words for a person here.
 */
import { fstatSync } from 'node:fs'
import { join } from 'node:path'
import process from 'node:process'
import type { CellSpec, Exit } from '../../../cells/spec.ts'
import type { Agent, Config } from '../../../config/config.ts'
import { commandByName } from '../../../control/advice/command-by-name.ts'
import { cellRefusal } from '../../../control/advice/try-launch.ts'
import type { TaskSetup } from '../../../gateway/link/setup.ts'
import { ENTRIES_MAX_AT_LAUNCH, surveyWorkspace } from '../../../host/files/workspace-survey.ts'
import { programFault } from '../../../host/prepare/program.ts'
import type { Judged } from '../../../host/prepare/setup.ts'
import { FORWARDED, type RunEnd, type RunEvent } from '../../../host/runs/agent-run.ts'
import type { RunAsk } from '../../../host/runs/run-agent.ts'
import { NOT_SEARCHED, SEARCHED_BY } from '../../../host/shown/shown.ts'
import { withinState } from '../../../host/state/named-state.ts'
import { storesOf } from '../../../host/state/stores.ts'
import { tenantOf, tenantState } from '../../../host/state/tenants.ts'
import { rungIn } from '../../../host/stop/rung-in.ts'
import { standingFence } from '../../../host/stop/standing-fence.ts'
import type { Log } from '../../../ledger/store.ts'
import { RunSummary, type RunTold } from '../../../ledger/views/run-summary.ts'
import type { DefinitionSeen } from '../../../model/entry.ts'
import { type CellId, LIMITS, no, ok, type Result, type UpstreamName } from '../../../model/index.ts'
import { operatorFor } from '../../../operator/operator.ts'
import { type Call, CONFIG_OPTION, type Command, EXIT, type ExitCode } from '../../command.ts'
import { agentAsked } from '../../options/agent.ts'
import { readConfig } from '../../options/config.ts'
import { stateOf } from '../../options/state.ts'
import { limitsTold } from '../../print/limits-reached.ts'
import { named, plain, printable } from '../../print/printable.ts'
import { tellUnwritten } from '../../print/unwritten.ts'

export const command: Command = {
  name: 'run',
  usage: [
    'firebreak run [--agent <name>] [--task <text> [--tools <names>]] [--observe] [--config <file>] [-- command…]',
  ],
  example:
    'firebreak run --agent refund-bot --task "Refund order o-1001"\nfirebreak run --agent refund-bot -- sh -c "ls /workspace"',
  exits: 'its program’s own, or: ',
  options: {
    ...CONFIG_OPTION,
    agent: { type: 'string', short: 'a', value: 'name', help: 'which agent of it (default: the only one)' },
    task: {
      type: 'string',
      short: 't',
      value: 'text',
      help: 'what its owner asks for: its words may name destinations, and it is told as FIREBREAK_TASK',
    },
    tools: {
      type: 'string',
      value: 'names',
      help: 'with --task: only these of its tools, as upstream/tool, separated by commas',
    },
    observe: {
      type: 'boolean',
      help: 'let it use whatever is declared in its environment and only reads, to learn what it needs (observe: true there)',
    },
    state: {
      type: 'string',
      value: 'dir',
      help: 'where ledger, witness and changes are kept (default: .firebreak beside the configuration)',
    },
  },
  run,
}

async function run(call: Call): Promise<ExitCode> {
  const stateDirectory = stateOf(call)
  const within = withinState(stateDirectory)
  if (within !== undefined) {
    call.print.fault(
      `not started: ${within.problem}: no order to all there would reach it`,
      ...within.meant.map((state) => `name --state ${state}`),
    )
    return EXIT.usage
  }
  const stopMark = storesOf(stateDirectory).fences.stopMark()
  const declared = await readConfig(call, stateDirectory)
  if (!declared.ok) return declared.reason
  const chosen = agentAsked(call, declared.value.config)
  if (chosen === undefined) return EXIT.usage
  const read = call.flag('observe') ? await readObserved(call, stateDirectory, declared.value, chosen) : declared
  if (!read.ok) return read.reason
  const { config } = read.value
  const agent = config.agents.get(chosen.name) ?? chosen
  const named = call.rest.length > 0 ? commandByName(call.rest, agent, process.env.PATH ?? '') : agent.command
  const [program, ...args] = named
  if (program === undefined) {
    call.print.fault(`agent "${agent.name}" has no command`, 'give one after --, or `command:` in the configuration')
    return EXIT.usage
  }
  const task = taskOf(call, agent)
  if (!task.ok) {
    call.print.fault(task.reason)
    return EXIT.usage
  }
  const own = tenantState(stateDirectory, tenantOf(config, agent.environment))
  const fenced = fencedExit(call, own, agent)
  if (fenced !== undefined) return fenced
  // What the warden would refuse is told before anything is started.
  const refusal = await cellRefusal(config, own, agent.name, agent.cell)
  if (refusal !== undefined) {
    call.print.fault(`not started: ${refusal}`, 'firebreak doctor tells what would change it')
    return EXIT.failed
  }
  const slow = tellIfSlow(call, agent)
  const asked: Asked = { agent, command: [program, ...args], ...(task.value && { task: task.value }) }
  const watch = watchRun(call, agent, slow)
  const run = await operatorFor(stateDirectory, read.value).run({
    ...asked,
    stopMark,
    stdio: streamsHere,
    streams: { stdin: 0, stdout: 1, stderr: 2 },
    piped: isPiped(0),
    heard: watch.heard,
    opened: () => tellWhatIsMissing(call, agent, config.profile),
    unsearched: (whose, what) => call.print.progress(printable(`${whose}: ${NOT_SEARCHED} ${what} → ${SEARCHED_BY}`)),
  })
  watch.follow(run)
  const ran = await run.ended
  watch.over()
  if (!ran.ok) {
    call.print.fault(`not started: ${ran.reason}`, 'firebreak doctor tells what this host can give')
    return EXIT.failed
  }
  const { end, unwritten } = ran.value
  const exit = await tellEnd(call, config, own, asked, end)
  for (const each of unwritten) tellUnwritten(call, each)
  return unwritten.length > 0 ? EXIT.contained : exit
}

/** Returns the configuration by which a run of an agent is observed, where its environment lets it be. */
async function readObserved(
  call: Call,
  stateDirectory: string,
  { config }: Judged,
  { name, environment }: Agent,
): Promise<Result<Judged, ExitCode>> {
  if (config.environments.get(environment)?.observe === true) return readConfig(call, stateDirectory, name)
  call.print.fault(
    `not started: environment "${environment}" does not say that its agents may be observed`,
    `environments: { ${environment}: { observe: true } }, where whatever is declared and only reads may be used`,
  )
  return no(EXIT.usage)
}

type Asked = Pick<RunAsk, 'command' | 'task'> & { readonly agent: Agent }

/** A run as a person watches it: what they hear of it, and what they send. */
interface Watch {
  readonly heard: (event: RunEvent) => void
  /** Sends signals to this run, while a cell of it is launched. */
  readonly follow: (run: { readonly signal: (signal: NodeJS.Signals) => void }) => void
  readonly over: () => void
}

function watchRun(call: Call, { name }: Agent, slow: NodeJS.Timeout | undefined): Watch {
  let send: ((signal: NodeJS.Signals) => void) | undefined
  const forward = (signal: NodeJS.Signals) => send?.(signal)
  const over = () => {
    clearTimeout(slow)
    for (const signal of FORWARDED) process.off(signal, forward)
  }
  return {
    over,
    heard: (event) => {
      if (event.kind === 'taken-over')
        return call.print.progress(`its gateway was lost (${event.why}): ${name} goes on with another, watched`)
      // Whoever ends this command before it is launched, and again before it is launched anew, ends the start.
      over()
      if (event.kind === 'launched') for (const signal of FORWARDED) process.on(signal, forward)
      else call.print.progress(`the files of ${name} were restored: it is started again`)
    },
    follow: (run) => {
      send = (signal) => run.signal(signal)
    },
  }
}

/** Tells what a workspace lacks to be whole, before the program says something that is harder to understand. */
function tellWhatIsMissing(call: Call, { name, cell }: Agent, profile: Config['profile']): void {
  if (cell.workspace === undefined) return
  for (const { what, fix } of surveyWorkspace(cell.workspace, profile, ENTRIES_MAX_AT_LAUNCH))
    call.print.progress(printable(`${name}: of its workspace ${what} → ${fix}`))
}

/**
 * Prints why an agent may not start and returns the exit code; undefined where it may. A state that was never made, and
 * in which nobody was contained, fences nobody.
 */
function fencedExit(call: Call, state: string, agent: Agent): ExitCode | undefined {
  const fence = standingFence(stateOf(call), state)
  const stands = fence.ok ? rungIn(fence.value, agent) : fence
  if (stands.ok) return undefined
  call.print.fault(`not started: ${stands.reason}`)
  return fence.ok ? EXIT.contained : EXIT.integrity
}

/** A person who waits is told for what; nothing else may stand in a program's standard error. */
function tellIfSlow(call: Call, { name }: Agent): NodeJS.Timeout | undefined {
  if (!process.stderr.isTTY) return undefined
  return setTimeout(() => call.print.progress(`starting ${name}: gateway, witness, cell`), SLOW_MS)
}

const SLOW_MS = 1_000

/** Returns the task in the owner's words: the person who runs the agent speaks for its owner. */
function taskOf(call: Call, { owner, grants }: Agent): Result<TaskSetup | undefined, string> {
  const text = call.text('task')
  const tools = call.text('tools')?.split(',')
  if (text === undefined) return tools === undefined ? ok(undefined) : no('--tools goes with --task')
  if (text.length > LIMITS.taskCharactersMax) return no(`a task has at most ${LIMITS.taskCharactersMax} characters`)
  const granted = new Set(grants.flatMap(({ upstream, tools: own }) => [...own].map((tool) => `${upstream}/${tool}`)))
  const unknown = tools?.find((tool) => !granted.has(tool))
  if (unknown !== undefined) return no(`--tools: "${unknown}" is not granted; granted: ${[...granted].join(', ')}`)
  return ok({ text, givenBy: owner, ...(tools && { tools }) })
}

/** Tells whether somebody may have written what is read there: a terminal is a person's, and /dev/null is nobody's. */
function isPiped(fd: number): boolean {
  try {
    const stat = fstatSync(fd)
    return !stat.isCharacterDevice() && !(stat.isFile() && stat.size === 0)
  } catch {
    return false
  }
}

/** Prints what a person should know of the end of a run, and returns the exit code. */
async function tellEnd(call: Call, config: Config, state: string, asked: Asked, end: RunEnd): Promise<ExitCode> {
  const { agent, command: program } = asked
  if (end.kind === 'not-started') return notStarted(state, agent, call, end.why)
  const { cell, exit, teardown, lost, unrestored, hidden, servers } = end
  if (lost !== undefined) {
    call.print.fault(`the cell was ended: ${lost}`, 'nothing that it did after that was admitted')
    return EXIT.failed
  }
  if (!teardown.gone) {
    const left = teardown.checks.filter((check) => !check.gone).map((check) => `${check.what}: ${check.detail}`)
    call.print.fault('the cell has ended, but something of it is left', ...left)
    return EXIT.failed
  }
  if (unrestored !== undefined) {
    call.print.fault(`the cell was ended so that its files could be restored: ${unrestored}`)
    return EXIT.failed
  }
  // The shell that starts a cell's program says 127 where it finds none and 126 where it may not; a program may, too.
  const unseen = UNSTARTED.has(exit.code) ? programFault(agent.cell, program[0]) : undefined
  if (unseen !== undefined) call.print.fault(`${agent.name}: ${unseen.problem}`, unseen.fix)
  tellLimits(config, servers, exit, agent, call)
  // What the program printed last may lack its end of line.
  if (call.print.json) process.stdout.write('\n')
  const log = storesOf(state).logs.log(agent.environment)
  const { waits, refused, left, lowered, cuts: cut } = await runTold(log, cell)
  const cuts = cutLines(cut)
  for (const line of cuts) call.print.progress(line)
  if (hidden.length > 0) {
    const named = hidden.slice(0, 4).map((path) => printable(path))
    const more = hidden.length > named.length ? ` and ${hidden.length - named.length} more` : ''
    call.print.progress(
      `of its workspace it did not see ${named.join(', ')}${more}; "hide: []" under cell shows all but states`,
    )
  }
  for (const [upstream, { problem, later }] of left) {
    const after = later ? '; it was there later' : ''
    const help = helpFor(config, upstream, join(state, 'log', `upstream-${upstream}.log`))
    call.print.progress(`${upstream} was left out: ${printable(problem)}${after} → ${help}`)
  }
  if (lowered !== undefined)
    call.print.fault(
      `${agent.name} was moved to ${lowered.to}: ${plain(lowered.what, 1)}`,
      `firebreak incident ${cell} tells what it did; firebreak release ${agent.name} lets it go on`,
    )
  if (waits > 0)
    call.print.progress(`${counted(waits, 'action waits', 'actions wait')} for a person: firebreak approvals`)
  if (refused > 0)
    call.print.progress(`${counted(refused, 'action was', 'actions were')} refused: firebreak logs --refused`)
  const leftOut = [...left].map(([upstream, each]) => ({ upstream, ...each }))
  call.print.object({ ok: true, cell, exit, teardown, waits, refused, leftOut, cuts, ...(lowered && { lowered }) })
  return exit.code
}

/**
 * Prints why a cell did not start (an order that came meanwhile, or what the host lacks), and returns the exit code.
 */
function notStarted(state: string, agent: Agent, call: Call, why: string): ExitCode {
  const fenced = fencedExit(call, state, agent)
  if (fenced !== undefined) return fenced
  call.print.fault(`not started: ${why}`, 'firebreak doctor tells what this host can give')
  return EXIT.failed
}

const UNSTARTED: ReadonlySet<number> = new Set([126, 127])

function counted(count: number, one: string, more: string): string {
  return `${count} ${count === 1 ? one : more}`
}

/** Prints a line for each limit that the agent's cell, or a cell of one of its servers, ran into. */
function tellLimits(
  { upstreams }: Config,
  servers: Extract<RunEnd, { kind: 'ended' }>['servers'],
  exit: Exit,
  { name, cell }: Agent,
  { print }: Call,
): void {
  for (const { said, change } of limitsTold(exit, { at: `agents: ${name}: cell`, cell })) print.fault(said, change)
  for (const [upstream, reached] of servers) {
    const server = upstreams.get(upstream)?.server
    if (server?.kind !== 'stdio') continue
    for (const { said, change } of limitsTold(reached, { at: `upstreams: ${upstream}: mcp: cell`, cell: server.cell }))
      print.fault(`server ${upstream}: ${said}`, change)
  }
}

/** Returns what would bring back an upstream that was left out. */
function helpFor({ upstreams }: Config, name: UpstreamName, log: string): string {
  const { kind } = upstreams.get(name)?.server ?? {}
  if (kind === 'origin') return 'firebreak doctor tells what it needs'
  const asked = `firebreak accept --dry-run --upstream ${name} asks it alone`
  return kind === 'stdio' ? `${asked}; what it complained of is in ${log}` : asked
}

/** Reads what a person should look at after a run. A log that cannot be read tells so elsewhere. */
async function runTold(log: Log, cell: CellId): Promise<RunTold> {
  const summary = new RunSummary(cell)
  for await (const entry of log.read()) {
    if (!entry.ok) break
    summary.take(entry.value)
  }
  return summary.value
}

/** Returns lines on the parts of upstreams' lists that the cell could not be shown. */
function cutLines(cuts: RunTold['cuts']): readonly string[] {
  const lines = cuts.flatMap((cut) =>
    cut.kind === 'definition.seen'
      ? [differenceText(cut)]
      : cut.what.map((what) => `${cut.upstream}: of its ${cut.list}, ${plain(what, 1)}`),
  )
  return [...new Set(lines)].slice(0, CUTS_MAX)
}

/** Returns one line on why a tool was kept from its agent, and on what shows and changes that. */
function differenceText({ upstream, tool, problem, words }: DefinitionSeen): string {
  if (!/accepted/.test(problem)) return `${upstream}/${named(tool)}: ${plain(problem, 1)}`
  const what = words ? 'its descriptions have changed since it was accepted' : `its definition is ${problem}`
  const help = `firebreak accept --dry-run --upstream ${upstream} shows how`
  const without = words ? `; with --without-descriptions --tool ${named(tool)} it is accepted whatever they say` : ''
  return `${upstream}/${named(tool)} was left out: ${what}: ${help}${without}`
}

/** Lines on cuts that are printed; more are in `firebreak logs`. */
const CUTS_MAX = 10

/** Returns how a cell gets its streams: a person at a terminal gives it one of its own; everything else gets pipes. */
function streamsHere(): CellSpec['stdio'] {
  if (!process.stdin.isTTY || !process.stdout.isTTY) return { kind: 'pipes' }
  return { kind: 'terminal', columns: process.stdout.columns, rows: process.stdout.rows }
}
