/** The parts of a page, one function each, in the order in which they are read. */
import type { Block, Row } from './blocks.ts'
import type { EffectRow, Incident, ReceiptTold, StopTold, Tone } from './incident.ts'
import { counted, dateOf, joined, ours, rungText, timeOf, type Wording, w } from './wording.ts'

export function people({ people: acted }: Incident): readonly Block[] {
  if (acted.length === 0) return [text(w`The record names nobody.`)]
  const rows = acted.map(({ who, did, atMs }) => row([w`${who}`, did, atMs === undefined ? w`` : at(atMs)]))
  return [{ kind: 'table', columns: ['who', 'what', 'when (UTC)'], rows }]
}

export function timeline({ timeline: { moments, leftOut }, subject }: Incident): readonly Block[] {
  const days = new Set(moments.map(({ atMs }) => dateOf(atMs)))
  const one = days.size <= 1
  const rows = moments.map(({ seq, atMs, lastAtMs, count, tone, what }) => {
    const when = spanText(atMs, lastAtMs, one)
    return {
      cells: [ours(when), ours(`${seq}`), count === 1 ? what : w`${ours(count.toLocaleString('en'))} × ${what}`],
      tone,
    }
  })
  const date = [...days][0]
  return [
    ...(subject?.task === undefined ? [] : [text(w`Its task: ${subject.task}`)]),
    text(
      one && date !== undefined
        ? w`All times are UTC, on ${ours(date)}. Things that are alike share a line; “entry” is the first of them in the ledger.`
        : w`All times are UTC. Things that are alike share a line; “entry” is the first of them in the ledger.`,
    ),
    { kind: 'table', columns: ['when', 'entry', 'what'], rows },
    ...(leftOut > 0
      ? [
          text(
            w`${counted(leftOut, 'thing')} more between them ${ours(leftOut === 1 ? 'was' : 'were')} left out: firebreak logs has all.`,
          ),
        ]
      : []),
  ]
}

function spanText(from: number, to: number, one: boolean): string {
  const shown = (ms: number) => (one ? timeOf(ms) : `${dateOf(ms)} ${timeOf(ms)}`)
  if (shown(from) === shown(to)) return shown(from)
  return dateOf(from) === dateOf(to) ? `${shown(from)}–${timeOf(to)}` : `${shown(from)}–${shown(to)}`
}

export function authority({ authority: { grants, reach, problem }, subject }: Incident): readonly Block[] {
  const rows = grants.map(({ id, by, place, upstream, tools, when, budgets, used }) => {
    const what = w`${upstream}: ${list(tools)}${when === undefined ? w`` : w`, when ${when}`}`
    const spent = used.spend.length === 0 ? w`` : w`, ${list(used.spend)}`
    const calls = w`${counted(used.calls, 'call')}${spent}`
    return row([w`${id}, by ${by}, ${place}`, what, budgets.length === 0 ? w`no budget` : list(budgets), calls])
  })
  return [
    ...(problem === undefined ? [] : [text(w`${problem}`, 'refused')]),
    ...(subject?.configuration === undefined
      ? []
      : [text(w`Its gateway decided by configuration ${subject.configuration}.`)]),
    ...(rows.length === 0
      ? []
      : [{ kind: 'table', columns: ['grant', 'what for', 'budget', 'used'], rows } satisfies Block]),
    ...(reach.length === 0 ? [] : [text(w`At worst it could have done this (firebreak reach):`), lines(reach)]),
  ]
}

