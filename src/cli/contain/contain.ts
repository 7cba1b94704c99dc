import { lstatSync, realpathSync } from 'node:fs'
import { join, resolve } from 'node:path'
import type { NotedCell } from '../../cells/census.ts'
import { schedule } from '../../cells/kernel/libc.ts'
import type { Config } from '../../config/config.ts'
import { loadConfig } from '../../config/load.ts'
import { configBytesMax } from '../../config/yaml.ts'
import { census as hostCensus } from '../../host/drivers.ts'
import type { ControlReply } from '../../host/people/control-request.ts'
import { askWardens } from '../../host/people/control-socket.ts'
import { ownStates, runPlaces } from '../../host/services/run-places.ts'
import { namedStateFault, type StateFault, wholeState } from '../../host/state/named-state.ts'
import { hasBegun, storesOf } from '../../host/state/stores.ts'
import { statesIn, tenantOf, tenantState, tenantsLeftOut, trialsOf } from '../../host/state/tenants.ts'
import type { Confirmation, Order, Target } from '../../host/stop/containment.ts'
import { agentsMeant } from '../../host/stop/meant.ts'
import { endSilentWarden, reapDead } from '../../host/stop/silent-warden.ts'
import { fenceAgents, fencedText, newOrderId } from '../../host/stop/stop.ts'
import { readPlainFile } from '../../model/host/plain-file.ts'
import { type AgentName, agentName, cutsOff, isBelow, type Result, RUNGS, type Rung } from '../../model/index.ts'
import { cutText } from '../../model/text/text.ts'
import { type Call, CONFIG_OPTION, configFile, EXIT, type ExitCode, type Option } from '../command.ts'
import { stateOf } from '../options/state.ts'
import { loginName } from '../person/login-name.ts'
import { plain, printable } from '../print/printable.ts'
import { column, safeLine, sentence } from '../print/safe-line.ts'
import { type AnsweredCells, agentsRunning, census, meantAmong, type Running } from './census.ts'
import { leaveContained } from './record.ts'
import { actingFor, type Kind, nobodyMeant, targetOf, whoRuns } from './target.ts'
import { type Waiting, waitingAloud } from './waiting.ts'

export const CONTAIN_OPTIONS: Readonly<Record<string, Option>> = {
  as: {
    type: 'string',
    value: 'person',
    help: 'who orders it, as the ledger will name them (default: the login name)',
  },
  why: { type: 'string', value: 'text', help: 'the reason, for the ledger and the receipt' },
  state: { type: 'string', value: 'dir', help: 'where the runs keep their state (default: .firebreak beside it)' },
  ...CONFIG_OPTION,
}

/**
 * Orders every warden of this state and its tenants, ends one that does not answer, and fences agents of which none runs.
 * Whoever means all, or a cell, needs no configuration that can be read: nothing starts while it cannot be. At its end
 * the kernel is asked what runs: `contained` is what it says, and not what was found in any table.
 */
export async function contain(call: Call, rung: Exclude<Rung, 'normal'>): Promise<ExitCode> {
  // Who has loaded every processor does not delay the order that ends it; whoever may not do this goes without.
  schedule(process.pid, 'first')
  const state = stateOf(call)
  const misnamed = namedStateFault(state)
  if (misnamed !== undefined) return noState(call, misnamed)
  const waiting = waitingAloud(call.print)
  try {
    return await containNamed(call, rung, state, waiting)
  } finally {
    waiting.over()
  }
}

