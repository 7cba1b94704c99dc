/**
 * The stop as a person orders it, from a name to what every point has confirmed. It needs no host, no gateway and no
 * configuration that works, and loads little: `contain` and `kill` call it directly, and not through the operator.
 */
import { realpathSync } from 'node:fs'
import { resolve } from 'node:path'
import process from 'node:process'
import type { NotedCell } from '../../../cells/census.ts'
import type { Config } from '../../../config/config.ts'
import { loadConfig } from '../../../config/load.ts'
import { configBytesMax } from '../../../config/yaml.ts'
import { readPlainFile } from '../../../model/host/plain-file.ts'
import { no, ok, type Result } from '../../../model/index.ts'
import { cutText } from '../../../model/text/text.ts'
import { census as hostCensus } from '../../drivers.ts'
import { ownStates, runPlaces } from '../../services/run-places.ts'
import { namedStateFault, wholeState } from '../../state/named-state.ts'
import { hasBegun } from '../../state/stores.ts'
import { statesReached } from '../../state/tenants.ts'
import type { Confirmation, Order, Target } from '../containment.ts'
import { agentsMeant } from '../meant.ts'
import { reapDead } from '../silent-warden.ts'
import { newOrderId } from '../stop.ts'
import { type AnsweredCells, agentsRunning, census, meantAmong } from './census.ts'
import { fenceMeant } from './fence-meant.ts'
import { leaveContained } from './leave-contained.ts'
import { orderWardens, statesOrdered } from './order-wardens.ts'
import type { StopAmiss, StopAnswer, StopAsk, StopFault, StopListener, TargetKind } from './stop-ask.ts'
import { actingFor, nobodyMeant, targetOf, whoRuns } from './target.ts'

/**
 * Orders every warden of a state and its tenants, ends one that does not answer, and fences agents of which none runs.
 * Whoever means all, or a cell, needs no configuration that can be read: nothing starts while it cannot be. At its end
 * the kernel is asked what runs: `contained` is what it says, and not what was found in any table.
 */
export async function orderStop(ask: StopAsk, listener: StopListener): Promise<Result<StopAnswer, StopFault>> {
  const misnamed = namedStateFault(ask.state)
  if (misnamed !== undefined) {
    const states = misnamed.meant.length > 0 ? misnamed.meant : statesThatRun()
    return no({ kind: 'no-state', problem: misnamed.problem, states })
  }
  const safe = unfailing(listener)
  const meant = await meantBy(ask, safe)
  return meant.ok ? stop(ask, meant.value, safe) : meant
}

/** Returns a listener that drops what another throws: whoever hears of a stop, and no longer can, keeps no step of it away. */
function unfailing({ heard, amiss, actsFor, waiting }: StopListener): StopListener {
  const safe =
    <Words extends readonly unknown[]>(tell: (...words: Words) => void) =>
    (...words: Words): void => {
      try {
        tell(...words)
      } catch {
        // What it would have heard stands in the answer, too.
      }
    }
  return { heard: safe(heard), amiss: safe(amiss), actsFor: safe(actsFor), waiting: safe(waiting) }
}

/** The target that a person means, with the configuration where that was read to know it. */
interface MeantTarget {
  readonly target: Target
  readonly config: Config | undefined
}

async function meantBy(
  { state, configuration, target: name }: StopAsk,
  { actsFor, waiting }: StopListener,
): Promise<Result<MeantTarget, StopFault>> {
  waiting(READING)
  // All, or a cell, are ordered before anything else is read.
  const known = targetOf(name, undefined)
  const config = known === undefined ? await configAtHand(configuration) : undefined
  const kinds = new Set<TargetKind>()
  const target = known ?? targetOf(name, config, kinds) ?? (await whoRuns(state, name, waiting, kinds))
  if (target === undefined) return no(nobodyMeant(name, config, kinds))
  if (target.kind !== 'cell') return ok({ target, config })
  const acting = actingFor(statesReached(state).states, target.name)
  if (!acting.ok) return acting
  if (acting.value !== target.name) actsFor(target.name, acting.value)
  return ok({ target: { kind: 'cell', name: acting.value }, config })
}

