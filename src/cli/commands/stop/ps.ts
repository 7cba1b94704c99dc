import type { Standing } from '../../../cells/census.ts'
import { askWardens } from '../../../host/people/control-socket.ts'
import { hasBegun, storesOf } from '../../../host/state/stores.ts'
import { statesIn } from '../../../host/state/tenants.ts'
import { eventually } from '../../../host/stop/containment.ts'
import { EVERYBODY } from '../../../host/stop/fences.ts'
import { standingIn } from '../../../host/stop/order/census.ts'
import { reachHost } from '../../../host/up/reach-host.ts'
import { type Command, EXIT } from '../../command.ts'
import { STATE_OPTIONS, stateOf } from '../../options/state.ts'
import { folded, printable } from '../../print/printable.ts'
import { column, safeLine, sentence } from '../../print/safe-line.ts'

export const command: Command = {
  name: 'ps',
  usage: ['firebreak ps [--state <dir>]'],
  example: 'firebreak ps --json',
  options: STATE_OPTIONS,
  run: async (call) => {
    const all = statesIn(stateOf(call))
    const states = all.filter(hasBegun)
    const before = new Set(standingIn(all).flatMap(({ cell, begun }) => (begun ? [cell] : [])))
    const done = (await Promise.all(all.map((each) => askWardens(each, { kind: 'cells' }, () => undefined)))).flat()
    const cells = done.flatMap((each) => each.cells ?? [])
    for (const { ok, said } of done) if (!ok) call.print.fault(said)
    for (const { cell, agent, environment, rung, sinceMs } of cells) {
      const since = new Date(sinceMs).toISOString()
      const [of, within] = [column(agent, 20), column(environment, 14)]
      call.print.line(safeLine`${cell}  ${of} ${within} ${column(rung, 11)} since ${since}`.text)
    }
    const host = await (await reachHost(stateOf(call)))?.about()
    if (host?.ok) {
      const since = new Date(host.value.sinceMs).toISOString()
      call.print.line(safeLine`a host is up: process ${sentence(String(host.value.pid))}, since ${since}`.text)
    }
    // What ran before the wardens were asked, and runs after it, is a cell of theirs, or of nobody.
    const cuts = new Set<string>()
    const named = new Set(cells.map(({ cell }) => cell))
    const unnamed = () => standingIn(all, cuts).filter((each) => before.has(each.cell) && isUnnamed(each, named))
    await eventually(() => unnamed().length === 0, ENDING_MS_MAX)
    const untold = unnamed().map(({ cell, about }) => ({ cell, agent: about?.agent, environment: about?.environment }))
    for (const { cell, agent = 'a server', environment = '' } of untold) {
      const fix = 'firebreak contain all ends what no warden tells of'
      call.print.fault(`${cell} runs (${printable(agent)}, ${printable(environment)}), and no warden tells of it`, fix)
    }
    for (const cut of cuts) call.print.fault(`what runs could not be looked at in whole: ${printable(cut)}`)
    const seen = untold.length === 0 && cuts.size === 0
    if (cells.length === 0 && seen && done.every(({ ok }) => ok)) call.print.line('no cell runs')
    const fences = states.map((each) => storesOf(each).fences.read())
    const entries = fences.flatMap((each) => (each.ok ? [...each.value] : []))
    const fenced = entries.filter(([agent, { rung }]) => agent !== EVERYBODY && rung !== 'normal')
    const others = entries.flatMap(([agent, each]) => (agent === EVERYBODY ? [each] : []))
    for (const [agent, { rung, by, why, atMs }] of [
      ...fenced,
      ...others.map((each) => [safeLine`everybody else`, each] as const),
    ])
      for (const line of folded(
        safeLine`${agent} is ${rung}, since ${new Date(atMs).toISOString()}, by ${by}: ${sentence(why)}`.text,
      ))
        call.print.line(line)
    for (const each of fences) if (!each.ok) call.print.fault(each.reason)
    const whole = seen && fences.every(({ ok }) => ok) && done.every(({ ok }) => ok)
    call.print.object({
      ok: whole,
      host: host?.ok ? host.value.pid : null,
      cells,
      untold,
      contained: Object.fromEntries(fenced),
      others,
    })
    return whole ? EXIT.ok : EXIT.integrity
  },
}

/** Milliseconds in which a cell that its warden tells of no more is gone. */
const ENDING_MS_MAX = 1_500

/** Tells whether a cell that runs is an agent's, or serves an agent's alone, that no warden has named. */
function isUnnamed({ cell, about, begun }: Standing, named: ReadonlySet<string>): boolean {
  if (about?.part === 'agent') return begun && !named.has(cell)
  return about?.part === 'server' && about.of !== undefined && !named.has(about.of)
}
