import { readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import type { Agent, Config } from '../../config/config.ts'
import type { LandedWork } from '../../ledger/views/seen-labels.ts'
import { liesAt, mountsNow, placeOf, shownWith } from '../../model/host/host-places.ts'
import { failedWith } from '../../model/host/system-error.ts'
import { type AgentName, type Label, no, ok, parseJson, type Result, UNTRUSTED } from '../../model/index.ts'
import { upwards } from '../programs/places.ts'
import { writeDurably } from '../state/durable-file.ts'
import { inPart } from '../state/state-part.ts'
import { markUsed } from './workspace-marks.ts'
import { agentOf } from './workspace-names.ts'

/** Work of one workspace in a directory of the host: it may hold whatever its cells had seen until then. */
interface Landed {
  /** Resolved. */
  readonly path: string
  /** The directory's place on its device, by which it is known through other mounts. */
  readonly onDevice?: string
  /** The directory itself, by which it is known when it was renamed. */
  readonly directory?: string
  readonly workspace: string
  /** Epoch ms. */
  readonly untilMs: number
}

/**
 * Writes down that changes of a workspace are going to stand in `path`, before they do: then no death of ours leaves files
 * without a mark. Returns what takes the mark back, for where nothing has landed. Throws where the disk does not take it.
 */
export function markLanded(
  stateDirectory: string,
  { path, workspace, untilMs }: Pick<Landed, 'path' | 'workspace' | 'untilMs'>,
): () => void {
  const before = read(stateDirectory)
  const directory = identityOf(path)
  const isOf = (each: Landed) => each.path === path && each.workspace === workspace && each.directory === directory
  const others = before.filter((each) => !isOf(each))
  const untils = before.filter(isOf).map((each) => each.untilMs)
  const mark = { ...placeOf(path, mountsNow()), ...(directory !== undefined && { directory }) }
  write(stateDirectory, [...others, { ...mark, workspace, untilMs: Math.max(untilMs, ...untils) }])
  return () => write(stateDirectory, before)
}

/** Returns whose work has landed in something that a cell of that agent is shown, or why that cannot be told. */
export function landedFor(
  stateDirectory: string,
  config: Pick<Config, 'agents' | 'upstreams'>,
  agent: Agent,
): Result<readonly LandedWork[], string> {
  try {
    const { workspace, files } = agent.cell
    const mounts = mountsNow()
    const shown = [
      ...(workspace === undefined ? [] : [placeOf(workspace, mounts)]),
      ...[...files.values()].flatMap((from) => shownWith(placeOf(from, mounts), mounts)),
    ]
    const within = new Set(shown.flatMap(({ path }) => upwards(path)).map(identityOf))
    const landed = read(stateDirectory).filter(
      (mark) => within.has(mark.directory ?? 'none') || shown.some((each) => liesAt(each, mark) || liesAt(mark, each)),
    )
    return ok(landed.map((each) => workOf(each, config, agent)))
  } catch (error) {
    const problem = error instanceof Error ? error.message : String(error)
    return no(`what has landed in its files cannot be told (${problem}): mend or remove ${fileOf(stateDirectory)}`)
  }
}

/** Returns the identity of a directory: its inode, and when that was made, since numbers are given again. */
function identityOf(directory: string): string | undefined {
  const stats = statSync(directory, { bigint: true, throwIfNoEntry: false })
  return stats === undefined ? undefined : `${stats.dev}:${stats.ino}:${stats.birthtimeNs}`
}

function workOf({ workspace, untilMs }: Landed, config: Pick<Config, 'agents' | 'upstreams'>, to: Agent): LandedWork {
  const { agents } = config
  const all = [...agents.values()]
  const [served = ''] = workspace.split('+')
  const name = agentOf(workspace, all) ?? (served.replace(/--[0-9a-z]{16}$/, '') as AgentName)
  const from = agents.get(name)
  const otherwise = labelsIn(config, (environment) => from === undefined || environment === from.environment)
  return { agent: name, untilMs, otherwise, elsewhere: from !== undefined && from.environment !== to.environment }
}

/**
 * Writes down that a cell of that agent is going to write in its workspace, and returns the work of its cells in other
 * environments, whose ledgers say what they saw, or why that cannot be told.
 */
export function usedElsewhere(
  stateDirectory: string,
  config: Pick<Config, 'agents' | 'upstreams'>,
  { name, environment }: Pick<Agent, 'name' | 'environment'>,
  nowMs: number,
): Result<readonly LandedWork[], string> {
  try {
    const others = markUsed(stateDirectory, name, environment)
    if (others.length === 0) return ok([])
    const otherwise = labelsIn(config, (each) => others.includes(each))
    return ok([{ agent: name, untilMs: nowMs, otherwise, elsewhere: true }])
  } catch (error) {
    const problem = error instanceof Error ? error.message : String(error)
    return no(
      `what its workspace holds cannot be told (${problem}): mend or remove workspaces.json in ${stateDirectory}`,
    )
  }
}

/** Returns every label that cells could have come by in those environments, by the configuration. */
function labelsIn(
  { agents, upstreams }: Pick<Config, 'agents' | 'upstreams'>,
  isThere: (environment: string) => boolean,
): readonly Label[] {
  const returned = [...upstreams.values()]
    .filter(({ environment }) => isThere(environment))
    .flatMap(({ tools }) => [...tools.values()].flatMap(({ returns = [] }) => returns))
    .flatMap(({ labels }) => labels)
  const begun = [...agents.values()]
    .filter(({ environment }) => isThere(environment))
    .flatMap(({ cell }) => cell.labels)
  return [...new Set([UNTRUSTED, ...returned, ...begun])]
}

function write(stateDirectory: string, landed: readonly Landed[]): void {
  inPart(stateDirectory, '', (directory) => writeDurably(join(directory, NAME), `${JSON.stringify(landed)}\n`))
}

/** Our own file, written whole. One that cannot be read is no empty one. */
function read(stateDirectory: string): readonly Landed[] {
  try {
    return parseJson(readFileSync(fileOf(stateDirectory), 'utf8')) as unknown as readonly Landed[]
  } catch (error) {
    if (failedWith(error, 'ENOENT')) return []
    throw error
  }
}

function fileOf(stateDirectory: string): string {
  return join(stateDirectory, NAME)
}

const NAME = 'landed.json'