export function gotOut({ effects: { rows, leftOut, notSent }, stops: told }: Incident): readonly Block[] {
  const mayLand = told.reduce((sum, { mayLand: each }) => Math.max(sum, each), 0)
  const open = rows
    .filter(({ outcome }) => outcome === 'unknown' || outcome === 'unanswered')
    .reduce((sum, { count }) => sum + count, 0)
  return [
    ...(rows.length === 0 ? [text(w`No effect of it is recorded to have left.`)] : [effectTable(rows)]),
    ...(leftOut > 0
      ? [text(w`${counted(leftOut, 'effect')} more left out: firebreak undo with --dry-run lists all.`)]
      : []),
    text(
      w`${counted(notSent, 'action')} with an effect ${ours(notSent === 1 ? 'was' : 'were')} let through and never sent, or not looked at by ${ours(notSent === 1 ? 'its' : 'their')} upstream.`,
    ),
    mayLand === 0
      ? text(w`In flight when it was stopped: nothing.`)
      : text(w`In flight when it was stopped: ${counted(mayLand, 'action')}. Unknown, MAY STILL LAND.`, 'stop'),
    ...inFlight(told),
    ...(open > 0
      ? [
          text(
            w`${counted(open, 'effect')} of these has no answer to this day: unknown, may have landed, or may still land.`,
            'stop',
          ),
        ]
      : []),
  ]
}

function inFlight(told: readonly StopTold[]): readonly Block[] {
  const actions = new Map(told.flatMap((each) => each.inFlight).map((each) => [each.action, each]))
  if (actions.size === 0) return []
  const rows = [...actions.values()].map(({ action, tool, now }) =>
    row([w`${action}`, w`${tool}`, ours(OUTCOMES[now])]),
  )
  return [{ kind: 'table', columns: ['in flight', 'what', 'answer until today'], rows }]
}

function effectTable(rows: readonly EffectRow[]): Block {
  const shown = rows.map(
    ({ tool, effect, count, destinations, spend, labels, outcome, firstAtMs, lastAtMs, action }) => {
      const carried = labels.length === 0 ? w`` : w`, having seen ${list(labels)} data`
      const where = destinations.length === 0 ? w`–` : list(destinations)
      return row([
        w`${count} × ${tool} (${ours(effect)})${carried}`,
        where,
        spend.length === 0 ? w`–` : list(spend),
        ours(`${dateOf(firstAtMs)} ${spanText(firstAtMs, lastAtMs, true)}`),
        ours(OUTCOMES[outcome]),
        w`${action}`,
      ])
    },
  )
  return { kind: 'table', columns: ['what', 'where to', 'amount', 'when (UTC)', 'answer', 'newest'], rows: shown }
}

const OUTCOMES: Readonly<Record<EffectRow['outcome'] | 'not-sent', string>> = {
  'not-sent': 'it was never sent, or not looked at by its upstream',
  done: 'done',
  failed: 'an error: it may have happened',
  withheld: 'done; the answer was withheld',
  unanswered: 'none to it, what came was withheld: it may have happened',
  unknown: 'none: it may have happened',
}

export function undone({ effects: { rows, totals, undos } }: Incident): readonly Block[] {
  if (totals.effects === 0) return [text(w`There was nothing to undo.`)]
  const shown = rows.map(({ tool, count, spend, standing, by, why, howToFindOut }) => {
    const how = [
      ...(why === undefined ? [] : [w`${why}`]),
      ...(howToFindOut === undefined ? [] : [w`to find out: ${howToFindOut}`]),
    ]
    const tone = standing === 'undone' ? 'back' : standing === 'unknown' || standing === 'failed' ? 'stop' : 'plain'
    const word =
      standing === 'undone'
        ? by === 'check'
          ? 'undone, its check says so'
          : 'undone, by its answer'
        : STANDINGS[standing]
    return {
      cells: [ours(word), w`${count} × ${tool}`, spend.length === 0 ? w`–` : list(spend), joined(how, '; ')],
      tone,
    } satisfies Row
  })
  const orders = undos.map(({ atMs, by, why }) => w`${at(atMs)}: ordered by ${by}: ${why}`)
  const { effects, undone: back, undoable, irreversible, failed, unknown } = totals
  return [
    text(
      w`${counted(effects, 'effect')}: ${back} undone, ${undoable} can be undone, ${irreversible} irreversible, ${failed} failed, ${unknown} unknown.`,
    ),
    ...(orders.length === 0
      ? [text(w`Nobody has ordered an undo.`)]
      : [{ kind: 'list', items: orders } satisfies Block]),
    { kind: 'table', columns: ['stands', 'what', 'amount', 'why, and how to find out'], rows: shown },
  ]
}

