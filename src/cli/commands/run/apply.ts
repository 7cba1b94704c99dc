import { realpathSync } from 'node:fs'
import { diffText } from '../../../control/reach-text.ts'
import type { Applied, ApplyFault, Planned } from '../../../host/apply/apply-words.ts'
import { personName } from '../../../model/index.ts'
import { stateOperator } from '../../../operator/state-operator.ts'
import { type Call, type Command, EXIT, type ExitCode } from '../../command.ts'
import { readConfig } from '../../options/config.ts'
import { STATE_OPTIONS, stateOf } from '../../options/state.ts'
import { loginName } from '../../person/login-name.ts'
import { sharedTerminal } from '../../person/own-terminal.ts'
import { printable } from '../../print/printable.ts'

export const command: Command = {
  name: 'apply',
  usage: ['firebreak apply [--as <owner>]… [--dry-run] [--restart] [--config <file>] [--state <dir>]'],
  example: 'firebreak apply --dry-run\nfirebreak apply --as maria.silva@shop.example',
  options: {
    ...STATE_OPTIONS,
    as: {
      type: 'string',
      multiple: true,
      value: 'owner',
      help: 'whose word it has: each owner of an agent that may do more by it (what only narrows needs none)',
    },
    'dry-run': {
      type: 'boolean',
      help: 'show what would change, and change nothing; exit 4 if anything becomes possible',
    },
    restart: { type: 'boolean', help: 'end the cells of environments whose gateway has to begin anew for it' },
  },
  run,
}

async function run(call: Call): Promise<ExitCode> {
  const state = stateOf(call)
  const judged = await readConfig(call, state)
  if (!judged.ok) return judged.reason
  const operator = stateOperator(state)
  const planned = await operator.plan()
  if (!planned.ok) return refused(call, planned.reason)
  const plan = planned.value
  const { file } = judged.value.config
  if (realpathSync(file) !== realpathSync(plan.file)) {
    call.print.fault(`the host goes by ${plan.file}, and not by ${file}`, `firebreak apply --config ${plan.file}`)
    return EXIT.usage
  }
  tellPlan(call, plan)
  const widens = plan.agents.some((agent) => agent.widens)
  if (call.flag('dry-run')) {
    call.print.object({ ok: !widens, dryRun: true, widens, ...plan })
    return widens ? EXIT.needsApproval : EXIT.ok
  }
  const shared = widens ? sharedTerminal(state) : undefined
  if (shared !== undefined) {
    call.print.fault(shared, 'nothing was changed')
    return EXIT.denied
  }
  const agreed = call.texts('as').map(personName)
  const by = agreed[0] ?? personName(loginName())
  const applied = await operator.apply({ seen: plan.seen, by, agreed, restart: call.flag('restart') })
  return applied.ok ? done(call, plan, applied.value) : refused(call, applied.reason)
}

function tellPlan({ print }: Call, { agents, anew, nextStart }: Planned): void {
  if (agents.length === 0) print.line('No agent may do more or less by it.')
  else for (const line of diffText(agents)) print.line(line)
  for (const { agent, more } of agents) if (more !== undefined) print.line(`${agent}: and ${more} changes more`)
  for (const { agent, what } of nextStart)
    print.line(`So from the next start of a cell of ${agent}, and not in one that runs: ${what.join(', ')}.`)
  for (const { environment, what } of anew)
    print.line(`${environment} opens anew for ${what.join(', ')}: its cells end.`)
}

function done({ print }: Call, { seen }: Planned, applied: Applied): ExitCode {
  const { agents, unrecorded, replaced, ended, elsewhere } = applied
  for (const name of replaced) print.progress(`the gateway of ${name} did not take it, and was replaced: firebreak ps`)
  for (const name of unrecorded) print.fault(`${name}: it is in force, and the ledger does not say so`)
  for (const name of ended) print.line(`${name}: its cells were ended`)
  for (const { environment, why, cells } of elsewhere) {
    const ending = cells.map(({ cell, agent }) => `firebreak kill ${cell}, of ${agent}`)
    const last = cells.length > 0 ? [] : ['firebreak ps tells what runs']
    print.fault(
      `${environment}: what another process runs goes on by the old one: ${printable(why)}`,
      ...ending,
      ...last,
    )
  }
  const where = elsewhere.length === 0 ? 'for what runs' : 'for what this host runs'
  print.line(`It is in force: ${where}, and for what starts.`)
  const narrowed = agents.filter(({ changes }) => changes.some(({ widens }) => !widens)).map(({ agent }) => agent)
  const widened = agents.filter(({ widens }) => widens).map(({ agent }) => agent)
  const isAll = unrecorded.length === 0 && elsewhere.length === 0
  print.object({ ok: isAll, seen, narrowed, widened, unrecorded, replaced, ended, elsewhere })
  if (elsewhere.length > 0) return EXIT.failed
  return unrecorded.length > 0 ? EXIT.storeUnreachable : EXIT.ok
}

const NOTHING = 'nothing was changed'

/** Tells why a configuration is not in force, and returns the exit code. */
function refused(call: Call, fault: ApplyFault): ExitCode {
  const { print } = call
  switch (fault.kind) {
    case 'no-host':
      print.line('No host is up: the next run reads it. What runs in a process of its own goes on by what it has read.')
      print.object({ ok: true, host: null })
      return EXIT.ok
    case 'unreached':
      print.fault(`${NOTHING}: ${fault.problem}`, 'the user whose host it is can apply it')
      return EXIT.storeUnreachable
    case 'invalid':
      print.fault(`${NOTHING}: the host cannot go by it`, ...fault.problems.map((problem) => printable(problem)))
      return EXIT.usage
    case 'changed':
      print.fault(`${NOTHING}: the file has changed since it was read`, 'firebreak apply reads it again')
      return EXIT.failed
    case 'never':
      print.fault(`${NOTHING}: ${fault.why}`, 'firebreak down, and firebreak up again')
      return EXIT.failed
    case 'owners': {
      const names = [...new Set(fault.missing.map(({ owner }) => `--as ${owner}`))].join(' ')
      const agents = fault.missing.map(({ agent, owner }) => `${agent} may do more by it, and ${owner} answers for it`)
      print.fault(`${NOTHING}: it widens`, ...agents, `with their word: firebreak apply ${names}`)
      return EXIT.needsApproval
    }
    case 'restart': {
      const ending = fault.environments.map(
        ({ environment, what, cells }) => `${environment}: ${what.join(', ')}; ${cells} of its cells run`,
      )
      print.fault(`${NOTHING}: cells would have to end for it`, ...ending, 'firebreak apply --restart ends them')
      return EXIT.failed
    }
    case 'unrecorded':
      print.fault(`${NOTHING}: ${fault.problem}`, 'what widens is in the ledger first')
      return EXIT.storeUnreachable
    case 'lost':
      print.fault(`it is not known whether it is in force: ${fault.problem}`, 'firebreak logs tells; firebreak ps, too')
      return EXIT.failed
  }
}
