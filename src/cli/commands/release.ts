import type { Agent } from '../../config/config.ts'
import { holdsOf, withdrawAnswer } from '../../control/answers.ts'
import { askWardens, type ControlRequest, type Done, TOO_LATE } from '../../control/control-socket.ts'
import { againText, fencedIn, readFence, releaseFenced } from '../../control/fence.ts'
import { startServices } from '../../control/services.ts'
import { gatewaySetup, type Judged } from '../../control/setup.ts'
import { openTenantState, tenantOf, tenantState } from '../../control/tenants.ts'
import { isBelow, no, personName, type Result, RUNGS, type Rung, samePerson } from '../../model/index.ts'
import { monotonicUs } from '../../model/monotonic.ts'
import { cutText } from '../../model/text.ts'
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
  if (name === undefined || by === undefined || reason === undefined || to === undefined || isBelow(to, 'restricted')) {
    const missing =
      name === undefined
        ? 'which agent?'
        : by === undefined
          ? '--by is missing: a person answers for it'
          : '--reason is missing'
    call.print.fault(
      to === undefined || isBelow(to, 'restricted') ? '--to is normal, watched or restricted' : missing,
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
  if (isBelow(from, 'restricted')) await withdrawAnswers(stateOf(call), agent)
  const request = { kind: 'release', agent: agent.name, from, to, by: personName(by), why: cutText(why, 500) } as const
  const told = { ...request, environment: agent.environment, askedUs, ...(seen && { seen }) }
  const recorded = await record(call, judged, agent, state, told)
  if (!recorded.ok) {
    call.print.fault(`not released: ${recorded.reason}`, 'an agent goes up only with an entry in the ledger')
    return EXIT.storeUnreachable
  }
  const changed = await releaseFenced(state, { agent: agent.name, seen, to, by, why })
  if (!changed.ok) {
    call.print.fault(
      `the fence stands: ${changed.reason}`,
      `the ledger has the release, and cells of ${agent.name} that run go on at ${to}: release it again, or contain it`,
    )
    return EXIT.failed
  }
  call.print.line(`${agent.name}: ${from} → ${to}, by ${by}. A cell that was cut off stays so: start it anew.`)
  call.print.object({ ok: true, agent: agent.name, from, to, by })
  return EXIT.ok
}

/** Takes back the approvals that lie there for the next gateway, as the ledger's are by the release itself. */
async function withdrawAnswers(state: string, { name }: Agent): Promise<void> {
  for (const { held, log } of await holdsOf(entriesOf(state), Date.now()))
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
