import { reachHost } from '../../../host/up/reach-host.ts'
import { type Command, EXIT } from '../../command.ts'
import { STATE_OPTIONS, stateOf } from '../../options/state.ts'

export const command: Command = {
  name: 'down',
  usage: ['firebreak down [--state <dir>]'],
  example: 'firebreak down',
  options: STATE_OPTIONS,
  run: async (call) => {
    const host = await reachHost(stateOf(call))
    if (host === undefined) {
      call.print.fault(`no host is up over ${stateOf(call)}`, 'firebreak ps shows what runs')
      return EXIT.failed
    }
    const down = await host.down()
    if (!down.ok) {
      call.print.fault(`it was not ended: ${down.reason}`, 'firebreak contain all ends what does not answer')
      return EXIT.failed
    }
    call.print.line('down')
    call.print.object({ ok: true })
    return EXIT.ok
  },
}
