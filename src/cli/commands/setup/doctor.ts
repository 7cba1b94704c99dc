import { existsSync } from 'node:fs'
import type { HostReport } from '../../../cells/abilities.ts'
import { type Demand, demandsOf } from '../../../control/advice/demands.ts'
import { promiseTable } from '../../../control/advice/promises.ts'
import { surveyFor } from '../../../control/advice/survey.ts'
import { tryAll } from '../../../control/advice/try-launch.ts'
import { defaultDriver } from '../../../host/drivers.ts'
import { ok, type Result } from '../../../model/index.ts'
import { type Call, type Command, configFile, EXIT, type ExitCode } from '../../command.ts'
import { readConfig } from '../../options/config.ts'
import { stateFault, stateOf } from '../../options/state.ts'
import { wrapped } from '../../print/printable.ts'

export const command: Command = {
  name: 'doctor',
  usage: ['firebreak doctor [--config <file>] [--profile full|user] [--quick]'],
  example: 'firebreak doctor\nfirebreak doctor --config firebreak.yaml --json\nfirebreak doctor --quick',
  options: {
    config: {
      type: 'string',
      short: 'c',
      value: 'file',
      help: 'whose demands (default: firebreak.yaml, where there is one)',
    },
    profile: { type: 'string', value: 'full|user', help: 'exit 1 unless everything of this profile holds' },
    quick: { type: 'boolean', help: 'only look: start no agent up to its first instruction, and ask no upstream' },
    state: {
      type: 'string',
      value: 'dir',
      help: 'where runs keep theirs (default: .firebreak beside the configuration)',
    },
  },
  run,
}

async function run(call: Call): Promise<ExitCode> {
  const wanted = call.text('profile')
  if (wanted !== undefined && wanted !== 'full' && wanted !== 'user') {
    call.print.fault('--profile is full or user')
    return EXIT.usage
  }
  call.print.progress('trying what this host has')
  const report = await (await defaultDriver()).abilities()
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
    const gap = (full && user) || why === '' ? '' : `  ${why}`
    call.print.line(`  ${promise.padEnd(56)}${full ? 'yes ' : 'NO  '}  ${user ? 'yes' : 'no '}${gap}`)
  }
  const demands = await demanded(call, report)
  if (demands !== undefined && !demands.ok) return demands.reason
  for (const line of demandLines(demands?.value ?? [])) call.print.line(line)
  const fits = demands?.value.every(({ verdict }) => verdict !== 'missing') ?? true
  const good = fits && (wanted === undefined ? report.profile !== undefined : table.every((line) => line[wanted]))
  call.print.object({ ok: good, ...report, table, ...(demands && { demands: demands.value }) })
  return good ? EXIT.ok : EXIT.failed
}

/** Returns the demands of the configuration that was named, or that lies here or beside; undefined where there is none. */
async function demanded(call: Call, report: HostReport): Promise<Result<readonly Demand[], ExitCode> | undefined> {
  if (call.text('config') === undefined && !existsSync(configFile(call))) return undefined
  const judged = await readConfig(call)
  if (!judged.ok) return judged
  const { config } = judged.value
  if (config.secrets.size > 0) call.print.progress('reading secrets, and looking who listens')
  const state = stateOf(call)
  const seen = await surveyFor(config, report, state, call.print.progress)
  const startable = report.profile === 'full' || (report.profile === 'user' && config.profile === 'user')
  const fault = stateFault(state)
  const others = fault && { verdict: 'missing' as const, about: 'state', why: fault.problem, fix: fault.fix }
  const demands = [...(others ? [others] : []), ...demandsOf(judged.value, seen)]
  if (call.flag('quick') || !startable) return ok(demands)
  const amiss = new Set(demands.flatMap(({ about, verdict }) => (verdict === 'missing' ? [about] : [])))
  const refused = new Set([...config.agents.keys()].filter((name) => amiss.has(`agent ${name}`)))
  const tried = await tryAll(judged.value, state, refused, call.print.progress)
  return ok([...(others ? [others] : []), ...demandsOf(judged.value, { ...seen, ...tried })])
}

const SIGN = { missing: 'NO  ', look: 'look', holds: 'yes ' } as const

function demandLines(demands: readonly Demand[]): readonly string[] {
  if (demands.length === 0) return []
  const width = Math.min(30, Math.max(...demands.map(({ about }) => about.length))) + 2
  const lines = demands.flatMap(({ verdict, about, why, fix }) => [
    ...wrapped(`  ${SIGN[verdict]}  ${about.padEnd(width)}`, why),
    ...(fix === undefined ? [] : wrapped(`        ${''.padEnd(width)}→ `, fix)),
  ])
  const count = (verdict: Demand['verdict']) => demands.filter((demand) => demand.verdict === verdict).length
  const sum = `${count('missing')} missing, ${count('look')} to look at`
  return ['', `what the configuration demands (${sum})`, ...lines]
}
