import { setTimeout as delay } from 'node:timers/promises'
import { CHANNEL_MESSAGE_BYTES_MAX } from '../../cells/descriptors.ts'
import type { Cell, Warden } from '../../cells/driver.ts'
import { asJson, type CellContained, type CellId, type EnvironmentName, type JsonObject } from '../../model/index.ts'
import { leaveUntold } from '../files/untold.ts'
import { workspaceFaultText } from '../files/workspace-fault.ts'
import type { State } from '../state/state.ts'
import { EVIDENCE_MS_MAX, FILES_MS_MAX, LEDGER_MS_MAX, RECORD_MS_MAX, WORD_EVERY_MS } from './bounds.ts'
import type { Confirmation, Receipt } from './containment.ts'
import { type Told, toldOf, writeReceipt } from './receipt.ts'
import { type Stop, type Stopping, stopCells } from './stop.ts'

export interface Containing extends Omit<Stop, 'fences'> {
  readonly state: State
  readonly environment: EnvironmentName
  readonly warden: Warden
  /** True when the ledger has it. */
  readonly record: (entry: CellContained) => Promise<boolean>
  /** Hears of what is still written when the person has been answered: a run does not end before it is. */
  readonly goesOn: (writing: Promise<unknown>) => void
}

/** The listener of a stop while it is carried out. */
export interface Hearing {
  readonly confirmation: (confirmation: Confirmation) => void
  /** Hears, once all points have been asked, that what there is to know is still being recorded. */
  readonly recording: () => void
}

/** The whole of a stop: first every confirmation; then, while they stand still, what there is to know of them. */
export async function contain(containing: Containing, hearing?: Hearing): Promise<Receipt> {
  const { order, stopping, leaving, agents, state } = containing
  const atMs = Date.now()
  const confirmations = await stopCells({ ...containing, fences: state.fences }, hearing?.confirmation)
  const contained = confirmations.every(({ confirmed }) => confirmed)
  const cells = [...stopping.map(({ cell }) => cell.id), ...leaving.map(({ cell }) => cell)]
  const receipt: Receipt = { order, atMs, cells, agents, confirmations, contained }
  const over = recordingAloud(() => hearing?.recording())
  try {
    return await recordStop(containing, receipt, cells)
  } finally {
    over()
  }
}

/**
 * Says at once, and each second until what it returns is called, that a stop is being recorded. No more often than a record
 * has seconds: a warden that hangs in one falls silent.
 */
export function recordingAloud(say: () => void): () => void {
  let left = RECORD_MS_MAX / WORD_EVERY_MS
  say()
  const timer = setInterval(() => {
    if (left-- > 0) say()
    else clearInterval(timer)
  }, WORD_EVERY_MS)
  timer.unref()
  return () => clearInterval(timer)
}

/** Gathers and keeps what there is to know of cells that were stopped; returns the receipt with what it lacks. */
async function recordStop(containing: Containing, receipt: Receipt, cells: readonly CellId[]): Promise<Receipt> {
  const { stopping, state, environment, services, number } = containing
  // In this tick: what has been killed is still to be seen only until it is torn down.
  const processes = await processesOf(stopping, EVIDENCE_MS_MAX)
  const files = await filesOf(containing)
  const evidence = asJson(
    Object.fromEntries(cells.map((cell) => [cell, { ...processes.get(cell), files: files.get(cell) }])),
  )
  // The last entries are on the disk then, or as much of them as there will be.
  if (cells.length > 0 && services.tell({ kind: 'settle', number }).ok)
    await services.said('answered', number, LEDGER_MS_MAX)
  const told = await toldOf(state.logs.log(environment), cells)
  const written = kept(state, receipt, evidence, told)
  const recording = recorded(containing, receipt, told)
  containing.goesOn(recording)
  const untold = await Promise.race([recording, delay(LEDGER_MS_MAX, LATER, { ref: false })])
  return { ...receipt, ...written, ...(untold !== undefined && { untold }) }
}

/**
 * Returns the evidence of each cell's processes, or that there was no time for it: the next is begun within `boundMs`, and
 * all in the tick of the call.
 */
export async function processesOf(
  stopping: readonly { readonly cell: Pick<Cell, 'id' | 'evidence'> }[],
  boundMs: number,
): Promise<ReadonlyMap<CellId, JsonObject>> {
  const until = performance.now() + boundMs
  const seen = stopping.map(async ({ cell }) => {
    const late = performance.now() > until
    const told = late ? { problem: 'others were looked at, and there was no time left' } : await cell.evidence()
    return [cell.id, asJson(told)] as const
  })
  return new Map(await Promise.all(seen))
}

const LATER = 'the ledger takes long, and has not got all of it yet'
const BY_THE_NEXT = 'no gateway is there to tell the ledger: the next run does'

/** Without a receipt it is contained all the same, and whoever has ordered it is told why there is none. */
function kept(
  state: State,
  receipt: Receipt,
  evidence: JsonObject,
  told: Told,
): Pick<Receipt, 'unwritten' | 'lacking'> {
  try {
    const lacking = writeReceipt(state.directory, receipt, evidence, told)
    return lacking === undefined ? {} : { lacking }
  } catch (error) {
    return { unwritten: error instanceof Error ? error.message : String(error) }
  }
}

