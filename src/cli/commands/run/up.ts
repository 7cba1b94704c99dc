import { spawn } from 'node:child_process'
import { mkdirSync, openSync } from 'node:fs'
import { join } from 'node:path'
import process from 'node:process'
import { setTimeout as delay } from 'node:timers/promises'
import { unstartable } from '../../../host/drivers.ts'
import { Host } from '../../../host/host.ts'
import { NOT_SEARCHED } from '../../../host/shown/shown.ts'
import { withinState } from '../../../host/state/named-state.ts'
import type { Unwritten } from '../../../host/stop/fence-again.ts'
import { reachHost } from '../../../host/up/reach-host.ts'
import { serveHost } from '../../../host/up/serve-host.ts'
import { no } from '../../../model/index.ts'
import { type Call, CONFIG_OPTION, type Command, EXIT, type ExitCode } from '../../command.ts'
import { readConfig } from '../../options/config.ts'
import { stateOf } from '../../options/state.ts'
import { printable } from '../../print/printable.ts'

export const command: Command = {
  name: 'up',
  usage: ['firebreak up [--detach] [--config <file>] [--state <dir>]'],
  example: 'firebreak up --detach\nfirebreak run --agent refund-bot',
  options: {
    ...CONFIG_OPTION,
    state: { type: 'string', value: 'dir', help: 'where runs keep their state (default: .firebreak beside it)' },
    detach: { type: 'boolean', help: 'go on without this terminal; what it has to say is kept in log/host.log there' },
  },
  run: (call) => (call.flag('detach') ? detach(call) : up(call)),
}

async function up(call: Call): Promise<ExitCode> {
  const stateDirectory = stateOf(call)
  const within = withinState(stateDirectory)
  if (within !== undefined) {
    call.print.fault(`not up: ${within.problem}: no order to all there would reach it`)
    return EXIT.usage
  }
  const judged = await readConfig(call, stateDirectory)
  if (!judged.ok) return judged.reason
  const { config } = judged.value
  const faults = await unstartable(config)
  const [[, fault] = []] = faults
  if (fault !== undefined && faults.size === config.environments.size) {
    call.print.fault(`not up: ${fault}`, 'firebreak doctor tells what this host can give')
    return EXIT.failed
  }
  const log = (text: string) => call.print.line(`${new Date().toISOString()} ${printable(text)}`)
  const onUnsearched = (whose: string, what: string) => log(`${whose}: ${NOT_SEARCHED} ${what}`)
  const host = new Host({ judged: judged.value, stateDirectory, onUnsearched })
  const { promise: down, resolve: onDown } = Promise.withResolvers<void>()
  const door = await serveHost({ host, onDown, log }).catch((error: unknown) =>
    no(error instanceof Error ? error.message : String(error)),
  )
  if (!door.ok) {
    call.print.fault(`not up: ${door.reason}`, 'firebreak down ends the one that is')
    return EXIT.failed
  }
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, () => onDown())
  // It outlives the terminal that it was started on.
  process.on('SIGHUP', () => undefined)
  for (const [name, why] of faults) log(`environment ${name} starts no cell: ${why}`)
  log(`up: process ${process.pid} holds the agents of ${config.file}; firebreak down ends it`)
  // The door's own socket does not keep the process, nor does an idle gateway.
  const awake = setInterval(() => undefined, 2 ** 30)
  await down
  clearInterval(awake)
  log('going down')
  const unwritten = await host.close('the host goes down')
  door.value.close(unwritten)
  for (const each of unwritten) log(unwrittenText(each))
  log('down')
  return unwritten.length > 0 ? EXIT.contained : EXIT.ok
}

function unwrittenText({ agents, order, problem }: Unwritten): string {
  return `${agents.join(', ')}: ordered to be ${order.rung} (order ${order.id}), and the fence does not say so: ${problem}; firebreak contain writes it`
}

/** Milliseconds for a host to be there. */
const START_MS_MAX = 60_000
const LOOK_EVERY_MS = 50

/** Starts a host in a session of its own, and waits until it answers. */
async function detach(call: Call): Promise<ExitCode> {
  const stateDirectory = stateOf(call)
  const already = await reachHost(stateDirectory)
  if (!already.ok || already.value !== undefined) {
    call.print.fault(`not up: ${already.ok ? 'a host is up already' : already.reason}`, 'firebreak down ends it')
    return EXIT.failed
  }
  mkdirSync(join(stateDirectory, 'log'), { recursive: true, mode: 0o711 })
  const path = join(stateDirectory, 'log', 'host.log')
  const log = openSync(path, 'a', 0o600)
  const args = process.argv.slice(1).filter((arg) => arg !== '--detach' && arg !== '--json')
  const child = spawn(process.execPath, [...process.execArgv, ...args], { detached: true, stdio: ['ignore', log, log] })
  const ended = new Promise<'ended'>((resolve) => child.once('exit', () => resolve('ended')))
  for (const until = performance.now() + START_MS_MAX; performance.now() < until; ) {
    const there = await reachHost(stateDirectory)
    const about = there.ok ? await there.value?.about() : undefined
    if (about?.ok) {
      child.unref()
      call.print.line(`up: process ${about.value.pid}, which writes to ${path}`)
      call.print.object({ ok: true, pid: about.value.pid, log: path })
      return EXIT.ok
    }
    if ((await Promise.race([ended, delay(LOOK_EVERY_MS)])) === 'ended') break
  }
  child.kill()
  call.print.fault(`not up: ${path} says why`)
  return EXIT.failed
}
