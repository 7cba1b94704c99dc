import type { Judged } from '../../../host/prepare/setup.ts'
import { sealedPlaceOf } from '../../../host/state/stores.ts'
import { logsAt } from '../../../ledger/files/file-logs.ts'
import { faultText } from '../../../ledger/log/fault.ts'
import type { Log } from '../../../ledger/store.ts'
import { DETECTOR_NAMES, type DetectorName } from '../../../model/index.ts'
import { explain } from '../../../policy/index.ts'
import { rehearse } from '../../../rehearsal/attempt.ts'
import { type Rejudged, replayLog } from '../../../rehearsal/replay.ts'
import { replayDetectors, type WouldFire } from '../../../rehearsal/replay-detectors.ts'
import { type DecisionDifference, differencesIn } from '../../../rehearsal/replay-groups.ts'
import { type Call, type Command, EXIT, type ExitCode } from '../../command.ts'
import { readConfig } from '../../options/config.ts'
import { STATE_OPTIONS, stateOf } from '../../options/state.ts'
import { named, plain, printable } from '../../print/printable.ts'

export const command: Command = {
  name: 'replay',
  usage: [
    'firebreak replay [<ledger dir>] --config <file>',
    'firebreak replay [<ledger dir>] --detector <name|all> [--config <file>]',
  ],
  example: 'firebreak replay .firebreak/ledger --config firebreak.new.yaml',
  words: 1,
  options: {
    config: {
      type: 'string',
      short: 'c',
      value: 'file',
      help: 'the configuration to judge by (default: firebreak.yaml)',
    },
    ...STATE_OPTIONS,
    detector: {
      type: 'string',
      value: 'name|all',
      help: 'tell when it would have fired, and on what (an unknown name lists them)',
    },
    all: { type: 'boolean', help: 'list every action that differs, not only the first ten of each rule' },
  },
  run,
}

const SHOWN_MAX = 10

async function run(call: Call): Promise<ExitCode> {
  const directory = call.positionals[0] ?? sealedPlaceOf(stateOf(call)).ledgerDirectory
  const logs = await logsAt(directory)
  if (logs.length === 0) {
    call.print.fault(
      `there is no ledger in ${directory}`,
      'a run keeps it in .firebreak/ledger beside its configuration',
    )
    return EXIT.storeUnreachable
  }
  const detector = call.text('detector')
  const names = DETECTOR_NAMES.filter((name) => detector === 'all' || detector === name)
  if (detector !== undefined && names.length === 0) {
    call.print.fault(`there is no detector "${detector}"`, `all, or one of: ${DETECTOR_NAMES.join(', ')}`)
    return EXIT.usage
  }
  const judged = await readConfig(call)
  if (!judged.ok) return judged.reason
  if (detector !== undefined) return detect(call, judged.value, names, logs)
  const rehearsal = rehearse(judged.value)
  const actions: Rejudged[] = []
  let apart = 0
  for (const log of logs) {
    const replayed = await replayLog(rehearsal, log)
    if (!replayed.ok) {
      call.print.fault(faultText(replayed.reason), 'firebreak ledger verify tells more')
      return EXIT.storeUnreachable
    }
    actions.push(...replayed.value.actions)
    apart += replayed.value.apart
  }
  const differences = differencesIn(actions)
  const partly = partlyIn(actions)
  for (const line of textOf(actions, apart, differences, partly, call.flag('all'))) call.print.line(printable(line))
  call.print.object({
    ok: true,
    judged: actions.length,
    apart,
    partly,
    differences: differences.map(({ actions: own, ...rest }) => ({ ...rest, actions: own.map(actionObject) })),
  })
  return EXIT.ok
}

