import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { liesIn, resolvedPath } from '../cells/paths.ts'
import type { Agent, Config } from '../config/config.ts'
import type { LandedWork } from '../gateway/setup.ts'
import { type AgentName, type Label, no, ok, type Result, UNTRUSTED } from '../model/index.ts'
import { writeDurably } from './durable-file.ts'
import { markUsed } from './workspace-marks.ts'
import { agentOf } from './workspace-names.ts'

/** Work of one workspace in a directory of the host: it may hold whatever its cells had seen until then. */
interface Landed {
  /** Resolved. */
  readonly path: string
  readonly workspace: string
  /** Epoch ms. */
  readonly untilMs: number
}

/**
 * Writes down that changes of a workspace are going to stand in `path`, before they do: then no death of ours leaves files
 * without a mark. Returns what takes the mark back, for where nothing has landed. Throws where the disk does not take it.
 */
export function markLanded(stateDirectory: string, { path, workspace, untilMs }: Landed): () => void {
  const before = read(stateDirectory)
  const isOf = (each: Landed) => each.path === path && each.workspace === workspace
  const others = before.filter((each) => !isOf(each))
  const untils = before.filter(isOf).map((each) => each.untilMs)
  write(stateDirectory, [...others, { path, workspace, untilMs: Math.max(untilMs, ...untils) }])
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
    const shown = [...(workspace === undefined ? [] : [workspace]), ...files.values()].map(resolvedPath)
    const landed = read(stateDirectory).filter(({ path }) =>
      shown.some((each) => liesIn(each, path) || liesIn(path, each)),
    )
    return ok(landed.map((each) => workOf(each, config, agent)))
  } catch (error) {
    const problem = error instanceof Error ? error.message : String(error)
    return no(`what has landed in its files cannot be told (${problem}): mend or remove ${fileOf(stateDirectory)}`)
  }
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
  writeDurably(fileOf(stateDirectory), `${JSON.stringify(landed)}\n`)
}

/** Our own file, written whole. One that cannot be read is no empty one. */
function read(stateDirectory: string): readonly Landed[] {
  try {
    return JSON.parse(readFileSync(fileOf(stateDirectory), 'utf8')) as readonly Landed[]
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return []
    throw error
  }
}

function fileOf(stateDirectory: string): string {
  return join(stateDirectory, 'landed.json')
}
