import { sourceText } from '../../model/index.ts'
import { type Call, type Command, EXIT, type ExitCode } from '../command.ts'
import { readConfig } from '../config.ts'

export const command: Command = {
  name: 'policy',
  summary: 'Judge the configuration, its grants and its policies, without starting anything',
  usage: ['firebreak policy validate [--config <file>]'],
  example: 'firebreak policy validate --config firebreak.yaml',
  options: {
    config: { type: 'string', short: 'c', value: 'file', help: 'the configuration (default: firebreak.yaml)' },
  },
  run,
}

async function run(call: Call): Promise<ExitCode> {
  if (call.positionals[0] !== 'validate') {
    call.print.fault('policy what?', `usage: ${command.usage[0]}`)
    return EXIT.usage
  }
  const read = await readConfig(call)
  if (!read.ok) return read.reason
  const { policies, config } = read.value
  const forbids = policies.policies.filter(({ effect }) => effect === 'forbid')
  const permits = policies.policies.filter(({ effect }) => effect === 'permit')
  call.print.line(`${config.file}: ${permits.length} grants, ${forbids.length} policies that forbid, no problem`)
  for (const { id, source } of policies.waiting) {
    call.print.line(
      `  not in force: ${id} (${sourceText(source)}) speaks of nothing that is declared and accepted yet (firebreak accept)`,
    )
  }
  call.print.object({
    ok: true,
    grants: permits.map(({ id }) => id),
    forbids: forbids.map(({ id }) => id),
    waiting: policies.waiting,
  })
  return EXIT.ok
}
