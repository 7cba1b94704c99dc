/** Holds a first configuration against what `run` takes, before anybody relies on it. */
import { dirname, join } from 'node:path'
import process from 'node:process'
import type { CellConfig, Config } from '../../config/config.ts'
import { loadConfig } from '../../config/load.ts'
import type { LeftOut } from '../../config/mcp-servers.ts'
import { cellRefusal } from '../../control/advice/try-launch.ts'
import { inspectedWorkspace } from '../../host/files/workspace-names.ts'
import { judgeConfig } from '../../host/prepare/setup.ts'
import { lookThrough } from '../../host/shown/shown.ts'
import { type First, type FirstUpstream, firstConfig } from './first-config.ts'

/**
 * Returns those upstreams that make a configuration by themselves, and the others with why they do not: one that does not
 * fit costs no other.
 *
 * @param file where a configuration stands already: it is not read.
 * @param values of its secrets, which are looked for in what cells would be shown.
 */
export async function fitUpstreams(
  file: string,
  first: Omit<First, 'upstreams'>,
  upstreams: readonly FirstUpstream[],
  values: ReadonlyMap<string, string>,
): Promise<{ readonly fit: readonly FirstUpstream[]; readonly leftOut: readonly LeftOut[] }> {
  const faults = new Map<FirstUpstream, string>()
  const agent = { name: 'hello', owner: first.agent.owner }
  for (const upstream of upstreams) {
    const on = { ...upstream, server: { ...upstream.server, disabled: false } }
    const text = firstConfig({ ...first, agent, leftOut: [], upstreams: [on] })
    // The agent here is none that runs.
    const fault = await faultIn(file, text, values, serverCells)
    if (fault !== undefined) faults.set(upstream, fault)
  }
  return {
    fit: upstreams.filter((upstream) => !faults.has(upstream)),
    leftOut: [...faults].map(([{ server }, why]) => ({ key: server.key, why })),
  }
}

/** Returns why a configuration with this text is not taken, or one of its cells is refused. */
export function startFault(
  file: string,
  text: string,
  values: ReadonlyMap<string, string>,
): Promise<string | undefined> {
  return faultIn(file, text, values, (config) => [
    ...[...config.agents.values()].map(({ name, cell }) => ({ name, cell })),
    ...serverCells(config),
  ])
}

interface NamedCell {
  readonly name: string
  readonly cell: CellConfig
}

function serverCells({ upstreams }: Config): readonly NamedCell[] {
  return [...upstreams.values()].flatMap((upstream) =>
    upstream.server.kind === 'stdio' ? [{ name: inspectedWorkspace(upstream), cell: upstream.server.cell }] : [],
  )
}

async function faultIn(
  file: string,
  text: string,
  values: ReadonlyMap<string, string>,
  cellsOf: (config: Config) => readonly NamedCell[],
): Promise<string | undefined> {
  const loaded = await loadConfig(file, { node: process.execPath }, text)
  const judged = loaded.ok ? await judgeConfig(loaded.value) : loaded
  if (!judged.ok)
    return judged.reason.map(({ message, expected }) => [message, expected].filter(Boolean).join(' → ')).join('; ')
  const { config } = judged.value
  const state = join(dirname(file), '.firebreak')
  for (const { name, cell } of cellsOf(config)) {
    const refusal = (await cellRefusal(config, state, name, cell)) ?? (await lookThrough(config, cell, values)).refusal
    if (refusal !== undefined) return `its cell is refused: ${refusal}`
  }
  return undefined
}
