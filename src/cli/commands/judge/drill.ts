import { existsSync, readdirSync, writeFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import process from 'node:process'
import { loadConfig } from '../../../config/load.ts'
import { type Judged, judgeConfig } from '../../../host/prepare/setup.ts'
import { no, ok, type Result, sourceText } from '../../../model/index.ts'
import { type Drilled, runDrill } from '../../../rehearsal/drill/drill.ts'
import { coverageOf, detailOf, isFailure, junitOf, sarifOf, summaryOf } from '../../../rehearsal/drill/report.ts'
import { readScenario, type Scenario } from '../../../rehearsal/drill/scenario.ts'
import { type Call, type Command, EXIT, type ExitCode } from '../../command.ts'
import { readConfig } from '../../options/config.ts'
import { printable } from '../../print/printable.ts'

const SHIPPED = join(import.meta.dirname, '..', '..', '..', '..', 'share', 'drills')

export const command: Command = {
  name: 'drill',
  usage: [
    'firebreak drill [<drill>…] [--config <file>] [--agent <name>] [--coverage] [--junit <file>] [--sarif <file>]',
    'firebreak drill --reference    (against the configuration that the shipped drills are proven with)',
  ],
  example: 'firebreak drill refund-bot my-drill.yaml --agent refund-bot --junit drills.xml',
  words: Number.POSITIVE_INFINITY,
  options: {
    config: { type: 'string', short: 'c', value: 'file', help: 'the configuration (default: firebreak.yaml)' },
    agent: { type: 'string', short: 'a', value: 'name', help: 'who is compromised (default: the first agent of it)' },
    reference: { type: 'boolean', help: 'the shipped configuration instead of yours' },
    coverage: { type: 'boolean', help: 'also show which of the OWASP Top 10 for agents these runs have covered' },
    list: { type: 'boolean', help: 'only list the drills, with their incidents' },
    junit: { type: 'string', value: 'file', help: 'write the results as JUnit XML' },
    sarif: { type: 'string', value: 'file', help: 'write what was not contained as SARIF' },
  },
  run,
}

async function run(call: Call): Promise<ExitCode> {
  const scenarios = chosen(call)
  if (!scenarios.ok) return scenarios.reason
  if (call.flag('list')) return list(call, scenarios.value)
  const judged = call.flag('reference') ? await reference() : await readConfig(call)
  if (!judged.ok) return judged.reason
  const { agents } = judged.value.config
  const name = call.text('agent')
  const agent = [...agents.values()].find((each) => name === undefined || each.name === name)
  if (agent === undefined) {
    call.print.fault(`there is no agent "${name}"`, `declared: ${[...agents.keys()].join(', ')}`)
    return EXIT.usage
  }
  const all: Drilled[] = []
  for (const scenario of scenarios.value) {
    for (const part of ['attack', 'twin'] as const) {
      call.print.progress(`${scenario.id}: ${part}`)
      const drilled = await runDrill({ judged: judged.value, agent, scenario, part })
      if (!drilled.ok) {
        call.print.fault(
          `${scenario.id} could not be run: ${drilled.reason}`,
          'firebreak doctor tells what this host can give',
        )
        return EXIT.failed
      }
      all.push(drilled.value)
      tell(call, drilled.value)
      if (drilled.value.notApplicable !== undefined) break
    }
  }
  return report(call, all, judged.value.config.file)
}

function report(call: Call, all: readonly Drilled[], configuration: string): ExitCode {
  const coverage = coverageOf(all)
  if (call.flag('coverage')) {
    call.print.line('')
    for (const { id, name, contained, missed } of coverage) {
      const missing = missed.length === 0 ? '' : `  NOT CONTAINED: ${missed.join(', ')}`
      call.print.line(`${id}  ${name.padEnd(38)} ${contained.join(', ') || '–'}${missing}`)
    }
  }
  const [junit, sarif] = [call.text('junit'), call.text('sarif')]
  if (junit !== undefined) writeFileSync(junit, junitOf(all))
  if (sarif !== undefined)
    writeFileSync(sarif, `${JSON.stringify(sarifOf(all, basename(configuration)), undefined, 2)}\n`)
  const attacks = all.filter(({ part, notApplicable }) => part === 'attack' && notApplicable === undefined)
  const contained = attacks.filter(({ passed }) => passed).length
  const stopped = all.filter(({ part, passed }) => part === 'twin' && !passed).length
  const skipped = all.filter(({ part, notApplicable }) => part === 'attack' && notApplicable !== undefined).length
  const missing = skipped === 0 ? '' : `, ${skipped} not applicable here`
  call.print.line('')
  call.print.line(`${contained} of ${attacks.length} contained, ${stopped} honest twins stopped${missing}`)
  const failed = all.some(isFailure)
  call.print.object({
    ok: !failed,
    contained,
    attacks: attacks.length,
    twinsStopped: stopped,
    notApplicable: skipped,
    drills: all.map(({ scenario, steps: _, ...figures }) => ({ id: scenario.id, owasp: scenario.owasp, ...figures })),
    ...(call.flag('coverage') && { coverage }),
  })
  return failed ? EXIT.failed : EXIT.ok
}

function tell(call: Call, drilled: Drilled): void {
  const mark = drilled.notApplicable !== undefined ? '–  ' : drilled.passed ? 'yes' : 'NO '
  if (drilled.part === 'attack') {
    call.print.line('')
    call.print.line(`     ${drilled.scenario.title}`)
  }
  call.print.line(`${mark}  ${printable(summaryOf(drilled))}`)
  if (!drilled.passed) for (const line of detailOf(drilled).split('\n')) call.print.line(`       ${printable(line)}`)
  for (const { detector, what: seen } of drilled.signals) call.print.line(`     signal ${detector}: ${printable(seen)}`)
}

/** Returns the drills that are named, by name or by path; all that are shipped where none is. */
function chosen(call: Call): Result<readonly Scenario[], ExitCode> {
  const shipped = readdirSync(SHIPPED).filter((name) => name.endsWith('.yaml') && name !== 'firebreak.yaml')
  const paths = call.positionals.map((name) => {
    const own = join(SHIPPED, `${name}.yaml`)
    return /^[a-z0-9-]+$/.test(name) && existsSync(own) ? own : name
  })
  const wanted = paths.length > 0 ? paths : shipped.sort().map((name) => join(SHIPPED, name))
  const read = wanted.map((path) => ({ path, scenario: readScenario(path) }))
  for (const { path, scenario } of read) {
    if (scenario.ok) continue
    call.print.fault(
      `${path} is not a drill`,
      ...scenario.reason.map(
        ({ source, message, expected }) =>
          `${sourceText(source)}:${source.column} ${message}${expected === undefined ? '' : ` — expected ${expected}`}`,
      ),
      `shipped: ${shipped.map((name) => basename(name, '.yaml')).join(', ')}`,
    )
    return no(EXIT.usage)
  }
  return ok(read.flatMap(({ scenario }) => (scenario.ok ? [scenario.value] : [])))
}

function list(call: Call, scenarios: readonly Scenario[]): ExitCode {
  for (const { id, title, incident, owasp, controls } of scenarios) {
    call.print.line(`${id.padEnd(18)} ${title}`)
    call.print.line(
      `${' '.repeat(19)}${incident.what} (${incident.source}); ${owasp.join(', ')}; stopped by: ${controls.join(', ')}`,
    )
  }
  call.print.object({ ok: true, drills: scenarios.map(({ attack: _, twin: __, ...about }) => about) })
  return EXIT.ok
}

async function reference(): Promise<Result<Judged, ExitCode>> {
  const loaded = await loadConfig(join(SHIPPED, 'firebreak.yaml'), { node: process.execPath })
  const judged = loaded.ok ? await judgeConfig(loaded.value) : loaded
  if (!judged.ok) throw new Error(`the shipped configuration: ${JSON.stringify(judged.reason)}`)
  return judged
}