const READING = () => 'the configuration, which is being read'

async function stop(
  { state, configuration, rung, by, why }: StopAsk,
  { target, config: atHand }: MeantTarget,
  listener: StopListener,
): Promise<Result<StopAnswer, StopFault>> {
  const { waiting } = listener
  let config = atHand
  const agents = config === undefined || target.kind === 'agent' ? [] : agentsMeant(config, target)
  const order: Order = {
    id: newOrderId(),
    target,
    rung,
    by,
    why: cutText(why, WORDS_MAX),
    ...(agents.length > 0 && { agents }),
  }
  const confirmations: Confirmation[] = []
  const heard = (confirmation: Confirmation): void => {
    confirmations.push(confirmation)
    listener.heard(confirmation)
  }
  /** Runs one step; an error that it throws becomes a confirmation that is none, and keeps no other step from being taken. */
  const tried = async <T>(point: string, otherwise: T, act: () => Promise<T>): Promise<T> => {
    try {
      return await act()
    } catch (error) {
      heard(stepFailed(point, error))
      return otherwise
    }
  }
  // Before anything is ended: what is gone names nobody any more.
  const running = await tried('host', new Map(), async () =>
    target.kind === 'all' ? new Map() : agentsRunning(statesReached(state).states, target, config),
  )
  const asked = new Set<string>()
  const said: AnsweredCells[] = []
  // At once, whatever the disk does, and again when the fence is on it: a run that was not there yet has read that, or is asked.
  const ordering = () => tried('wardens', [], () => orderWardens(state, order, { asked, said }, { heard, waiting }))
  const answers = [...(await ordering())]
  waiting(READING)
  config ??= await configAtHand(configuration)
  waiting(() => 'the fence, which is being written')
  const fences = await tried('fence', [], () => fenceMeant(config, state, order, running))
  const roundsEnd = performance.now() + ROUNDS_MS_MAX
  for (let before = -1; before < asked.size; ) {
    if (asked.size >= WARDENS_MAX || performance.now() > roundsEnd) {
      heard(stepFailed('wardens', new Error('new ones come ever anew, and not all of them were asked')))
      break
    }
    before = asked.size
    const later = await ordering()
    if (asked.size > before) answers.push(...later)
  }
  const fenced = confirmations.some(({ point, confirmed }) => point === 'fence' && confirmed)
  for (const each of fences) {
    if (!fenced || !each.confirmed) heard(each)
    else confirmations.push(each)
  }
  waiting(() => 'what dead wardens have left', REAP_MS_MAX)
  const ended: NotedCell[] = []
  for (const each of await tried('dead wardens', [], () =>
    reapDead(
      [...new Set([...hostCensus.runDirectories(), ...runPlaces(ownStates(statesOrdered(state, target)))])],
      ended,
    ),
  )) {
    heard(each)
    said.push({ names: [each.point] })
  }
  const states = await tried('state', [state], async () => statesOrdered(state, target))
  if (!states.some(hasBegun)) heard(neverUsed(state))
  const { leftOut } = statesReached(state)
  if (leftOut !== undefined) heard(notConfirmed('tenants', leftOut))

  const cells = answers.flatMap(({ receipt }) => receipt?.cells ?? [])
  const reach = { states, order, config, configuration: pathOf(configuration), said }
  for (const each of await tried('host', [], () => census(reach, waiting, ended))) heard(each)
  const acted = answers.some(({ receipt }) => (receipt?.confirmations.length ?? 0) > 0)
  const isNobody = target.kind === 'cell' && cells.length === 0 && !acted && running.size === 0
  if (!isNobody && !confirmations.some(({ point, confirmed }) => point === 'fence' && confirmed)) heard(unfenced())
  const contained = confirmations.every(({ confirmed }) => confirmed) && answers.every(({ ok, silent }) => ok || silent)
  const amiss: StopAmiss[] = []
  const tellAmiss = (kind: StopAmiss['kind'], words: string | undefined) => {
    if (words === undefined) return
    amiss.push({ kind, said: words })
    listener.amiss({ kind, said: words })
  }
  for (const { receipt, ok: done, said: words, silent } of answers) {
    tellAmiss('no-receipt', receipt?.unwritten)
    tellAmiss('receipt-lacks', receipt?.lacking)
    tellAmiss('untold', receipt?.untold)
    if (receipt === undefined && !done && !silent) tellAmiss('refused', words)
  }
  const byUs = meantAmong(ended, states, target, config).filter(({ cell }) => !cells.includes(cell))
  waiting(() => 'the ledger, for what is in flight')
  for (const each of await leaveContained(byUs, { order, atMs: Date.now(), confirmations, contained }))
    tellAmiss('untold', each)
  if (target.kind === 'cell' && isNobody && contained) return no({ kind: 'no-cell', cell: target.name })
  const hasReceipt = answers.some(({ receipt }) => receipt && !receipt.unwritten && receipt.confirmations.length > 0)
  return ok({ order, cells, confirmations, contained, hasReceipt, amiss })
}

