import { existsSync } from 'node:fs'
import { join } from 'node:path'
import type { Agent } from '../../config/config.ts'
import { withdrawAnswer } from '../../host/people/answers.ts'
import { askWardens, type ControlRequest, type Done, TOO_LATE } from '../../host/people/control-socket.ts'
import { gatewaySetup, type Judged } from '../../host/prepare/setup.ts'
import { startServices } from '../../host/services/services.ts'
import { openTenantState, tenantOf, tenantState } from '../../host/state/tenants.ts'
import { againText, fencedIn, readFence, releaseFenced, withRoomToRelease } from '../../host/stop/fence.ts'
import { orderAsTold, rungLeft } from '../../host/stop/fence-as-told.ts'
import { fenceByOrders, newOrderId } from '../../host/stop/stop.ts'
import { holdsIn } from '../../ledger/views/holds.ts'
import { monotonicUs } from '../../model/host/monotonic.ts'
import {
  type AgentName,
  cutsOff,
  isBelow,
  no,
  personName,
  type Result,
  RUNGS,
  type Rung,
  samePerson,
} from '../../model/index.ts'
import { cutText } from '../../model/text/text.ts'
import { type Call, CONFIG_OPTION, type Command, EXIT, type ExitCode } from '../command.ts'
import { readConfig } from '../config.ts'
import { sharedTerminal } from '../own-terminal.ts'
import { entriesOf, stateOf, stateOfLog } from '../state.ts'

export const command: Command = {
  name: 'release',
  summary: 'Move a contained agent up again: a person, by name, with a reason, in the ledger first',
  usage: ['firebreak release <agent> --by <person> --reason <text> [--to normal]'],
  example: 'firebreak release refund-bot --by maria.silva@shop.example --reason "the ticket that did it is gone"',
  words: 1,
  options: {
    by: { type: 'string', value: 'person', help: 'who answers for it, as the ledger will name them' },
    reason: { type: 'string', value: 'text', help: 'why it may go on' },
    to: { type: 'string', value: 'rung', help: 'normal, watched or restricted (default: normal)' },
    state: { type: 'string', value: 'dir', help: 'where the runs keep their state (default: .firebreak beside it)' },
    ...CONFIG_OPTION,
  },
  run,
}

async function run(call: Call): Promise<ExitCode> {
  const [name] = call.positionals
  const [by, reason] = [call.text('by'), call.text('reason')]
  const to = RUNGS.find((rung) => rung === (call.text('to') ?? 'normal'))
  if (name === undefined || by === undefined || reason === undefined || to === undefined || cutsOff(to)) {
    const missing =
      name === undefined
        ? 'which agent?'
        : by === undefined
          ? '--by is missing: a person answers for it'
          : '--reason is missing'
    call.print.fault(
      to === undefined || cutsOff(to) ? '--to is normal, watched or restricted' : missing,
      ...command.usage,
    )
    return EXIT.usage
  }
  const shared = sharedTerminal(stateOf(call))
  if (shared !== undefined) {
    call.print.fault(shared)
    return EXIT.denied
  }
  const judged = await readConfig(call)
  if (!judged.ok) return judged.reason
  const agent = [...judged.value.config.agents.values()].find((each) => each.name === name)
  if (agent === undefined) {
    call.print.fault(`there is no agent "${name}"`, `declared: ${[...judged.value.config.agents.keys()].join(', ')}`)
    return EXIT.usage
  }
  return release(call, judged.value, agent, { to, by, why: reason })
}

interface Release {
  readonly to: Rung
  readonly by: string
  readonly why: string
}

async function release(call: Call, judged: Judged, agent: Agent, { to, by, why }: Release): Promise<ExitCode> {
  const { config } = judged
  const state = tenantState(stateOf(call), tenantOf(config, agent.environment))
  const told = await fencedAsLogged(call, agent, state)
  if (told !== undefined) return told
  const askedUs = monotonicUs()
  const fence = readFence(state)
  if (!fence.ok) {
    call.print.fault(fence.reason)
    return EXIT.integrity
  }
  const seen = fencedIn(fence.value, agent.name)
  const from = seen?.rung ?? 'normal'
  if (!isBelow(from, to)) {
    call.print.fault(`${agent.name} is ${from}: there is nothing to release`)
    return EXIT.usage
  }
  if (config.environments.get(agent.environment)?.hardened && samePerson(by, agent.owner)) {
    call.print.fault(
      `environment "${agent.environment}" is hardened: another person than the owner releases its agents`,
    )
    return EXIT.denied
  }
  if (cutsOff(from)) await withdrawAnswers(stateOf(call), agent)
  const request = { kind: 'release', agent: agent.name, from, to, by: personName(by), why: cutText(why, 500) } as const
  const asked = { ...request, environment: agent.environment, askedUs, ...(seen && { seen }) }
  const released = await withRoomToRelease(state, async (): Promise<ExitCode> => {
    const recorded = await record(call, judged, agent, state, asked)
    if (!recorded.ok) {
      call.print.fault(`not released: ${recorded.reason}`, 'an agent goes up only with an entry in the ledger')
      return EXIT.storeUnreachable
    }
    const changed = await releaseFenced(state, { agent: agent.name, seen, to, by, why })
    if (changed.ok) return EXIT.ok
    call.print.fault(
      `the fence stands, and ${agent.name} stays ${from} by it: ${changed.reason}`,
      'the ledger has the release all the same: release it again, or contain it',
      ...(await orderedBack(state, agent.name, from, changed.reason)),
    )
    return EXIT.failed
  })
  if (!released.ok) {
    call.print.fault(`not released: ${released.reason}`, 'nothing was changed: make room, and release it again')
    return EXIT.failed
  }
  if (released.value !== EXIT.ok) return released.value
  call.print.line(`${agent.name}: ${from} → ${to}, by ${by}. A cell that was cut off stays so: start it anew.`)
  call.print.object({ ok: true, agent: agent.name, from, to, by })
  return EXIT.ok
}

