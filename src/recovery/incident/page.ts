import type { Block, Page, Section } from './blocks.ts'
import type { Incident, IncidentVerdict } from './incident.ts'
import { at, authority, change, gotOut, people, proof, stops, timeline, undone } from './sections.ts'
import { counted, ours, rungText, type Wording, w } from './wording.ts'

export function pageOf(incident: Incident): Page {
  const { cell, subject } = incident
  const title = subject === undefined ? w`Incident: ${cell}` : w`Incident: ${subject.agent}, ${cell}`
  return {
    title,
    warnings: warningsOf(incident),
    headline: headlineOf(incident),
    sections: [
      section('People', people(incident)),
      section('What happened', timeline(incident)),
      section('What it was allowed to do', authority(incident)),
      section('What got out', gotOut(incident)),
      section('What was undone', undone(incident)),
      section('How it was stopped', stops(incident)),
      section('The proof', proof(incident)),
      section('What to change', change(incident)),
    ],
  }
}

function section(title: string, blocks: readonly Block[]): Section {
  return { title, blocks }
}

function warningsOf({ read, proof, subject, log }: Incident): readonly Wording[] {
  const { damage, malformed, entries } = read
  return [
    ...(damage === undefined
      ? []
      : [
          w`THE LEDGER IS DAMAGED: ${damage}. This page tells what its first ${counted(entries, 'entry', 'entries')} say, and nothing of what came after.`,
        ]),
    ...(proof.log?.intact === false || (proof.log === undefined && proof.findings.length > 0)
      ? [w`THE LEDGER IS NOT INTACT: what this page tells may have been changed after it was written. See “The proof”.`]
      : []),
    ...(proof.log === undefined && proof.problem !== undefined
      ? [w`NOT VERIFIED: ${proof.problem}. Nothing on this page is proven.`]
      : []),
    ...(malformed > 0
      ? [w`${counted(malformed, 'entry holds', 'entries hold')} something else than they should, and are not told.`]
      : []),
    ...(subject === undefined
      ? [w`The start of this cell cannot be read in ${log}: whose it was is not known here.`]
      : []),
  ]
}

function headlineOf({ verdict, subject, effects, read }: Incident): Page['headline'] {
  const { totals } = effects
  const who =
    subject === undefined
      ? w`Nobody knows whose cell it was.`
      : w`${subject.agent}, which answers to ${subject.owner}, ran in environment ${subject.environment} from ${at(subject.startedAtMs)}${subject.endedAtMs === undefined ? w`; its end is not recorded` : w` to ${at(subject.endedAtMs)}`}.`
  const out =
    totals.effects === 0
      ? w`It had no effect on anything outside.`
      : w`${counted(totals.effects, 'effect')} got out: ${totals.undone} undone, ${totals.undoable} can be undone, ${totals.irreversible} irreversible, ${totals.failed} failed to be undone, ${totals.unknown} unknown.`
  const good =
    (verdict.kind === 'contained' || verdict.kind === 'lowered') &&
    verdict.later.effects === 0 &&
    read.damage === undefined
  return { good, lines: [verdictText(verdict), who, out] }
}

const VERDICTS: Readonly<Record<IncidentVerdict['kind'], string>> = {
  contained: 'Contained.',
  lowered: 'Stopped at the gate.',
  'not-contained': 'NOT CONTAINED: not every point has confirmed.',
  'not-stopped': 'Nothing and nobody has stopped it.',
}

function verdictText({ kind, stop, tripped, later, released }: IncidentVerdict): Wording {
  const word = ours(VERDICTS[kind])
  if (stop === undefined) return word
  const { detector, by, why, atMs, rung } = stop
  const cause =
    by === 'firebreak' ? (detector === undefined ? w`Firebreak (${why})` : w`the detector ${why}`) : w`${by} (${why})`
  const left =
    tripped === undefined
      ? w``
      : tripped.left === 'no'
        ? w` The action that tripped it, ${tripped.tool}, did not leave.`
        : tripped.left === 'yes'
          ? w` The action that tripped it, ${tripped.tool}, HAD LEFT.`
          : w` Whether the action that tripped it, ${tripped.tool}, left is UNKNOWN.`
  const after =
    later.effects === 0
      ? w` Actions with an effect after that: zero.`
      : w` Actions with an effect AFTER THAT: ${later.effects}.`
  const reads = later.reads === 0 ? w`` : w` Reads after that: ${later.reads}.`
  const since = released === undefined ? w`` : w` ${released.by} released it at ${at(released.atMs)}: ${released.why}.`
  return w`${word} Stopped at ${at(atMs)} by ${cause}, and from then on ${rungText(rung)}.${left}${after}${reads}${since}`
}