async function containNamed(
  call: Call,
  rung: Exclude<Rung, 'normal'>,
  state: string,
  waiting: Waiting,
): Promise<ExitCode> {
  const [name] = call.positionals
  waiting.begin(() => 'the configuration, which is being read')
  // All, or a cell, are ordered before anything else is read.
  let target = targetOf(name, undefined)
  let config = target === undefined ? await configAtHand(call) : undefined
  const kinds = new Set<Kind>()
  target ??= targetOf(name, config, kinds) ?? (await whoRuns(state, name, waiting, kinds))
  if (target === undefined) return nobodyMeant(call, name, config, kinds)
  if (target.kind === 'cell') {
    const meant = actingFor(statesIn(state), target.name)
    if (!meant.ok) {
      call.print.fault(`nobody was stopped: ${meant.reason.why}`, meant.reason.instead)
      return EXIT.usage
    }
    if (meant.value !== target.name)
      call.print.line(`${target.name} is a server that acts for ${printable(meant.value)}, which is what is ordered`)
    target = { kind: 'cell', name: meant.value }
  }
  const by = personOf(call)
  const why = cutText(call.text('why') ?? 'no reason was given', WORDS_MAX)
  const agents = config === undefined || target.kind === 'agent' ? [] : agentsMeant(config, target)
  const order: Order = { id: newOrderId(), target, rung, by, why, ...(agents.length > 0 && { agents }) }
  const confirmations: Confirmation[] = []
  const heard = (confirmation: Confirmation): void => {
    confirmations.push(confirmation)
    waiting.heard()
    call.print.line(lineOf(confirmation))
  }
  /** Runs one step; an error that it throws becomes a line of its own, and keeps no other step from being taken. */
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
    target.kind === 'all' ? new Map() : agentsRunning(statesIn(state), target, config),
  )
  const asked = new Set<string>()
  const said: AnsweredCells[] = []
  // At once, whatever the disk does, and again when the fence is on it: a run that was not there yet has read that, or is asked.
  const ordering = () => tried('wardens', [], () => orderWardens(state, order, asked, heard, waiting, said))
  const answers = [...(await ordering())]
  waiting.begin(() => 'the configuration, which is being read')
  config ??= await configAtHand(call)
  waiting.begin(() => 'the fence, which is being written')
  const fences = await tried('fence', [], () => fenceEach(config, state, order, running))
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
  waiting.begin(() => 'what dead wardens have left', REAP_MS_MAX)
  const ended: NotedCell[] = []
  for (const each of await tried('dead wardens', [], () =>
    reapDead(
      [...new Set([...hostCensus.runDirectories(), ...runPlaces(ownStates(statesMeant(state, target)))])],
      ended,
    ),
  )) {
    heard(each)
    said.push({ names: [each.point] })
  }
  const states = await tried('state', [state], async () => statesMeant(state, target))
  if (!states.some(hasBegun)) heard(neverUsed(state))
  const leftOut = await tried('state', undefined, async () => tenantsLeftOut(state))
  if (leftOut !== undefined) heard(notConfirmed('tenants', leftOut))

  const cells = answers.flatMap(({ receipt }) => receipt?.cells ?? [])
  for (const each of await tried('host', [], () => census(states, order, config, pathOf(call), said, waiting, ended)))
    heard(each)
  const acted = answers.some(({ receipt }) => (receipt?.confirmations.length ?? 0) > 0)
  const isNobody = target.kind === 'cell' && cells.length === 0 && !acted && running.size === 0
  if (!isNobody && !confirmations.some(({ point, confirmed }) => point === 'fence' && confirmed)) heard(unfenced())
  const contained = confirmations.every(({ confirmed }) => confirmed) && answers.every(({ ok, silent }) => ok || silent)
  for (const { receipt, ok, said: words, silent } of answers) {
    if (receipt?.unwritten !== undefined)
      call.print.fault(`no receipt could be written: ${plain(receipt.unwritten, 1)}`)
    if (receipt?.lacking !== undefined) call.print.fault(`the receipt is not whole: ${plain(receipt.lacking, 1)}`)
    if (receipt?.untold !== undefined) call.print.fault(plain(receipt.untold, 1))
    if (receipt === undefined && !ok && !silent) call.print.fault(plain(words, 1))
  }
  const byUs = meantAmong(ended, states, target, config).filter(({ cell }) => !cells.includes(cell))
  waiting.begin(() => 'the ledger, for what is in flight')
  for (const each of await leaveContained(byUs, { order, atMs: Date.now(), confirmations, contained }))
    call.print.fault(plain(each, 1))
  if (target.kind === 'cell' && isNobody && contained) {
    call.print.fault(`no cell ${target.name} runs here`, 'firebreak ps lists those that do')
    return EXIT.usage
  }
  call.print.line('')
  call.print.line(
    contained
      ? `${rung}: ${cells.length === 0 ? 'no cell of it runs' : cells.join(', ')}. ${receiptText(order, answers)}`
      : 'NOT CONTAINED: what is above without yes has not been confirmed, and may go on',
  )
  call.print.object({ ok: contained, order: order.id, rung, target, by, cells, confirmations })
  return contained ? EXIT.ok : EXIT.failed
}