async function detect(
  call: Call,
  judged: Judged,
  names: readonly DetectorName[],
  logs: readonly Log[],
): Promise<ExitCode> {
  const signals: WouldFire[] = []
  let [entries, partly] = [0, 0]
  for (const log of logs) {
    const replayed = await replayDetectors(judged, names, log)
    if (!replayed.ok) {
      call.print.fault(faultText(replayed.reason), 'firebreak ledger verify tells more')
      return EXIT.storeUnreachable
    }
    signals.push(...replayed.value.signals)
    entries += replayed.value.entries
    partly += replayed.value.partly
  }
  const shown = signals.slice(0, call.flag('all') ? signals.length : SIGNALS_SHOWN_MAX)
  const lines = [
    `${entries} entries folded through ${names.length === 1 ? names[0] : `${names.length} detectors`}: ${signals.length} signals`,
    ...(partly === 0 ? [] : [`of ${partly} attempts the arguments could be read in part only`]),
    ...shown.flatMap(signalLines),
    ...(shown.length === signals.length ? [] : [`… and ${signals.length - shown.length} more: --all`]),
  ]
  for (const line of lines) call.print.line(printable(line))
  call.print.object({ ok: true, detectors: names, entries, partly, signals })
  return EXIT.ok
}

const SIGNALS_SHOWN_MAX = 50

function signalLines({ atMs, detector, mode, rung, what, cell, agent, tool, evidence, log, action }: WouldFire) {
  const would = mode === 'enforce' ? `would move it to ${rung}` : `would only tell (${rung}, if it enforced)`
  const about = [
    log,
    cell,
    agent,
    ...(tool === undefined ? [] : [named(tool)]),
    ...(action === undefined ? [] : [action]),
  ]
  return [
    '',
    `${new Date(atMs).toISOString()}  ${detector}: ${plain(what, 1)}`,
    `    ${about.join('  ')}`,
    `    ${would}; evidence: entries ${evidence.join(', ')}`,
  ]
}

/** Returns the reasons why actions could be judged in part only, each with their number. */
function partlyIn(actions: readonly Rejudged[]): Readonly<Record<string, number>> {
  const partly = actions.flatMap((each) => (each.partly === undefined ? [] : [each.partly]))
  const counts = Map.groupBy(partly, (why) => why)
  return Object.fromEntries([...counts].sort(([a], [b]) => (a < b ? -1 : 1)).map(([why, own]) => [why, own.length]))
}

function textOf(
  actions: readonly Rejudged[],
  apart: number,
  differences: readonly DecisionDifference[],
  partly: Readonly<Record<string, number>>,
  all: boolean,
): readonly string[] {
  const differing = differences.reduce((sum, { actions: own }) => sum + own.length, 0)
  const unsure = Object.values(partly).reduce((sum, count) => sum + count, 0)
  const left = apart === 0 ? '' : `; ${apart} that no configuration decides were left out`
  return [
    `${actions.length} actions judged again: ${actions.length - differing} as before, ${differing} otherwise${left}`,
    ...(unsure === 0 ? [] : [`${unsure} of them could be judged in part only:`]),
    ...Object.entries(partly).map(([why, count]) => `  ${count}  ${why}`),
    ...differences.flatMap(({ was, now, rule, actions: own }) => [
      '',
      `${NOW[now]}, and ${WAS[was]}: ${own.length}, by ${rule}`,
      ...own.slice(0, all ? own.length : SHOWN_MAX).flatMap(actionLines),
      ...(all || own.length <= SHOWN_MAX ? [] : [`  … and ${own.length - SHOWN_MAX} more: --all`]),
    ]),
  ]
}

const NOW = { deny: 'Would be refused', hold: 'Would wait for a person', allow: 'Would be allowed' } as const
const WAS = {
  deny: 'was refused',
  hold: 'waited for a person',
  allow: 'was allowed',
  approved: 'was approved',
} as const

function actionLines({ action, atMs, agent, tool, now, nowReasons, partly }: Rejudged): readonly string[] {
  const why = now === 'allow' ? [] : explain({ reasons: nowReasons }).slice(0, 1)
  return [
    `  ${action}  ${new Date(atMs).toISOString()}  ${agent}  ${named(tool)}${partly === undefined ? '' : '  (in part)'}`,
    ...why.map((line) => `      ${plain(line, 1)}`),
  ]
}

function actionObject({ wasReasons, nowReasons, ...rest }: Rejudged): object {
  const [first, ...more] = wasReasons
  return {
    ...rest,
    wasReasons: first === undefined ? [] : explain({ reasons: [first, ...more] }),
    nowReasons: explain({ reasons: nowReasons }),
  }
}
