import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, rmSync, statSync } from 'node:fs'
import { join } from 'node:path'
import process from 'node:process'
import { setTimeout as delay } from 'node:timers/promises'
import { faultText } from '../../ledger/log/fault.ts'
import { lock } from '../../ledger/log/lock.ts'
import { readPlain } from '../../model/host/plain-file.ts'
import { agentName, cutsOff, isBelow, no, ok, parseJson, type Result, RUNGS } from '../../model/index.ts'
import {
  keepSpare,
  makeEmpty,
  settle,
  writeDurably,
  writeFirst,
  writeInPlace,
  writeOnFullDisk,
} from '../state/durable-file.ts'
import { inPart } from '../state/state-part.ts'
import { EVERYBODY, type Fence, type FenceChange, type Fenced, type FenceRoom, type Fences } from './fences.ts'

/** Returns the fence of a state that is kept in files. */
export function fileFences(stateDirectory: string): Fences {
  return {
    make: (everybody) => makeFence(stateDirectory, everybody),
    isMade: () => existsSync(fileOf(stateDirectory)),
    read: () => readFence(stateDirectory),
    everybody: () => everybodyIn(stateDirectory),
    change: (change, anew) => changeFence(stateDirectory, change, anew),
    reserve: () => reserveRoom(stateDirectory),
    stopMark: () => readStopMark(stateDirectory),
    markStop: (order) => writeStopMark(stateDirectory, order),
  }
}

/**
 * `<state>/fence/fence.json`: who is contained, across restarts of anything.
 *
 * - F1  It is made with the state, and a state without it, or with a damaged one, starts no cell: nobody knows then who
 *       was contained.
 * - F3  One that somebody was faster to write, who contains before anything has run, stays as it is.
 * - F2  A change is whole and on disk before anybody is told of it, whatever is killed meanwhile.
 * - F4  An order to all holds for agents that no configuration at hand names, until each is released by name; a state that
 *       is made later, within one where all were contained, begins with that order (`everybody`).
 */
export function makeFence(stateDirectory: string, everybody?: Fenced): void {
  inPart(stateDirectory, FENCE, (directory) => {
    mkdirSync(directory, { recursive: true, mode: 0o700 })
    keepSpares(directory)
    writeFirst(join(directory, FILE), textOf(new Map(everybody === undefined ? [] : [[EVERYBODY, everybody]])))
  })
}

/** Keeps room for the next stop, where there is a fence: without one nothing starts, and there is no place for it. */
export function keepRoom(stateDirectory: string): void {
  inPart(stateDirectory, FENCE, (directory) => {
    if (existsSync(directory)) keepSpares(directory)
  })
}

function keepSpares(directory: string): void {
  keepSpare(join(directory, SPARE))
  keepSpare(join(directory, MARK_SPARE), MARK_BYTES_MAX)
}

export function readFence(stateDirectory: string): Result<Fence, string> {
  const seen = lookAtFence(stateDirectory)
  return seen.ok ? seen : no(seen.reason.problem)
}

/**
 * Returns the last order to all in a state around those of tenants. One in which nothing has run, and nobody ordered
 * anything, keeps no fence; a fence that was lost, or cannot be read, tells nothing.
 */
function everybodyIn(stateDirectory: string): Result<Fenced | undefined, string> {
  const seen = lookAtFence(stateDirectory)
  if (seen.ok) return ok(seen.value.get(EVERYBODY))
  return seen.reason.missing && !wasUsed(stateDirectory) ? ok(undefined) : no(seen.reason.problem)
}

/** Tells whether there was a fence in a state; true where that cannot be read. */
function wasUsed(stateDirectory: string): boolean {
  try {
    const isThere = (path: string) => statSync(path, { throwIfNoEntry: false }) !== undefined
    return isThere(join(stateDirectory, 'ledger')) || isThere(join(stateDirectory, FENCE, MARK))
  } catch {
    return true
  }
}

interface FenceFault {
  readonly missing?: true
  readonly problem: string
  /** True where what was read is no fence, or there is none; false where it could not be read: a whole one may lie there. */
  readonly lost: boolean
}

