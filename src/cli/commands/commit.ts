import { type Command, EXIT } from '../command.ts'

export const command: Command = {
  name: 'commit',
  summary: 'not built yet',
  usage: ['firebreak commit'],
  example: 'firebreak commit',
  options: {},
  run: async (call) => {
    call.print.fault('not built yet')
    return EXIT.failed
  },
}