/** Returns the path of the configuration without links, as runs by it have noted it. */
function pathOf(call: Call): string {
  try {
    return realpathSync(configFile(call))
  } catch {
    return resolve(configFile(call))
  }
}

function unfenced(): Confirmation {
  return notConfirmed('fence', 'nobody was fenced: what stood still is started again by the next run')
}

/** Returns a point that the command itself could not confirm. */
function notConfirmed(point: string, said: string): Confirmation {
  return { point, by: 'disk', confirmed: false, said, afterMs: 0, escalated: false }
}

/** Characters of a reason that are kept of an order. */
const WORDS_MAX = 500

function stepFailed(point: string, error: unknown): Confirmation {
  return notConfirmed(point, error instanceof Error ? error.message : String(error))
}

function receiptText({ id }: Order, answers: Awaited<ReturnType<typeof orderWardens>>): string {
  const isWritten = answers.some(({ receipt }) => receipt && !receipt.unwritten && receipt.confirmations.length > 0)
  return isWritten ? `Receipt: order ${id}` : `Order ${id}, without a receipt: no run has written one`
}

/** Wardens that are asked at most, far more than a host runs: whoever starts ever new ones meets the fence. */
const WARDENS_MAX = 100_000
/** Milliseconds in which those that come anew are asked. */
const ROUNDS_MS_MAX = 45_000

