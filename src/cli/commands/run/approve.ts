import type { Command } from '../../command.ts'
import { ANSWER_OPTIONS, answer } from '../../print/holds.ts'

export const command: Command = {
  name: 'approve',
  usage: ['firebreak approve <hold> [--as <person>] [--for 15min] [--why <text>] [--read <digest>] [--always]'],
  example: 'firebreak approve a_01m82853vq550y88gntt --as maria.silva@shop.example --why "known supplier"',
  words: 1,
  options: {
    ...ANSWER_OPTIONS,
    for: { type: 'string', value: 'duration', help: 'how long the approval may be used (default: 15min, at most 1h)' },
    read: {
      type: 'string',
      value: 'digest',
      help: 'of all that it would carry, as firebreak why shows it: for whoever has read it, and has no terminal to be asked on',
    },
    always: { type: 'boolean', help: 'also show the rule that would let it pass always' },
  },
  run: (call) => answer(call, true),
}