function lookAtFence(stateDirectory: string): Result<Fence, FenceFault> {
  try {
    return inPart(stateDirectory, FENCE, (directory) => fenceIn(directory, stateDirectory))
  } catch (error) {
    return no({ problem: unreadable(fileOf(stateDirectory), textOfError(error)), lost: false })
  }
}

function fenceIn(directory: string, stateDirectory: string): Result<Fence, FenceFault> {
  const path = fileOf(stateDirectory)
  const file = readPlain(join(directory, FILE), BYTES_MAX)
  if (!file.ok && file.reason.code === 'ENOENT')
    return no({ problem: `${path} is missing: who is contained is not known. ${MEND}`, lost: true, missing: true })
  if (!file.ok && file.reason.code !== undefined)
    return no({ problem: unreadable(path, file.reason.problem), lost: false })
  if (!file.ok) return no({ problem: `${path} is damaged: ${file.reason.problem}. ${MEND}`, lost: true })
  if (!file.value.whole)
    return no({ problem: `${path} is damaged: it has more than ${BYTES_MAX} bytes. ${MEND}`, lost: true })
  try {
    const text = file.value.bytes.toString('utf8')
    const { agents, digest } = parseJson(text) as { agents: object; digest: string }
    if (digestOf(agents) !== digest)
      return no({ problem: `${path} is damaged: its digest is another. ${MEND}`, lost: true })
    const entries = Object.entries(agents).map(
      ([name, fenced]) => [name === EVERYBODY ? EVERYBODY : agentName(name), checked(fenced)] as const,
    )
    return ok(new Map(entries))
  } catch (error) {
    return no({ problem: `${path} is damaged: ${textOfError(error)}. ${MEND}`, lost: true })
  }
}

function unreadable(path: string, why: string): string {
  return `${path} cannot be read, and who is contained is not known: ${why}`
}

function textOfError(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}

const MEND = 'firebreak contain all writes a new one in which everybody is contained; then release whom you mean'

/**
 * Changes it, one writer after the other; nothing is written where the change refuses. A damaged or missing one is changed
 * only by `anew`, which begins from nothing; one that cannot be read stays as it is. On a full disk the room that is kept
 * is taken by what puts an agent below `restricted`, and by nothing else: what comes later may be that. `room` names a
 * file beside it that this change has kept room in.
 */
export async function changeFence(
  stateDirectory: string,
  change: FenceChange,
  anew = false,
  room?: string,
): Promise<Result<void, string>> {
  let held: Awaited<ReturnType<typeof locked>> | undefined
  try {
    held = await locked(stateDirectory)
    if (!held.ok) return held
    return inPart(stateDirectory, FENCE, (directory) => {
      const read = fenceIn(directory, stateDirectory)
      if (!read.ok && !(anew && read.reason.lost)) return no(read.reason.problem)
      const fence = new Map(read.ok ? read.value : [])
      let refused: string | undefined
      change(fence, (why) => {
        refused = why
      })
      if (refused !== undefined) return no(refused)
      const [path, text] = [join(directory, FILE), textOf(fence)]
      const spare = isCutOffAnew(fence, read.ok ? read.value : new Map()) ? SPARE : room
      // What stands already needs no room; whoever wrote it may have been killed before its name was on disk.
      if (read.ok && text === textOf(read.value)) settle(path)
      else if (spare === undefined) writeDurably(path, text)
      else writeOnFullDisk(path, text, join(directory, spare))
      return ok(undefined)
    })
  } catch (error) {
    return no(`the fence cannot be written: ${textOfError(error)}`)
  } finally {
    if (held?.ok) await held.value.release()
  }
}

/** Tells whether somebody stands below `restricted` who did not before, or stood higher there. */
function isCutOffAnew(fence: Fence, before: Fence): boolean {
  return [...fence].some(([name, { rung }]) => {
    const stood = before.get(name) ?? before.get(EVERYBODY)
    return cutsOff(rung) && isBelow(rung, stood?.rung ?? 'normal')
  })
}