/** Returns the configuration; undefined where it cannot be read, or is no file: a pipe would hold the stop. */
async function configAtHand(call: Call): Promise<Config | undefined> {
  const file = configFile(call)
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

/** Refuses an order that would go to no run and stand where no start looks; says which states there are to name. */
function noState(call: Call, { problem, meant }: StateFault): ExitCode {
  const states = meant.length > 0 ? meant : statesThatRun()
  const named = states.map((each) => `--state ${printable(each)}`).join(', or ')
  call.print.fault(`nobody was stopped: ${printable(problem)}`, named === '' ? 'no cell of ours runs' : `name ${named}`)
  return EXIT.usage
}

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

/**
 * Sends the order to the wardens that are not in `asked`, and adds them to it, and what they name to `said`; ends those
 * that stay silent.
 */
async function orderWardens(
  state: string,
  order: Order,
  asked: Set<string>,
  heard: (confirmation: Confirmation) => void,
  waiting: Waiting,
  said: AnsweredCells[],
) {
  const before = asked.size
  let done = 0
  waiting.begin(() => `${asked.size - before - done} of ${asked.size - before} wardens`, SILENCE_MS_MAX + END_MS_MAX)
  const onReply = (from: string) => (reply: ControlReply) => {
    if (reply.kind === 'confirmation') heard(reply.confirmation)
    else done++
    said.push({ from, names: reply.kind === 'done' ? (reply.receipt?.cells ?? []) : [reply.confirmation.point] })
  }
  const request = { kind: 'contain', order } as const
  const answering = statesMeant(state, order.target).map((each) =>
    askWardens(each, request, onReply(each), SILENCE_MS_MAX, asked),
  )
  const answers = (await Promise.all(answering)).flat()
  const silent = answers.flatMap((answer) => answer.silent ?? [])
  await Promise.all(silent.map(async (each) => heard(await endSilentWarden(each))))
  return answers
}

/** Returns the states of which wardens are asked: all means what a doctor tries at this moment, too. */
function statesMeant(state: string, { kind }: Target): readonly string[] {
  return kind === 'all' ? [...statesIn(state), ...trialsOf(state)] : statesIn(state)
}

/** Milliseconds between two words of a warden: its points have 1.5 s each, and what ends them harder 6. */
const SILENCE_MS_MAX = 10_000
/** Milliseconds for a warden to be gone that is ended. */
const END_MS_MAX = 2_000
/** Milliseconds for cells of dead wardens: for their groups and for their first processes. */
const REAP_MS_MAX = 10_000

/** Returns the states that keep a fence; the state itself where none does, so that this is told. */
function statesWithFence(state: string): readonly string[] {
  const all = statesIn(state).filter((each) => lstatSync(join(each, 'fence'), { throwIfNoEntry: false }) !== undefined)
  return all.length > 0 ? all : [state]
}

/**
 * Fences the agents on disk, and those of `running`, also where nothing runs: the next start meets it. A damaged fence is
 * written anew only where all are meant; then every state and tenant is fenced for everybody, and what is being started by a configuration
 * that is not at hand is told by a mark of its own.
 */
async function fenceEach(
  config: Config | undefined,
  state: string,
  order: Order,
  running: Running,
): Promise<readonly Confirmation[]> {
  const begun = performance.now()
  const confirmed = (point: string, fenced: Result<void, string>, words: string): Confirmation => {
    const afterMs = Math.round(performance.now() - begun)
    const said = fenced.ok ? words : fenced.reason
    return { point, by: 'disk', confirmed: fenced.ok, said, afterMs, escalated: false }
  }
  const all = order.target.kind === 'all' && cutsOff(order.rung)
  const marked = all ? storesOf(state).fences.markStop(order.id) : undefined
  const words = marked === undefined ? [] : [confirmed('stop mark', marked, 'what is being started does not begin')]
  const named = config === undefined ? [] : agentsMeant(config, order.target)
  const byState = new Map<string, Set<AgentName>>()
  const fencing = (each: string, name: AgentName) => byState.set(each, (byState.get(each) ?? new Set()).add(name))
  for (const name of named) {
    const environment = config?.agents.get(name)?.environment
    fencing(tenantState(state, environment === undefined || !config ? undefined : tenantOf(config, environment)), name)
  }
  for (const [each, names] of running) for (const name of names) fencing(each, name)
  // Whom the person has named, wherever they may start: the configuration at hand tells that of those that it names.
  if (order.target.kind === 'agent' && named.length === 0)
    for (const each of statesWithFence(state)) fencing(each, agentName(order.target.name))
  const fence = async (each: string) => {
    const names = [...(byState.get(each) ?? [])]
    const written = await fenceAgents(storesOf(each).fences, names, order, order.target.kind === 'all')
    return confirmed('fence', written, fencedText(names, order))
  }
  // Before the tenants are listed: one of which nothing has run yet is met by the list, or begins with what it reads here (F4).
  const around = order.target.kind === 'all' ? [await fence(state)] : []
  const places = new Set([...byState.keys(), ...(order.target.kind === 'all' ? statesIn(state) : [])])
  if (order.target.kind === 'all') places.delete(state)
  return [...words, ...around, ...(await Promise.all([...places].map(fence)))]
}

export function lineOf({ point, confirmed, said, afterMs, escalated }: Confirmation): string {
  const mark = confirmed ? safeLine`yes` : safeLine`NO `
  const took = sentence(`${afterMs.toFixed(1)} ms${escalated ? ', ended harder' : ''}`)
  return safeLine`${mark}  ${column(sentence(point), 34)} ${sentence(said)} (${took})`.text
}

export function personOf(call: Call): string {
  return call.text('as') ?? call.text('by') ?? loginName()
}

/** A rung that a person may name. */
export function rungIn(text: string | undefined, above: Rung): Rung | undefined {
  return RUNGS.find((rung) => rung === text && isBelow(rung, above))
}
