import type { Command } from '../../command.ts'
import { ANSWER_OPTIONS, answer } from '../../print/holds.ts'

export const command: Command = {
  name: 'deny',
  usage: ['firebreak deny <hold> [--as <person>] [--why <text>]'],
  example: 'firebreak deny a_01m82853vq550y88gntt --why "not our account"',
  words: 1,
  options: ANSWER_OPTIONS,
  run: (call) => answer(call, false),
}
