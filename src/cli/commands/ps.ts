import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { askWardens } from '../../control/control-socket.ts'
import { EVERYBODY, readFence } from '../../control/fence.ts'
import { statesIn } from '../../control/tenants.ts'
import { type Command, EXIT } from '../command.ts'
import { printable } from '../printable.ts'
import { STATE_OPTIONS, stateOf } from '../state.ts'

export const command: Command = {
  name: 'ps',
  summary: 'Cells that run and where they stand, and agents that are contained',
  usage: ['firebreak ps [--state <dir>]'],
  example: 'firebreak ps --json',
  options: STATE_OPTIONS,
  run: async (call) => {
    const all = statesIn(stateOf(call))
    const states = all.filter((each) => existsSync(join(each, 'ledger')))
    const done = (await Promise.all(all.map((each) => askWardens(each, { kind: 'cells' }, () => undefined)))).flat()
    const cells = done.flatMap((each) => each.cells ?? [])
    for (const { ok, said } of done) if (!ok) call.print.fault(said)
    for (const { cell, agent, environment, rung, sinceMs } of cells) {
      const since = new Date(sinceMs).toISOString()
      call.print.line(`${cell}  ${agent.padEnd(20)} ${environment.padEnd(14)} ${rung.padEnd(11)} since ${since}`)
    }
    if (cells.length === 0 && done.every(({ ok }) => ok)) call.print.line('no cell runs')
    const fences = states.map((each) => readFence(each))
    const entries = fences.flatMap((each) => (each.ok ? [...each.value] : []))
    const fenced = entries.filter(([agent, { rung }]) => agent !== EVERYBODY && rung !== 'normal')
    const others = entries.flatMap(([agent, each]) => (agent === EVERYBODY ? [each] : []))
    for (const [agent, { rung, by, why, atMs }] of [
      ...fenced,
      ...others.map((each) => ['everybody else', each] as const),
    ])
      call.print.line(
        `${agent} is ${rung}, since ${new Date(atMs).toISOString()}, by ${printable(by)}: ${printable(why)}`,
      )
    for (const each of fences) if (!each.ok) call.print.fault(each.reason)
    const whole = fences.every(({ ok }) => ok) && done.every(({ ok }) => ok)
    call.print.object({ ok: whole, cells, contained: Object.fromEntries(fenced), others })
    return whole ? EXIT.ok : EXIT.integrity
  },
}
