import { type Command, EXIT } from '../command.ts'

export const command: Command = {
  name: 'diff',
  summary: 'not built yet',
  usage: ['firebreak diff'],
  example: 'firebreak diff',
  options: {},
  run: async (call) => {
    call.print.fault('not built yet')
    return EXIT.failed
  },
}
