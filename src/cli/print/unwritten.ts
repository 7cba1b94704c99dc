import type { Unwritten } from '../../host/stop/fence-again.ts'
import type { Call } from '../command.ts'

/** Tells of an order that the next start would not meet in the fence. */
export function tellUnwritten(call: Call, { agents, order: { id, rung, by, why }, problem }: Unwritten): void {
  const names = agents.join(', ')
  const restore = agents.map((name) => `firebreak contain ${name} --rung ${rung} --why <text>`)
  call.print.fault(
    `${names}: ordered to be ${rung} by ${by} (${why}, order ${id}), and the fence does not say so: ${problem}`,
    'when there is room on the disk of the state again, write it, before anything is started:',
    ...restore,
  )
}