/** Returns the path of the configuration without links, as runs by it have noted it. */
function pathOf(configuration: string): string {
  try {
    return realpathSync(configuration)
  } catch {
    return resolve(configuration)
  }
}

function unfenced(): Confirmation {
  return notConfirmed('fence', 'nobody was fenced: what stood still is started again by the next run')
}

/** Returns a point that whoever orders could not confirm. */
function notConfirmed(point: string, said: string): Confirmation {
  return { point, by: 'disk', confirmed: false, said, afterMs: 0, escalated: false }
}

/** Characters of a reason that are kept of an order. */
const WORDS_MAX = 500

function stepFailed(point: string, error: unknown): Confirmation {
  return notConfirmed(point, error instanceof Error ? error.message : String(error))
}

/** Wardens that are asked at most, far more than a host runs: whoever starts ever new ones meets the fence. */
const WARDENS_MAX = 100_000
/** Milliseconds in which those that come anew are asked. */
const ROUNDS_MS_MAX = 45_000
/** Milliseconds for cells of dead wardens: for their groups and for their first processes. */
const REAP_MS_MAX = 10_000

/** Returns the configuration; undefined where it cannot be read, or is no file: a pipe would hold the stop. */
async function configAtHand(file: string): Promise<Config | undefined> {
  try {
    const read = readPlainFile(file, CONFIG_BYTES_MAX)
    if (read === undefined) return undefined
    // Another user's, of which each thousand agents cost time before anybody is stopped, counts as one that cannot be read.
    if (read.bytes.length > configBytesMax(read.uid)) return undefined
    const loaded = await loadConfig(file, { node: process.execPath }, read.bytes.toString('utf8'))
    return loaded.ok ? loaded.value : undefined
  } catch {
    return undefined
  }
}

/** One byte more than is taken for a configuration: a longer file is none. */
const CONFIG_BYTES_MAX = 1_048_577

/** Returns states of which a cell runs, by the kernel. */
function statesThatRun(): readonly string[] {
  const standing = hostCensus.look([{ runDirectories: hostCensus.runDirectories() }]).cells
  return [...new Set(standing.flatMap(({ about }) => (about === undefined ? [] : wholeState(about.state))))].slice(
    0,
    STATES_TOLD_MAX,
  )
}

const STATES_TOLD_MAX = 8

/** Returns the failed point of a state that nothing has run in, for a person who may have named another than they mean. */
function neverUsed(state: string): Confirmation {
  const others = statesThatRun().filter((each) => each !== state)
  const such = others.length === 0 ? '' : `, such as ${others.join(' or ')}`
  return notConfirmed(
    'state',
    `nothing has run in ${state}, or it cannot be read: --state or --config names another${such}`,
  )
}
