import type { RunningNow } from '../../../host/running.ts'
import { stateOperator } from '../../../operator/state-operator.ts'
import { type Call, type Command, EXIT } from '../../command.ts'
import { STATE_OPTIONS, stateOf } from '../../options/state.ts'
import { folded, printable } from '../../print/printable.ts'
import { column, safeLine, sentence } from '../../print/safe-line.ts'

export const command: Command = {
  name: 'ps',
  usage: ['firebreak ps [--state <dir>]'],
  example: 'firebreak ps --json',
  options: STATE_OPTIONS,
  run: async (call) => {
    const running = await stateOperator(stateOf(call)).running()
    const { cells, host, unnamed, contained, everybody, unanswered, cuts, unreadFences } = running
    for (const said of unanswered) call.print.fault(said)
    const whole = [unanswered, unnamed, cuts, unreadFences].every(({ length }) => length === 0)
    printCells(call, running)
    for (const [agent, { rung, by, why, atMs }] of [
      ...contained,
      ...everybody.map((each) => [safeLine`everybody else`, each] as const),
    ])
      for (const line of folded(
        safeLine`${agent} is ${rung}, since ${new Date(atMs).toISOString()}, by ${by}: ${sentence(why)}`.text,
      ))
        call.print.line(line)
    for (const problem of unreadFences) call.print.fault(problem)
    call.print.object({
      ok: whole,
      host: host?.pid ?? null,
      cells,
      untold: unnamed,
      contained: Object.fromEntries(contained),
      others: everybody,
    })
    return whole ? EXIT.ok : EXIT.integrity
  },
}

function printCells({ print }: Call, { cells, host, unreachedHost, unnamed, unanswered, cuts }: RunningNow): void {
  for (const { cell, agent, environment, rung, sinceMs } of cells) {
    const since = new Date(sinceMs).toISOString()
    const [of, within] = [column(agent, 20), column(environment, 14)]
    print.line(safeLine`${cell}  ${of} ${within} ${column(rung, 11)} since ${since}`.text)
  }
  if (host !== undefined) {
    const since = new Date(host.sinceMs).toISOString()
    print.line(safeLine`a host is up: process ${sentence(String(host.pid))}, since ${since}`.text)
  }
  if (unreachedHost !== undefined) print.line(safeLine`${sentence(unreachedHost)}`.text)
  for (const { cell, agent = 'a server', environment = '' } of unnamed) {
    const fix = 'firebreak contain all ends what no warden tells of'
    print.fault(`${cell} runs (${printable(agent)}, ${printable(environment)}), and no warden tells of it`, fix)
  }
  for (const cut of cuts) print.fault(`what runs could not be looked at in whole: ${printable(cut)}`)
  if ([cells, unnamed, cuts, unanswered].every(({ length }) => length === 0)) print.line('no cell runs')
}
