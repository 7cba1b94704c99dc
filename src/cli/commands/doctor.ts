import { probeHost } from '../../cells/probe.ts'
import { promiseTable } from '../../control/promises.ts'
import { type Call, type Command, EXIT, type ExitCode } from '../command.ts'

export const command: Command = {
  name: 'doctor',
  summary: 'Show what this host can enforce, promise by promise, and how to fix what it cannot',
  usage: ['firebreak doctor [--profile full|user]'],
  example: 'firebreak doctor --json',
  options: { profile: { type: 'string', value: 'full|user', help: 'exit 1 unless everything of this profile holds' } },
  run,
}

async function run(call: Call): Promise<ExitCode> {
  const wanted = call.text('profile')
  if (wanted !== undefined && wanted !== 'full' && wanted !== 'user') {
    call.print.fault('--profile is full or user')
    return EXIT.usage
  }
  const report = probeHost()
  const table = promiseTable(report)
  call.print.line(`kernel ${report.kernel}; best profile here: ${report.profile ?? 'none: no cell can be started'}`)
  call.print.line('')
  call.print.line('what this host has')
  for (const { ability, holds, why, fix } of report.findings) {
    call.print.line(`  ${holds ? 'yes' : 'NO '}  ${ability.padEnd(18)} ${why}`)
    if (fix !== undefined) call.print.line(`       ${''.padEnd(18)} → ${fix}`)
  }
  call.print.line('')
  call.print.line(`${'promise'.padEnd(58)}full  user`)
  for (const { promise, full, user, why } of table) {
    const gap = full && user ? '' : `  ${why}`
    call.print.line(`  ${promise.padEnd(56)}${full ? 'yes ' : 'NO  '}  ${user ? 'yes' : 'no '}${gap}`)
  }
  const ok = wanted === undefined ? report.profile !== undefined : table.every((line) => line[wanted])
  call.print.object({ ok, ...report, table })
  return ok ? EXIT.ok : EXIT.failed
}
