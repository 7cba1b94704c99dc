import { existsSync } from 'node:fs'
import process from 'node:process'
import { loadConfig } from '../config/load.ts'
import { type Judged, judgeConfig } from '../host/prepare/setup.ts'
import { logsOf } from '../host/state/logs.ts'
import { type AgentName, type CellId, cellId, no, ok, type Result, sourceText } from '../model/index.ts'
import type { Incident } from '../recovery/incident/incident.ts'
import { agentOfCell, type IncidentPlace, makeIncident } from './incident.ts'

/** The question what there is to tell of one cell. */
export interface IncidentAsk {
  /** Id of the cell, as a person gave it. */
  readonly cell: string
  /** Path of the configuration at hand; a page is made without one, too, and says what it lacks. */
  readonly configuration: string
}

/** The reason why there is no page of a cell. */
export type IncidentFault =
  /** The logs of the state cannot be listed. */
  | { readonly kind: 'unread'; readonly problem: string }
  /** The text is no id of a cell; where it is an agent's name, `started` has the last of its cells. */
  | { readonly kind: 'not-a-cell'; readonly started: readonly StartedCell[] }
  /** No log knows the cell, and each could be read. */
  | { readonly kind: 'no-cell'; readonly cell: CellId }

/** A cell as it was started. */
export interface StartedCell {
  readonly cell: CellId
  /** Epoch ms. */
  readonly atMs: number
}

/** Makes the page of a cell from the logs, receipts and seals of a state; writes nothing. */
export async function incidentOfCell(
  state: string,
  { cell: name, configuration }: IncidentAsk,
  nowMs: number,
): Promise<Result<Incident, IncidentFault>> {
  const logs = await logsOf(state)
  if (!logs.ok) return no({ kind: 'unread', problem: logs.reason })
  const places = logs.value
  const cell = cellIn(name)
  if (cell === undefined) return no({ kind: 'not-a-cell', started: await cellsOf(places, name) })
  const found = await placeOf(places, cell)
  if (found === undefined) return no({ kind: 'no-cell', cell })
  const judged = await configAtHand(configuration)
  return ok(await makeIncident({ ...found, cell, nowMs, judged }))
}

function cellIn(name: string): CellId | undefined {
  try {
    return cellId(name)
  } catch {
    return undefined
  }
}

const KNOWN_MAX = 5

/** Returns the last cells of an agent, for a person who has named that. */
async function cellsOf(places: readonly IncidentPlace[], agent: string): Promise<readonly StartedCell[]> {
  const cells: StartedCell[] = []
  for (const { log } of places) {
    for await (const entry of log.read()) {
      if (!entry.ok) break
      const { value } = entry
      if (value.kind === 'cell.started' && value.agent === agent) cells.push({ cell: value.cell, atMs: value.atMs })
    }
  }
  return cells.slice(-KNOWN_MAX)
}

/** Returns the log that has a cell's start; where none has and one is damaged, that one: its page says what cannot be known. */
async function placeOf(
  places: readonly IncidentPlace[],
  cell: CellId,
): Promise<{ readonly place: IncidentPlace; readonly agent: AgentName | undefined } | undefined> {
  let damaged: IncidentPlace | undefined
  for (const place of places) {
    const { agent, damage } = await agentOfCell(place.log, cell)
    if (agent !== undefined) return { place, agent }
    if (damage !== undefined) damaged ??= place
  }
  return damaged && { place: damaged, agent: undefined }
}

async function configAtHand(file: string): Promise<Judged | { readonly problem: string }> {
  if (!existsSync(file)) return { problem: `There is no configuration at hand: ${file} is missing.` }
  const loaded = await loadConfig(file, { node: process.execPath })
  const judged = loaded.ok ? await judgeConfig(loaded.value) : loaded
  if (judged.ok) return judged.value
  const [first] = judged.reason
  const why = first === undefined ? '' : `: ${sourceText(first.source)} ${first.message}`
  return { problem: `The configuration at hand cannot be read${why}` }
}