const STANDINGS: Readonly<Record<EffectRow['standing'], string>> = {
  undone: 'undone',
  undoable: 'can be undone',
  irreversible: 'irreversible',
  failed: 'FAILED',
  unknown: 'UNKNOWN',
}

export function stops({ stops: told, stopsLeftOut, verdict }: Incident): readonly Block[] {
  if (told.length === 0) {
    const none =
      verdict.stop === undefined
        ? w`No order to stop it is recorded.`
        : w`It was lowered at the gate; no receipt of the warden stands in the ledger.`
    return [text(none, 'stop')]
  }
  const more = stopsLeftOut === 0 ? [] : [text(w`${counted(stopsLeftOut, 'more order')} to stop it left out.`)]
  return [...told.flatMap(stop), ...more]
}

function stop({ order, atMs, rung, contained, by, why, confirmations, receipt, recorded }: StopTold): readonly Block[] {
  const who = by === 'firebreak' ? w`Firebreak` : w`${by}`
  const verdict = contained ? w`every point has confirmed: contained.` : w`NOT CONTAINED.`
  const rows = confirmations.map(({ point, by: whose, confirmed, said, afterMs, escalated }) => ({
    cells: [
      ours(confirmed ? 'yes' : 'NO'),
      w`${point}`,
      WITNESSES.has(whose) ? ours(whose) : w`${whose}`,
      ours(`${afterMs.toFixed(1)} ms${escalated ? ', ended harder' : ''}`),
      w`${said}`,
    ],
    tone: confirmed ? ('plain' as const) : ('stop' as const),
  }))
  return [
    text(
      w`Order ${order}, ${at(atMs)}, by ${who}, to ${rungText(rung)}: ${why}. Of it, ${verdict}`,
      contained ? 'plain' : 'stop',
    ),
    { kind: 'table', columns: ['confirmed', 'point', 'whose word', 'after', 'in its words'], rows },
    { kind: 'facts', facts: receiptFacts(receipt) },
    ...(recorded
      ? []
      : [
          text(
            w`No entry of the ledger tells of this order: no gateway was left to write one. Its signed receipt does.`,
          ),
        ]),
  ]
}

/** Sources of confirmations that the page knows. */
const WITNESSES: ReadonlySet<string> = new Set(['kernel', 'gateway', 'disk'])

function receiptFacts(receipt: ReceiptTold): readonly (readonly [string, Wording])[] {
  if (receipt.kind === 'missing') return [['receipt', w`NOT FOUND: ${receipt.problem}`]]
  const { file, sha256, signed, entriesFile, entriesSha256, entriesMatch, processes, files } = receipt
  return [
    [
      'receipt',
      w`${file}, sha-256 ${sha256}, ${ours(signed ? 'signed with the warden’s key (warden.pub beside it)' : 'NOT SIGNED by the warden’s key')}`,
    ],
    ...(entriesFile === undefined || entriesSha256 === undefined
      ? []
      : [
          [
            'entries',
            w`${entriesFile}, sha-256 ${entriesSha256}, ${ours(entriesMatch === true ? 'as the receipt says' : 'NOT as the receipt says')}`,
          ] as const,
        ]),
    ...(processes === undefined
      ? []
      : [
          [
            'captured',
            w`${counted(processes, 'process', 'processes')}${files === undefined ? w`` : w`, ${counted(files, 'changed file')}`}`,
          ] as const,
        ]),
  ]
}