/**
 * Puts into the fence what the ledger says of an agent, where that is lower: then the person has seen another thing than
 * what they would release. Returns the exit code; undefined where both say the same.
 */
async function fencedAsLogged(call: Call, { name, environment }: Agent, state: string): Promise<ExitCode | undefined> {
  const ledger = join(state, 'ledger', environment)
  const fence = readFence(state)
  if (!fence.ok || !existsSync(ledger)) return undefined
  const stands = fencedIn(fence.value, name)?.rung ?? 'normal'
  const left = await rungLeft(ledger, name)
  const why = 'the ledger has left it there, and the fence did not say so'
  const orders = isBelow(left, stands) ? orderAsTold(name, left, newOrderId(), why) : []
  if (orders.length === 0) return undefined
  const written = await fenceByOrders(state, () => orders)
  const how = written.ok ? 'the fence has it now' : written.reason
  call.print.fault(
    `not released: by the ledger ${name} is ${left}, while its fence said ${stands}: ${how}`,
    'firebreak logs tells why; then release it again',
  )
  return EXIT.contained
}

/**
 * Orders cells that have gone up with the ledger's word back to where the fence has their agent; returns what to say of
 * it. What was cut off has not gone up.
 */
async function orderedBack(state: string, agent: AgentName, from: Rung, problem: string): Promise<readonly string[]> {
  if (from === 'normal' || cutsOff(from)) return []
  const why = `its release did not come to the fence: ${problem}`
  const target = { kind: 'agent', name: agent } as const
  const order = { id: newOrderId(), target, rung: from, by: 'firebreak', why } as const
  const heard = await askWardens(state, { kind: 'contain', order }, () => undefined)
  const cells = heard.flatMap(({ receipt }) => receipt?.cells ?? [])
  // The fence has it already; where it could not be written, it may not be written now.
  const isDone = (each: Done) =>
    each.receipt?.confirmations.every(({ point, confirmed }) => point === 'fence' || confirmed)
  const failed = heard.filter((each) => isDone(each) !== true)
  if (failed.length > 0)
    return [`its cells may go on as released: ${failed.map(({ said }) => said).join('; ')}: firebreak contain ${agent}`]
  return cells.length === 0 ? [] : [`${cells.join(', ')}: ordered back to ${from}`]
}

/** Takes back the approvals that lie there for the next gateway, as the ledger's are by the release itself. */
async function withdrawAnswers(state: string, { name }: Agent): Promise<void> {
  for (const { held, log } of await holdsIn(entriesOf(state), Date.now()))
    if (held.agent === name) withdrawAnswer(stateOfLog(state, log), held.hold)
}

/** By the gateway that runs; where none does, by one that is started for this alone. */
async function record(
  call: Call,
  judged: Judged,
  agent: Agent,
  state: string,
  request: Extract<ControlRequest, { kind: 'release' }>,
): Promise<Result<void, string>> {
  const heard = await askWardens(state, request, () => undefined)
  const again = heard.find(({ said }) => said === againText(agent.name) || said.includes(TOO_LATE))
  if (again !== undefined) return no(again.said)
  if (heard.some(({ ok }) => ok)) return { ok: true, value: undefined }
  const opened = openTenantState(judged.config, agent.environment, stateOf(call), judged.config.profile === 'full')
  if (!opened.ok) return opened
  const services = await startServices(opened.value, gatewaySetup(judged, agent.environment))
  if (!services.ok) return no(`${services.reason}${mayStill(heard)}`)
  try {
    const { environment: _, seen: _seen, ...message } = request
    const told = services.value.tell({ ...message, number: 1 })
    return told.ok ? await services.value.said('ordered', 1) : no(told.reason)
  } finally {
    await services.value.stop('an agent was released')
  }
}

/** Adds what is not known where a warden had the request and did not answer. */
function mayStill(heard: readonly Done[]): string {
  const silent = heard.flatMap((each) => each.silent ?? [])
  const who = silent.map(({ pid }) => `process ${pid}`).join(', ')
  return silent.length === 0 ? '' : ` — ${who} was asked and did not answer in time; firebreak ps says where it stands`
}