/** Keeps room beside the fence for what a release writes. */
function reserveRoom(stateDirectory: string): Result<FenceRoom, string> {
  const kept = inFence(stateDirectory, (directory) => {
    const standing = statSync(join(directory, FILE), { throwIfNoEntry: false })?.size ?? 0
    return keepSpare(join(directory, RELEASE_ROOM), standing + RELEASE_BYTES) ? ok(undefined) : no('the disk is full')
  })
  if (!kept.ok) return kept
  return ok({
    change: (change) => changeFence(stateDirectory, change, false, RELEASE_ROOM),
    giveBack() {
      inFence(stateDirectory, (directory) => ok(rmSync(join(directory, RELEASE_ROOM), { force: true })))
    },
  })
}

/** Works in the directory of the fence; returns what the disk says instead of throwing it. */
function inFence<T>(stateDirectory: string, act: (directory: string) => Result<T, string>): Result<T, string> {
  try {
    return inPart(stateDirectory, FENCE, act)
  } catch (error) {
    return no(textOfError(error))
  }
}

/** Another writer holds it for milliseconds; one that was killed holds nothing. */
async function locked(stateDirectory: string): ReturnType<typeof lockOnce> {
  for (let tries = 0; ; tries++) {
    const held = await lockOnce(stateDirectory)
    if (held.ok || tries === 100) return held
    await delay(10)
  }
}

async function lockOnce(stateDirectory: string) {
  const held = await inPart(stateDirectory, FENCE, (directory) => {
    mkdirSync(directory, { recursive: true, mode: 0o700 })
    makeEmpty(join(directory, 'lock'))
    // It opens its file before it returns.
    return lock(directory)
  })
  if (held.ok) return held
  return no(`the fence is held by ${held.reason.kind === 'locked' ? held.reason.by : faultText(held.reason)}`)
}

/**
 * Returns the word of the last order to all, kept in a file that says nothing of whom it meant: whoever orders that may
 * have no configuration that can be read. What was being started when it changed does not begin.
 */
export function readStopMark(stateDirectory: string): string {
  try {
    const mark = inPart(stateDirectory, FENCE, (directory) => readPlain(join(directory, MARK), MARK_BYTES_MAX))
    // Whatever else it is, it is another word than before.
    return mark.ok ? mark.value.bytes.toString('utf8') : (mark.reason.code ?? mark.reason.problem)
  } catch (error) {
    return textOfError(error)
  }
}

export function writeStopMark(stateDirectory: string, order: string): Result<void, string> {
  try {
    inPart(stateDirectory, FENCE, (directory) => {
      mkdirSync(directory, { recursive: true, mode: 0o700 })
      writeInPlace(join(directory, MARK), `${order}\n`, join(directory, MARK_SPARE))
    })
    return ok(undefined)
  } catch (error) {
    return no(`the word to all cannot be written: ${textOfError(error)}`)
  }
}

function textOf(fence: Fence): string {
  const agents = Object.fromEntries([...fence].sort(([a], [b]) => (a < b ? -1 : 1)))
  return `${JSON.stringify({ agents, digest: digestOf(agents) }, undefined, 2)}\n`
}

function digestOf(agents: object): string {
  return createHash('sha256').update(JSON.stringify(agents)).digest('hex')
}

function checked(value: unknown): Fenced {
  const { rung, by, why, atMs, order, last } = value as Fenced
  if (
    !RUNGS.includes(rung) ||
    [by, why, order, last ?? ''].some((text) => typeof text !== 'string') ||
    !Number.isFinite(atMs)
  )
    throw new Error('it holds what is no rung')
  return { rung, by, why, atMs, order, ...(last !== undefined && { last }) }
}

function fileOf(stateDirectory: string): string {
  return join(stateDirectory, FENCE, FILE)
}

const FENCE = 'fence'
const FILE = 'fence.json'
const MARK = 'all'
/** Room for an order that cuts off. */
const SPARE = 'spare'
const MARK_SPARE = 'spare-all'
const RELEASE_ROOM = `room-${process.pid}`
/** Bytes that others may write into a fence while a release waits for the ledger. */
const RELEASE_BYTES = 65_536
/** The bytes of a fence at most: entries of more agents than a state can have. */
const BYTES_MAX = 8_388_608
const MARK_BYTES_MAX = 4_096
