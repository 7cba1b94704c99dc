import type { Command } from '../../command.ts'
import { CONTAIN_OPTIONS, contain } from '../../contain/contain.ts'

export const command: Command = {
  name: 'kill',
  usage: [
    'firebreak kill <agent|cell|owner|environment|all> [--as <person>] [--why <text>]',
    'firebreak kill agent:<name>|environment:<name>|owner:<name>, where a name is several things',
  ],
  example: 'firebreak kill all --why "somebody is in"',
  words: 1,
  options: CONTAIN_OPTIONS,
  run: (call) => contain(call, 'killed'),
}
