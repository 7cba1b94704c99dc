import type { Rung } from '../../../model/index.ts'
import { type Command, EXIT } from '../../command.ts'
import { CONTAIN_OPTIONS, contain, rungIn } from '../../contain/contain.ts'

export const command: Command = {
  name: 'contain',
  usage: [
    'firebreak contain <agent|cell|owner|environment|all> [--rung frozen] [--as <person>] [--why <text>]',
    'firebreak contain agent:<name>|environment:<name>|owner:<name>, where a name is several things',
  ],
  example:
    'firebreak contain refund-bot --as maria.silva@shop.example --why "it refunds the same order again and again"',
  words: 1,
  options: {
    rung: {
      type: 'string',
      value: 'rung',
      help: 'watched, restricted, quarantined, frozen or killed (default: frozen)',
    },
    ...CONTAIN_OPTIONS,
  },
  run: async (call) => {
    const rung = rungIn(call.text('rung') ?? 'frozen', 'normal') as Exclude<Rung, 'normal'> | undefined
    if (rung !== undefined) return contain(call, rung)
    call.print.fault(
      `--rung ${call.text('rung')}: there is no such rung`,
      'watched, restricted, quarantined, frozen, killed',
    )
    return EXIT.usage
  },
}
