import process from 'node:process'
import type { CellSpec } from '../../cells/spec.ts'
import type { Agent } from '../../config/config.ts'
import { no, ok, type Result } from '../../model/index.ts'
import { Host } from '../host.ts'
import { ownSecrets } from '../prepare/own-secrets.ts'
import { digestFor, type Judged } from '../prepare/setup.ts'
import type { Unwritten } from '../stop/fence-again.ts'
import { type ReachedHost, reachHost } from '../up/reach-host.ts'
import { AgentRun, type RunEnd, type RunPlan } from './agent-run.ts'

/** The program of an agent as a person asks for it, on streams of their own process. */
export interface RunAsk extends Omit<RunPlan, 'agent' | 'stdio' | 'piped'> {
  readonly agent: Pick<Agent, 'name' | 'environment'>
  /** Returns how the cell gets its streams; asked at each launch that is made in this process. */
  readonly stdio: () => CellSpec['stdio']
  /** True where somebody may have written what is read on its standard input. */
  readonly piped: boolean
  /** Hears that nothing stands in the way of its environment any more: the cell is built next. */
  readonly opened: () => void
  /** Hears what of a cell, an agent's or a server's, was not looked through for secrets. */
  readonly unsearched: (whose: string, what: string) => void
}

/** A run that has ended. */
export interface RanAgent {
  readonly end: RunEnd
  /** Orders that no fence had when the run had ended. */
  readonly unwritten: readonly Unwritten[]
}

/** A run that goes on; it ends with the process that asked for it. */
export interface LiveRun {
  /** An error in words where nothing was started, or the host is gone. */
  readonly ended: Promise<Result<RanAgent, string>>
  /** Sends a person's signal to its program. Does nothing before it is launched. */
  readonly signal: (signal: NodeJS.Signals) => void
}

/** Has an agent's program run: by the host that is up over the state, or by one in this process. */
export async function runAgent(judged: Judged, stateDirectory: string, ask: RunAsk): Promise<LiveRun> {
  const reached = await reachHost(stateDirectory)
  if (!reached.ok) return { ended: Promise.resolve(reached), signal: () => undefined }
  const there = reached.value
  if (there !== undefined && judged.config.agents.get(ask.agent.name)?.observed)
    return { ended: Promise.resolve(no(UP)), signal: () => undefined }
  return there === undefined ? runHere(judged, stateDirectory, ask) : runThere(judged, there, ask)
}

const UP = 'a host is up, which goes by its own configuration: end it (firebreak down), or observe with another --state'

/** Runs it in this process, with a host of its own. */
function runHere(judged: Judged, stateDirectory: string, ask: RunAsk): LiveRun {
  const { opened, unsearched, agent, ...given } = ask
  const host = new Host({ judged, stateDirectory, onUnsearched: unsearched })
  let run: AgentRun | undefined
  const ended = (async (): Promise<Result<RanAgent, string>> => {
    let end: RunEnd | undefined
    let unwritten: readonly Unwritten[] = []
    try {
      const environment = await host.environment(agent.environment).catch(systemFault)
      if (!environment.ok) return environment
      opened()
      run = new AgentRun(environment.value, { ...given, agent: agent.name })
      end = await run.ended
    } finally {
      unwritten = await host.close('the run has ended')
    }
    return ok({ end, unwritten })
  })()
  return { ended, signal: (signal) => run?.signal(signal) }
}

/** Has it run by the host that is up, on this process's streams; the cell ends where this process does. */
function runThere(judged: Judged, there: ReachedHost, ask: RunAsk): LiveRun {
  const { agent, command, task, stopMark, stdio, piped, streams, heard, opened } = ask
  opened()
  const configuration = digestFor(judged, agent.environment)
  const secrets = ownSecrets(judged.config, agent.environment)
  const given = { agent: agent.name, command, ...(task && { task }), stopMark, piped }
  const about = { ...given, configuration, secrets, pid: process.pid }
  const { stdin, stdout, stderr } = streams
  const run = there.run({ kind: 'run', ...about, stdio: stdio() }, [stdin, stdout, stderr], heard)
  // The kernel tells the size of a terminal to its own session, which the host is not of.
  const resized = () => run.signal('SIGWINCH')
  process.on('SIGWINCH', resized)
  const ended = run.ended
    .then((end) => (end.ok ? ok({ end: end.value, unwritten: [] }) : end))
    .finally(() => process.off('SIGWINCH', resized))
  return { ended, signal: (signal) => run.signal(signal) }
}

/**
 * Returns the host's own words for what it refuses (a read-only file system, a full one); throws anything else again,
 * as a fault of ours.
 */
function systemFault(error: unknown): Result<never, string> {
  if (error instanceof Error && 'code' in error && 'syscall' in error) return no(error.message)
  throw error
}