/**
 * Records one entry for each cell that was stopped, that was being started and does not begin, or that was ending: it
 * tells of that cell alone, so that an order to a thousand does not stand a thousand times in the ledger. A start that an order only lowers
 * has none: nothing of it was stopped, and it begins on that rung. What no gateway takes is left for the next one; returns
 * what to say of that.
 */
async function recorded(containing: Containing, receipt: Receipt, told: Told): Promise<string | undefined> {
  const { record, state } = containing
  let untold: string | undefined
  const stopped = [
    ...containing.stopping.map(({ cell: { id }, agent, servers }) => ({ id, agent, servers })),
    ...containing.leaving.map(({ cell, agent }) => ({ id: cell, agent, servers: [] })),
  ]
  for (let i = 0; i < stopped.length; i += RECORDED_AT_ONCE) {
    const entries = stopped.slice(i, i + RECORDED_AT_ONCE).map(async ({ id, agent, servers }) => {
      const points = servers.map(({ point }) => point)
      const entry = containedEntry({ id, agent, points }, receipt, told)
      if (await record(entry)) return
      untold = leftForNext(state.directory, entry)
    })
    await Promise.all(entries)
  }
  return untold
}

interface Stopped {
  readonly id: CellId
  readonly agent: CellContained['agent']
  /** Points of its own that do not end in its name. */
  readonly points: readonly string[]
}

/**
 * Returns the entry of one cell: of what was confirmed it has what is about that cell, or about none. Without `told` it
 * says nothing of what may still land.
 */
export function containedEntry(
  { id, agent, points }: Stopped,
  { order, confirmations, contained, atMs }: Pick<Receipt, 'order' | 'confirmations' | 'contained' | 'atMs'>,
  told: Pick<Told, 'mayLand' | 'mayLandInAll'> | undefined,
): CellContained {
  const all = confirmations.filter(({ point }) => !/ of c_|^its server /.test(point))
  const own = confirmations.filter(({ point }) => point.endsWith(` ${id}`) || points.includes(point))
  const about = { order: order.id, by: order.by, why: order.why, atMs, contained, confirmations: asRoomIs(all, own) }
  const landing = told && { mayLand: told.mayLand.slice(0, TOLD_MAX), mayLandInAll: told.mayLandInAll }
  return { kind: 'cell.contained', cell: id, agent, rung: order.rung, receipt: asJson({ ...about, ...landing }) }
}

/**
 * Returns as many confirmations as one message to the gateway has room for. Past that, what was not confirmed comes first,
 * and what is about the cell; the signed receipt has all.
 */
function asRoomIs(all: readonly Confirmation[], own: readonly Confirmation[]): readonly Confirmation[] {
  let bytes = 0
  const hasRoom = (each: Confirmation) => {
    bytes += Buffer.byteLength(JSON.stringify(each))
    return bytes <= CONFIRMATIONS_BYTES_MAX
  }
  const told = [...all, ...own]
  if (told.every(hasRoom)) return told
  bytes = 0
  return [...own, ...all].toSorted((one, other) => Number(one.confirmed) - Number(other.confirmed)).filter(hasRoom)
}

/** Half of a message: what may still land stands beside them. */
const CONFIRMATIONS_BYTES_MAX = CHANNEL_MESSAGE_BYTES_MAX / 2

/** Leaves an entry for the next gateway; returns what to say of it. */
export function leftForNext(directory: string, entry: CellContained): string {
  try {
    leaveUntold(directory, entry)
    return BY_THE_NEXT
  } catch (error) {
    return `the ledger will not have it: ${error instanceof Error ? error.message : String(error)}`
  }
}

const RECORDED_AT_ONCE = 16
/** The newest; the signed receipt has more of them. */
const TOLD_MAX = 32

/** Returns what workspaces have become, as a helper cell reads it while their cells stand still. */
async function filesOf({ stopping, order, warden, state }: Containing): Promise<ReadonlyMap<string, JsonObject>> {
  if (order.rung !== 'frozen') return new Map()
  const until = delay(FILES_MS_MAX, undefined, { ref: false })
  const looked = stopping.slice(0, WORKSPACES_MAX).map(async ({ cell, workspace }: Stopping) => {
    if (workspace === undefined) return [cell.id, { workspace: 'it has none' }] as const
    const diff = warden.workspaces.diff(state.workspace(workspace)).catch((error: unknown) => String(error))
    const found = await Promise.race([diff, until])
    if (found === undefined) return [cell.id, { workspace, problem: 'it takes longer: firebreak diff' }] as const
    if (typeof found === 'string') return [cell.id, { workspace, problem: found }] as const
    if (!found.ok) return [cell.id, { workspace, problem: workspaceFaultText(found.reason) }] as const
    const { changes, refused, truncated } = found.value
    const counts = Object.fromEntries(
      (['added', 'changed', 'removed'] as const).map((kind) => [
        kind,
        changes.filter((change) => change.kind === kind).length,
      ]),
    )
    const paths = changes.slice(0, PATHS_MAX).map(({ path }) => path)
    return [cell.id, { workspace, ...counts, refused: refused.length, truncated, paths }] as const
  })
  return new Map<CellId, JsonObject>(await Promise.all(looked))
}

const WORKSPACES_MAX = 8
const PATHS_MAX = 200
