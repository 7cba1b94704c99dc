import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { constants } from 'node:os'
import { dirname, resolve } from 'node:path'
import process from 'node:process'
import type { CellStdio } from '../../cells/cell.ts'
import { openRuntime, type Runtime } from '../../control/runtime.ts'
import { type Call, type Command, EXIT, type ExitCode } from '../command.ts'
import { readConfig } from '../config.ts'

export const command: Command = {
  name: 'run',
  summary: 'Run a program as a declared agent, contained',
  usage: ['firebreak run --config <file> --agent <name> [--state <dir>] [-- command…]'],
  example: 'firebreak run --config firebreak.yaml --agent refund-bot -- claude -p "answer the open tickets"',
  options: {
    config: { type: 'string', short: 'c', value: 'file', help: 'the configuration (default: firebreak.yaml)' },
    agent: { type: 'string', short: 'a', value: 'name', help: 'which agent of it' },
    state: {
      type: 'string',
      value: 'dir',
      help: 'where ledger, witness and changes are kept (default: .firebreak beside it)',
    },
  },
  run,
}

async function run(call: Call): Promise<ExitCode> {
  const read = await readConfig(call)
  if (!read.ok) return read.reason
  const { config } = read.value
  const name = call.text('agent')
  const agent = [...config.agents.values()].find((each) => each.name === name)
  if (agent === undefined) {
    const names = [...config.agents.keys()].join(', ')
    call.print.fault(name === undefined ? '--agent is missing' : `there is no agent "${name}"`, `declared: ${names}`)
    return EXIT.usage
  }
  const [program, ...args] = call.rest.length > 0 ? call.rest : agent.command
  if (program === undefined) {
    call.print.fault(`agent "${agent.name}" has no command`, 'give one after --, or `command:` in the configuration')
    return EXIT.usage
  }
  const stateDirectory = resolve(call.text('state') ?? `${dirname(config.file)}/.firebreak`)
  const runtime = await openRuntime({ judged: read.value, agent, stateDirectory })
  if (!runtime.ok) {
    call.print.fault(`not started: ${runtime.reason}`, 'firebreak doctor tells what this host can give')
    return EXIT.failed
  }
  try {
    return await runIn(runtime.value, [program, ...args], call)
  } finally {
    await runtime.value.close('the run has ended')
  }
}

async function runIn(runtime: Runtime, program: readonly [string, ...string[]], call: Call): Promise<ExitCode> {
  const launched = await runtime.launch(program, { kind: 'pipes' })
  if (!launched.ok) {
    call.print.fault(`not started: ${launched.reason}`, 'firebreak doctor tells what this host can give')
    return EXIT.failed
  }
  const { cell, ended } = launched.value
  const pumped = pump(cell.stdio, runtime.state.uidOf('pump'))
  const forward = (signal: NodeJS.Signals) => void cell.signal(constants.signals[signal])
  for (const signal of FORWARDED) process.on(signal, forward)
  cell.start()
  const { exit, teardown, lost } = await ended
  for (const signal of FORWARDED) process.off(signal, forward)
  await pumped()
  if (lost !== undefined) {
    call.print.fault(`the cell was ended: ${lost}`, 'nothing that it did after that was admitted')
    return EXIT.failed
  }
  if (!teardown.gone) {
    const left = teardown.checks.filter((check) => !check.gone).map((check) => `${check.what}: ${check.detail}`)
    call.print.fault('the cell has ended, but something of it is left', ...left)
    return EXIT.failed
  }
  if (exit.why === 'wall-clock' || exit.why === 'out-of-memory') call.print.fault(`the cell was ended: ${exit.why}`)
  call.print.object({ ok: true, cell: cell.id, exit, teardown })
  return exit.code
}

const FORWARDED: readonly NodeJS.Signals[] = ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGQUIT', 'SIGUSR1', 'SIGUSR2']

/**
 * Carries bytes between the person's streams and the cell's pipes, in processes of an unprivileged uid: the cell never
 * holds a descriptor of the host, and the warden never touches a byte of the cell. Returns how to wait for the last one.
 */
function pump(stdio: CellStdio, uid: number | undefined): () => Promise<void> {
  if (stdio.kind !== 'pipes') throw new Error('a terminal has a pump of its own')
  const as = uid === undefined ? {} : { uid, gid: uid }
  const copy = (from: number, to: number) =>
    spawn('/bin/cat', [], { stdio: [from, to, 'ignore'], detached: true, env: {}, ...as }).on('error', () => undefined)
  const stdin = copy(0, stdio.stdin.fd)
  const outs = [copy(stdio.stdout.fd, 1), copy(stdio.stderr.fd, 2)]
  for (const handle of [stdio.stdin, stdio.stdout, stdio.stderr]) handle.close()
  stdin.unref()
  return async () => {
    stdin.kill('SIGKILL')
    await Promise.all(
      outs.map((out) => (out.exitCode === null && out.signalCode === null ? once(out, 'exit') : undefined)),
    )
  }
}
