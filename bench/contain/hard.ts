/**
 * Time to contain where it is hard: one order to a cell that ignores every signal and spins, as it is; with every core
 * loaded by others; with its gateway killed in the moment of the order; and with the state's disk full.
 */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { cpus } from 'node:os'
import { join } from 'node:path'
import process from 'node:process'
import { setTimeout as delay } from 'node:timers/promises'
import { Host } from '../../src/host/host.ts'
import { askWardens } from '../../src/host/people/control-socket.ts'
import type { Judged } from '../../src/host/prepare/setup.ts'
import { readStopMark } from '../../src/host/stop/fence.ts'
import { newOrderId } from '../../src/host/stop/stop.ts'
import { childrenOf } from '../../test/kit/host.ts'

const DEAF =
  "trap '' INT TERM HUP QUIT USR1 USR2; for i in 1 2 3 4; do (while :; do :; done) & done; while :; do :; done"
const DISK = '96m'
const ANSWER_MS_MAX = 60_000

/** What stands in the way; returns what takes it away again. */
type Obstacle = (stateDirectory: string) => () => void

const OBSTACLES: Readonly<Record<'deaf' | 'saturated' | 'gatewayKilled' | 'diskFull', Obstacle>> = {
  deaf: () => () => undefined,
  saturated: () => {
    const spinning = Array.from({ length: cpus().length * 8 }, () => spawn('sh', ['-c', 'while :; do :; done']))
    return () => spinning.forEach(end)
  },
  gatewayKilled: () => {
    for (const pid of childrenOf(process.pid, 'gateway/main')) process.kill(pid, 'SIGKILL')
    return () => undefined
  },
  diskFull: (stateDirectory) => {
    const filler = join(stateDirectory, 'filler')
    for (const size of [1_048_576, 4_096, 1]) {
      try {
        for (;;) writeFileSync(filler, Buffer.alloc(size), { flag: 'a' })
      } catch {
        // Full, but for what is smaller.
      }
    }
    return () => rmSync(filler)
  },
}

/** Milliseconds from the order to the last confirmation, sorted; `confirmed` counts orders of which every point has confirmed. */
export async function hardStops(directory: string, judge: (place: string) => Promise<Judged>, ms: number) {
  const times = { deaf: [], saturated: [], gatewayKilled: [], diskFull: [] } as Record<keyof typeof OBSTACLES, number[]>
  let [orders, confirmed] = [0, 0]
  const until = performance.now() + ms
  for (let round = 0; round < 3 || (performance.now() < until && round < 50); round++) {
    for (const [name, obstacle] of Object.entries(OBSTACLES)) {
      const one = await stopOnce(join(directory, `${name}-${round}`), judge, obstacle, name === 'diskFull')
      times[name as keyof typeof OBSTACLES].push(one.ms)
      orders++
      if (one.contained) confirmed++
    }
  }
  return { times, orders, confirmed }
}

async function stopOnce(place: string, judge: (place: string) => Promise<Judged>, obstacle: Obstacle, small: boolean) {
  mkdirSync(place)
  const stateDirectory = join(place, 'state')
  mkdirSync(stateDirectory)
  if (small) mount('mount', '-t', 'tmpfs', '-o', `size=${DISK},mode=711`, 'tmpfs', stateDirectory)
  try {
    const judged = await judge(place)
    const [agent] = judged.config.agents.values()
    if (agent === undefined) throw new Error('no agent')
    const state = join(stateDirectory, 'firebreak')
    const host = new Host({ judged, stateDirectory: state })
    const environment = await host.environment(agent.environment)
    if (!environment.ok) throw new Error(environment.reason)
    const command = ['bash', '-c', DEAF] as const
    const ask = { agent: agent.name, command, stdio: { kind: 'pipes' }, stopMark: readStopMark(state) } as const
    const launched = await environment.value.launch(ask)
    if (!launched.ok) throw new Error(launched.reason)
    launched.value.cell.start()
    await delay(300)
    const away = obstacle(stateDirectory)
    const { ms, contained } = await orderAll(state)
    away()
    await host.close('the bench has ended')
    await launched.value.ended
    return { ms, contained }
  } finally {
    if (small) mount('umount', stateDirectory)
  }
}

/** One order to everything of a state, as a person gives it: ms until the last of its points has confirmed. */
export async function orderAll(stateDirectory: string) {
  const order = { id: newOrderId(), target: { kind: 'all' }, rung: 'frozen', by: 'bench', why: 'bench' } as const
  const begun = performance.now()
  const confirmed: string[] = []
  let [ms, contained] = [0, false]
  await askWardens(
    stateDirectory,
    { kind: 'contain', order },
    (reply) => {
      if (reply.kind === 'done') contained = reply.ok
      if (reply.kind !== 'confirmation' || !reply.confirmation.confirmed) return
      confirmed.push(reply.confirmation.point)
      ms = performance.now() - begun
    },
    ANSWER_MS_MAX,
  )
  return { ms, contained, confirmed }
}

function mount(program: string, ...args: readonly string[]): void {
  const { status, stderr } = spawnSync(program, args, { encoding: 'utf8' })
  if (status !== 0) throw new Error(`${program}: ${stderr}`)
}

function end(child: ChildProcess): void {
  child.kill('SIGKILL')
}
