import { type Command, EXIT } from '../command.ts'

export const command: Command = {
  name: 'doctor',
  summary: 'not built yet',
  usage: ['firebreak doctor'],
  example: 'firebreak doctor',
  options: {},
  run: async (call) => {
    call.print.fault('not built yet')
    return EXIT.failed
  },
}
