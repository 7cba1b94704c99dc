import { reachHost } from '../../../host/up/reach-host.ts'
import { type Command, EXIT } from '../../command.ts'
import { STATE_OPTIONS, stateOf } from '../../options/state.ts'
import { tellUnwritten } from '../../print/unwritten.ts'

export const command: Command = {
  name: 'down',
  usage: ['firebreak down [--state <dir>]'],
  example: 'firebreak down',
  options: STATE_OPTIONS,
  run: async (call) => {
    const reached = await reachHost(stateOf(call))
    if (!reached.ok) {
      call.print.fault(`it was not ended: ${reached.reason}`, 'firebreak contain all ends what does not answer')
      return EXIT.storeUnreachable
    }
    const host = reached.value
    if (host === undefined) {
      call.print.fault(`no host is up over ${stateOf(call)}`, 'firebreak ps shows what runs')
      return EXIT.failed
    }
    const down = await host.down()
    if (!down.ok) {
      call.print.fault(`not ended in order: ${down.reason}`, 'firebreak contain all ends what does not answer')
      return EXIT.failed
    }
    call.print.line('down')
    for (const each of down.value) tellUnwritten(call, each)
    call.print.object({ ok: down.value.length === 0, unwritten: down.value })
    return down.value.length > 0 ? EXIT.contained : EXIT.ok
  },
}
