import type { ReleaseAsk, ReleaseFault } from '../../../host/people/release-order.ts'
import type { Judged } from '../../../host/prepare/setup.ts'
import { cutsOff, RUNGS } from '../../../model/index.ts'
import { operatorFor } from '../../../operator/operator.ts'
import { type Call, CONFIG_OPTION, type Command, EXIT, type ExitCode } from '../../command.ts'
import { readConfig } from '../../options/config.ts'
import { stateOf } from '../../options/state.ts'
import { sharedTerminal } from '../../person/own-terminal.ts'

export const command: Command = {
  name: 'release',
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
  return release(call, judged.value, { agent, to, by, why: reason })
}

async function release(call: Call, judged: Judged, ask: ReleaseAsk): Promise<ExitCode> {
  const released = await operatorFor(stateOf(call), judged).release(ask)
  if (!released.ok) {
    const [message, ...more] = faultText(ask, released.reason)
    call.print.fault(message, ...more)
    return EXIT_OF[released.reason.kind]
  }
  const { from, to, agent } = released.value
  call.print.line(`${agent}: ${from} → ${to}, by ${ask.by}. A cell that was cut off stays so: start it anew.`)
  call.print.object({ ok: true, agent, from, to, by: ask.by })
  return EXIT.ok
}

const EXIT_OF: Readonly<Record<ReleaseFault['kind'], ExitCode>> = {
  'fence-unread': EXIT.integrity,
  'fence-behind': EXIT.contained,
  'not-lower': EXIT.usage,
  'another-person': EXIT.denied,
  'no-room': EXIT.failed,
  unrecorded: EXIT.storeUnreachable,
  'fence-stands': EXIT.failed,
}

function faultText({ agent: { name } }: ReleaseAsk, fault: ReleaseFault): readonly [string, ...string[]] {
  switch (fault.kind) {
    case 'fence-unread':
    case 'another-person':
      return [fault.problem]
    case 'fence-behind': {
      const how = fault.written.ok ? 'the fence has it now' : fault.written.reason
      const said = `not released: by the ledger ${name} is ${fault.left}, while its fence said ${fault.stood}: ${how}`
      return [said, 'firebreak logs tells why; then release it again']
    }
    case 'not-lower':
      return [`${name} is ${fault.stands}: there is nothing to release`]
    case 'no-room':
      return [`not released: ${fault.problem}`, 'nothing was changed: make room, and release it again']
    case 'unrecorded':
      return [`not released: ${fault.problem}`, 'an agent goes up only with an entry in the ledger']
    case 'fence-stands':
      return [
        `the fence stands, and ${name} stays ${fault.from} by it: ${fault.problem}`,
        'the ledger has the release all the same: release it again, or contain it',
        ...fault.cells,
      ]
  }
}
