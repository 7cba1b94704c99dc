import { chmodSync, mkdirSync, mkdtempSync, readdirSync, rmdirSync, rmSync, statSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import process from 'node:process'
import { launchFaultText } from '../../cells/spec.ts'
import { offering } from '../../config/called-on.ts'
import type { Agent, CellConfig, Config } from '../../config/config.ts'
import { knownDriver } from '../../host/drivers.ts'
import { Host } from '../../host/host.ts'
import { cellSpec } from '../../host/prepare/cell-spec.ts'
import { type Inspected, inspectUpstreams } from '../../host/prepare/inspect.ts'
import type { Judged } from '../../host/prepare/setup.ts'
import { storesOf } from '../../host/state/stores.ts'
import { TRIAL, tenantOf, tenantState } from '../../host/state/tenants.ts'
import { rungIn } from '../../host/stop/rung-in.ts'
import { standingFence } from '../../host/stop/standing-fence.ts'
import { faultText } from '../../ledger/log/fault.ts'
import { type AgentName, no, ok, type Result, type UpstreamName } from '../../model/index.ts'

/** Returns why the warden would refuse a cell by what is asked for alone; nothing is made. */
export async function cellRefusal(
  config: Config,
  stateDirectory: string,
  name: string,
  cell: CellConfig,
): Promise<string | undefined> {
  const state = { directory: stateDirectory, workspace: (each: string) => `${stateDirectory}/workspaces/${each}` }
  const spec = cellSpec(config, state, {
    name,
    cell,
    command: ['true'],
    stdio: { kind: 'pipes' },
    listener: true,
    variables: Object.fromEntries(cell.env),
    about: { part: 'person', state: stateDirectory, environment: '' },
  })
  const driver = await knownDriver(cell.driver)
  if (!driver.ok) return driver.reason
  const refused = driver.value.refusal(spec)
  return refused && launchFaultText(refused)
}

/** Findings of the launches that were tried, and of the upstreams that were asked. */
export interface Tried {
  readonly launches: ReadonlyMap<AgentName, Result<void, string>>
  readonly offered: ReadonlyMap<UpstreamName, Inspected>
}

/**
 * Does for each agent what `firebreak run` does, up to the first instruction of its program: secrets are read, gateway,
 * witness and stdio servers are started, its cell is built and stands blocked. Then all of it is taken down. Each upstream
 * is asked what it offers. All happens in states of their own beside the real one, which are gone afterwards: nothing is
 * recorded, and no workspace is in use.
 *
 * @param refused agents that cannot start as it is: they are not tried.
 * @param progress hears what is tried next.
 */
export async function tryAll(
  judged: Judged,
  state: string,
  refused: ReadonlySet<AgentName>,
  progress: (text: string) => void,
): Promise<Tried> {
  const launches = new Map<AgentName, Result<void, string>>()
  const stopMark = storesOf(state).fences.stopMark()
  for (const agent of judged.config.agents.values()) {
    if (refused.has(agent.name)) continue
    progress(`starting ${agent.name} up to its first instruction`)
    const stands = await recordedFault(judged.config, agent, state)
    launches.set(agent.name, stands === undefined ? await tryLaunch(judged, agent, state, stopMark) : no(stands))
  }
  const upstreams = offering(judged.config.upstreams.values())
  if (upstreams.length === 0) return { launches, offered: new Map() }
  progress(`asking ${upstreams.map(({ name }) => name).join(', ')}`)
  const offered =
    storesOf(state).fences.stopMark() === stopMark
      ? await inScratchState(state, (scratch) => inspectUpstreams(judged, upstreams, scratch))
      : no('all were ordered to stop meanwhile')
  if (offered.ok) return { launches, offered: offered.value }
  const all = upstreams.map(({ name }) => [name, { problem: offered.reason, said: [] }] as const)
  return { launches, offered: new Map(all) }
}

/**
 * Returns why what earlier runs have left keeps an agent from starting: it is contained, or what is recorded cannot be
 * read.
 */
async function recordedFault(config: Config, agent: Agent, stateDirectory: string): Promise<string | undefined> {
  const own = tenantState(stateDirectory, tenantOf(config, agent.environment))
  const fence = standingFence(stateDirectory, own)
  const stands = fence.ok ? rungIn(fence.value, agent) : fence
  if (!stands.ok) return stands.reason
  const { logs } = storesOf(own)
  if (!(await logs.names())?.includes(agent.environment)) return undefined
  for await (const entry of logs.log(agent.environment).read())
    if (!entry.ok) return `its ledger: ${faultText(entry.reason)}`
  return undefined
}

async function tryLaunch(
  judged: Judged,
  agent: Agent,
  stateDirectory: string,
  stopMark: string,
): Promise<Result<void, string>> {
  return inScratchState(stateDirectory, async (scratch) => {
    const host = new Host({ judged, stateDirectory: scratch, heeds: stateDirectory })
    try {
      const environment = await host.environment(agent.environment)
      if (!environment.ok) return environment
      const [program = 'true', ...args] = agent.command
      const ask = { agent: agent.name, command: [program, ...args], stdio: { kind: 'pipes' }, stopMark } as const
      const launched = await environment.value.launch(ask)
      if (!launched.ok) return launched
      const { gone, checks } = await launched.value.cell.teardown()
      await launched.value.ended
      const left = checks.filter((check) => !check.gone).map(({ what, detail }) => `${what}: ${detail}`)
      return gone ? ok(undefined) : no(`something of its cell stayed: ${left.join(', ')}`)
    } finally {
      await host.close('it was only tried')
    }
  })
}

/** Runs `act` with a state that is gone afterwards, on the disk of the real one. What goes wrong in it is a reason. */
export async function inScratchState<T>(
  stateDirectory: string,
  act: (scratch: string) => Promise<Result<T, string>>,
): Promise<Result<T, string>> {
  let scratch: string | undefined
  const parent = dirname(stateDirectory)
  const made = mkdirSync(parent, { recursive: true })
  try {
    removeStale(stateDirectory)
    scratch = mkdtempSync(`${stateDirectory}${TRIAL}`)
    chmodSync(scratch, 0o711)
    return await act(scratch)
  } catch (error) {
    return no(error instanceof Error ? error.message : String(error))
  } finally {
    if (scratch !== undefined) rmSync(scratch, { recursive: true, force: true })
    // Where nothing had run yet, and nothing has begun to meanwhile.
    if (made !== undefined && readdirSync(parent).length === 0) rmdirSync(parent)
  }
}

const STALE_MS = 3_600_000

/** Removes what a doctor that was killed has left. */
function removeStale(stateDirectory: string): void {
  const parent = dirname(stateDirectory)
  for (const name of readdirSync(parent)) {
    const path = join(parent, name)
    if (!name.startsWith(`${basename(stateDirectory)}${TRIAL}`)) continue
    const { mtimeMs, uid } = statSync(path)
    if (uid === process.getuid?.() && Date.now() - mtimeMs > STALE_MS) rmSync(path, { recursive: true, force: true })
  }
}