export function proof({ proof: told, read, log, madeAtMs }: Incident): readonly Block[] {
  const { log: report, problem, findings, findingsLeftOut, witnessKey, entries } = told
  const facts: (readonly [string, Wording])[] = [
    [
      'log',
      w`${log}; this cell from entry ${read.firstSeq ?? 0} to ${read.lastSeq ?? 0}, ${counted(read.own, 'entry', 'entries')} of ${read.entries}`,
    ],
  ]
  if (report !== undefined) {
    const { intact, sealed, seals, sealedAtMs, root, entries: all } = report
    const newest = sealedAtMs === undefined ? w`` : w`, the newest of ${at(sealedAtMs)}`
    facts.push([
      'verified',
      ours(intact ? 'intact: every entry under a seal is as it was when the witness signed' : 'NOT INTACT'),
    ])
    facts.push(['seals', w`${sealed} of ${all} entries are under ${seals} seals of the witness${newest}`])
    facts.push(['root', w`${root}`])
  }
  if (problem !== undefined) facts.push(['not verified', w`${problem}`])
  if (witnessKey !== undefined) facts.push(['witness key', w`${witnessKey}`])
  return [
    { kind: 'facts', facts },
    ...(findings.length === 0 ? [] : [{ kind: 'list', items: findings.map((each) => w`${each}`) } satisfies Block]),
    ...(findingsLeftOut > 0
      ? [text(w`${counted(findingsLeftOut, 'more finding')}: firebreak ledger verify tells all.`)]
      : []),
    text(
      w`Whoever has the ledger, and the witness’s directory or its key from somewhere else, checks it with nothing of ours but the program:`,
    ),
    lines(
      [
        'firebreak ledger verify <ledger> --witness <witness>',
        ...entries
          .slice(0, 4)
          .map((seq) => `firebreak ledger prove <ledger> --witness <witness> --log ${log} --entry ${seq}`),
      ],
      'sh',
    ),
    { kind: 'list', items: notProven(told) },
    text(
      w`Made at ${at(madeAtMs)} from what the ledger, the receipts and the configuration said then. This page itself is not signed: what it says is checked against them.`,
    ),
  ]
}

function notProven({ log }: Incident['proof']): readonly Wording[] {
  const unsealed = log === undefined ? 0 : log.entries - log.sealed
  return [
    ...(unsealed > 0
      ? [w`Not proven: the last ${counted(unsealed, 'entry', 'entries')}, which no seal covers yet.`]
      : []),
    ...(log !== undefined && log.payloadsUnchecked > 0
      ? [w`Not proven: ${counted(log.payloadsUnchecked, 'payload')} without a key here; their commitments are proven.`]
      : []),
    w`Not proven: that the upstreams did what they answered, where no check was asked; and the configuration at hand, which lies outside the ledger but for its digest.`,
  ]
}

export function change({ change: { proposals, patch, reach, problem } }: Incident): readonly Block[] {
  const rows = proposals.map(({ what, why }) => row([what, why]))
  return [
    ...(problem === undefined ? [] : [text(w`${problem}`)]),
    ...(rows.length === 0
      ? [text(w`The record suggests nothing that is narrower.`)]
      : [
          text(w`A proposal for a person, from what the record has seen; nothing of it has been applied.`),
          { kind: 'table', columns: ['change', 'because'], rows } satisfies Block,
        ]),
    ...(patch.length === 0 ? [] : [lines(patch, 'diff')]),
    ...(reach.length === 0 ? [] : [text(w`What firebreak reach --diff says of it:`), lines(reach)]),
  ]
}

export function at(ms: number): Wording {
  return ours(`${dateOf(ms)} ${timeOf(ms)}`)
}

function list(texts: readonly string[]): Wording {
  return joined(texts.map((each) => w`${each}`))
}

function row(cells: readonly Wording[]): Row {
  return { cells, tone: 'plain' }
}

function text(wording: Wording, tone: Tone = 'plain'): Block {
  return { kind: 'text', text: wording, tone }
}

function lines(shown: readonly string[], language: 'text' | 'diff' | 'sh' = 'text'): Block {
  return { kind: 'lines', lines: shown, language }
}
