import { closeSync } from 'node:fs'
import process from 'node:process'
import type { Agent } from '../../config/config.ts'
import { agentName, no, ok, type Result } from '../../model/index.ts'
import type { ApplyAsk, ApplyFault } from '../apply/apply-words.ts'
import { Applying } from '../apply/applying.ts'
import type { Host } from '../host.ts'
import { otherSecret } from '../prepare/own-secrets.ts'
import { digestFor } from '../prepare/setup.ts'
import { AgentRun, FORWARDED } from '../runs/agent-run.ts'
import { noteShownBy } from '../state/shown-by.ts'
import type { Unwritten } from '../stop/fence-again.ts'
import { type Caller, openHostDoor } from './host-door.ts'
import { type HostRunAsk, type HostSignal, hearLines } from './host-words.ts'

export interface ServedHost {
  readonly host: Host
  /** Is asked to end the host, once; the caller hears of the end by its connection's. */
  readonly onDown: () => void
  /** Hears what a person may want to read later. */
  readonly log: (text: string) => void
}

/** The door of a host that serves what comes to it. */
export interface ServedDoor {
  /** Closes it, and tells whoever has asked for the host's end which orders no fence has. */
  close(unwritten: readonly Unwritten[]): void
}

/** Serves the commands that come to a host: each has a run of its own, which ends where its connection does. */
export async function serveHost(served: ServedHost): Promise<Result<ServedDoor, string>> {
  const sinceMs = Date.now()
  const ending: Caller[] = []
  const applying = new Applying(served.host)
  const door = await openHostDoor(served.host.stateDirectory, (caller) => {
    const { ask, fds, socket, reply } = caller
    if (ask.kind === 'run') {
      void runFor(served, caller, ask)
        .catch((error: unknown) =>
          reply({ kind: 'refused', why: error instanceof Error ? error.message : String(error) }),
        )
        .finally(() => {
          for (const fd of fds) closeSync(fd)
          socket.end()
        })
      return
    }
    for (const fd of fds) closeSync(fd)
    if (ask.kind === 'about') {
      reply({ kind: 'about', pid: process.pid, sinceMs, configuration: served.host.judged.config.file })
      socket.end()
    } else if (ask.kind === 'down') {
      ending.push(caller)
      served.onDown()
    } else if (ask.kind === 'plan') void answerPlan(applying, caller)
    else if (ask.kind === 'apply') void answerApply(served, applying, caller, ask.ask)
    else socket.destroy()
  })
  if (!door.ok) return door
  return ok({
    close(unwritten) {
      for (const caller of ending) caller.reply({ kind: 'down', unwritten })
      door.value.close()
    },
  })
}

async function answerPlan(applying: Applying, { socket, reply }: Caller): Promise<void> {
  const planned = await applying.plan().catch((error: unknown) => no(failed(error)))
  reply({ kind: 'planned', planned })
  socket.end()
}

async function answerApply(
  { log }: ServedHost,
  applying: Applying,
  { socket, reply }: Caller,
  ask: ApplyAsk,
): Promise<void> {
  const applied = await applying.apply(ask).catch((error: unknown) => no(failed(error)))
  log(applied.ok ? `another configuration is in force, by ${ask.by}` : `no other configuration: ${applied.reason.kind}`)
  reply({ kind: 'applied', applied })
  socket.end()
}

function failed(error: unknown): ApplyFault {
  return { kind: 'lost', problem: error instanceof Error ? error.message : String(error) }
}

async function runFor(served: ServedHost, { fds, socket, reply }: Caller, ask: HostRunAsk): Promise<void> {
  const { host, log } = served
  const { stateDirectory } = host
  const declared = host.judged.config.agents.get(agentName(ask.agent))
  const [stdin, stdout, stderr] = fds
  if (declared === undefined)
    return reply({ kind: 'refused', why: `the configuration that the host has read declares no agent "${ask.agent}"` })
  // A person who has narrowed it since does not run by what it was.
  if (!isBy(host, declared, ask)) return reply({ kind: 'refused', why: OTHER_CONFIGURATION })
  const other = otherSecret(host.judged.config, declared.environment, ask.secrets)
  if (other !== undefined) return reply({ kind: 'refused', why: other })
  if (stdin === undefined || stdout === undefined || stderr === undefined)
    return reply({ kind: 'refused', why: 'its streams did not come' })
  let run: AgentRun | undefined
  let isGone = false
  const gone = () => {
    isGone = true
    run?.kill()
  }
  // The kernel's word that whoever asked has ended: a run that is killed takes its cell along.
  socket.on('close', gone).on('end', gone)
  hearLines<HostSignal>(socket, ({ signal }) => {
    if (signal === 'SIGWINCH' || FORWARDED.includes(signal)) run?.signal(signal)
  })
  socket.resume()
  const environment = await host.environment(declared.environment)
  if (!environment.ok) return reply({ kind: 'refused', why: environment.reason })
  // Another may have been applied while it opened.
  if (!isBy(host, declared, ask)) return reply({ kind: 'refused', why: OTHER_CONFIGURATION })
  // Before the first byte is shown: whoever decides on that terminal is to be told (S9).
  const shown = noteShownBy(environment.value.runDirectory, ask.pid)
  if (!shown.ok) return reply({ kind: 'refused', why: shown.reason })
  try {
    run = new AgentRun(environment.value, {
      agent: declared.name,
      command: ask.command,
      piped: ask.piped,
      ...(ask.task && { task: ask.task }),
      stopMark: ask.stopMark,
      stdio: () => ask.stdio,
      streams: { stdin, stdout, stderr },
      heard: (event) => reply({ kind: 'event', event }),
    })
    if (isGone) run.kill()
    log(`${declared.name} runs for process ${ask.pid}, in ${stateDirectory}`)
    const end = await run.ended
    reply({ kind: 'end', end })
    log(
      `${declared.name} has ended for process ${ask.pid}: ${end.kind === 'ended' ? `${end.cell}, exit ${end.exit.code}` : end.why}`,
    )
  } finally {
    shown.value()
  }
}

/** Tells whether the person who asks has read the configuration that the host goes by. */
function isBy({ judged }: Host, { environment }: Agent, { configuration }: HostRunAsk): boolean {
  return digestFor(judged, environment) === configuration
}

const OTHER_CONFIGURATION = 'the configuration is another than the host has read: firebreak apply'
