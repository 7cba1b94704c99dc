import { dirname, resolve } from 'node:path'
import process from 'node:process'
import { offering } from '../../../config/called-on.ts'
import type { DefinitionReview } from '../../../host/accept/accepting.ts'
import type { AcceptAsk } from '../../../host/accept/definition-changes.ts'
import type { UpstreamOffers } from '../../../host/accept/offers.ts'
import type { Judged } from '../../../host/prepare/setup.ts'
import { stubLines, stubsOf } from '../../../host/prepare/tool-stub.ts'
import { grantedName, ok, type Problem, personName, sourceText } from '../../../model/index.ts'
import { operatorFor } from '../../../operator/operator.ts'
import { type Call, CONFIG_OPTION, type Command, EXIT, type ExitCode } from '../../command.ts'
import { readConfig } from '../../options/config.ts'
import { confirmed } from '../../person/confirmed.ts'
import { changeText } from '../../print/definition-changes.ts'
import { named, plain } from '../../print/printable.ts'

export const command: Command = {
  name: 'accept',
  usage: [
    'firebreak accept --as <person> [--upstream <name>] [--tool <name>]… [--yes] [--config <file>]',
    'firebreak accept --as <person> --without-descriptions [--tool <name>]…',
    'firebreak accept --dry-run',
    'firebreak accept --stubs',
  ],
  example: 'firebreak accept --as maria.silva@shop.example\nfirebreak accept --upstream payments-test --dry-run',
  options: {
    ...CONFIG_OPTION,
    upstream: { type: 'string', value: 'name', help: 'only this one' },
    tool: { type: 'string', multiple: true, value: 'name', help: 'only this one; several times for several' },
    'without-descriptions': {
      type: 'boolean',
      help: 'from now on its descriptions may change: agents are shown those that you accept here',
    },
    'with-descriptions': { type: 'boolean', help: 'the other way: a description that changes is a change' },
    as: { type: 'string', value: 'person', help: 'who accepts; stands beside each definition' },
    yes: { type: 'boolean', help: 'accept without asking' },
    'dry-run': { type: 'boolean', help: 'show what differs, accept nothing; exits 4 if something does' },
    stubs: { type: 'boolean', help: 'print what to write under tools: for what is offered and not declared' },
    'no-input': { type: 'boolean', help: 'never ask; like --dry-run without --yes' },
  },
  run,
}

async function run(call: Call): Promise<ExitCode> {
  if (call.flag('without-descriptions') && call.flag('with-descriptions')) {
    call.print.fault('--without-descriptions and --with-descriptions exclude each other')
    return EXIT.usage
  }
  const read = await readConfig(call)
  if (!read.ok) return read.reason
  const judged = read.value
  const only = call.text('upstream')
  if (only !== undefined && ![...judged.config.upstreams.keys()].some((name) => name === only)) {
    call.print.fault(`there is no upstream "${only}"`, `declared: ${[...judged.config.upstreams.keys()].join(', ')}`)
    return EXIT.usage
  }
  const asking = [...judged.config.upstreams.values()].filter(({ name }) => only === undefined || name === only)
  if (asking.length === 0) {
    call.print.line(
      'No upstream is declared: there is nothing to accept. Add one under upstreams:, or: firebreak init --server',
    )
    call.print.object({
      ok: true,
      accepted: false,
      changes: [],
      problems: [],
      undeclared: [],
      leaking: [],
      unacceptable: [],
    })
    return EXIT.ok
  }
  const told = offering(asking)
  if (told.length > 0) call.print.progress(`asking ${told.map(({ name }) => name).join(', ')}`)
  const stateDirectory = resolve(`${dirname(judged.config.file)}/.firebreak`)
  const operator = operatorFor(stateDirectory, judged)
  const asked = await operator.offers(asking)
  if (!asked.ok) {
    call.print.fault(asked.reason)
    return EXIT.failed
  }
  const offers = asked.value
  const declared = new Set<string>(asking.flatMap(({ tools }) => [...tools.keys()]))
  const unknown = call.texts('tool').find((tool) => !declared.has(tool))
  if (unknown !== undefined) {
    call.print.fault(`no upstream declares the tool "${unknown}"`, `declared: ${[...declared].join(', ')}`)
    return EXIT.usage
  }
  tellUnasked(call, offers)
  if (call.flag('stubs')) return printStubs(call, judged, offers)
  tellOffers(call, offers)
  const review = operator.review(offers, askOf(call))
  for (const line of review.changes.flatMap(changeText)) call.print.line(line)
  const { acceptable, amiss } = review
  if (acceptable.length === 0) {
    const noted = call.flag('dry-run') ? ok(undefined) : operator.accept(review, undefined)
    if (!noted.ok) return tellUnwritten(call, noted.reason)
    tellUnacceptable(call, review)
    if (review.changes.length === 0 && !amiss) call.print.line('Nothing has changed since it was accepted.')
    printObject(call, review, false)
    return amiss ? EXIT.failed : EXIT.ok
  }
  const person = call.text('as')
  const never = call.flag('dry-run') || (call.flag('no-input') && !call.flag('yes'))
  if (person === undefined && !never) {
    call.print.fault('--as is missing: an acceptance has a name', 'firebreak accept --as you@example.org')
    return EXIT.usage
  }
  const question = `Accept ${acceptable.length} of these as ${person}? [y/N] `
  const isGiven = !never && (call.flag('yes') || (await confirmed(call, stateDirectory, question)))
  if (!isGiven || person === undefined) {
    const again = process.stdin.isTTY ? '' : ' (no terminal to ask on: --yes accepts without asking)'
    tellUnacceptable(call, review)
    call.print.line(`${acceptable.length} wait to be accepted, nothing was${never ? '' : again}`)
    printObject(call, review, false)
    return EXIT.needsApproval
  }
  const accepted = operator.accept(review, personName(person))
  if (!accepted.ok) return tellUnwritten(call, accepted.reason)
  call.print.line(`${acceptable.length} accepted by ${person}, beside ${judged.config.file}`)
  tellUnacceptable(call, review)
  printObject(call, review, true)
  return amiss ? EXIT.failed : EXIT.ok
}

/** Tells of upstreams that said nothing, and of definitions that cannot be shown. */
function tellUnasked({ print }: Call, { silent, leaking }: UpstreamOffers): void {
  for (const { upstream, problem, said, hints } of silent) {
    print.progress(`${upstream} did not tell its tools: ${problem}`)
    for (const line of [...said, ...hints]) print.progress(`  ${line}`)
  }
  for (const { upstream, what, secret } of leaking)
    print.progress(
      `${upstream}: ${plain(what, 1)} repeats the secret "${secret}" in its definition: it is not shown, not written and cannot be accepted; have the server keep it out`,
    )
}

/** Tells what upstreams offer that cannot be read, or is not declared, and what they lack. */
function tellOffers({ print }: Call, { offered, unread, undeclared }: UpstreamOffers): void {
  for (const { upstream, tool, why, declared } of unread)
    print.progress(
      `${upstream}: ${tool === '' ? 'a tool' : named(tool)} cannot be read: ${plain(why, 1)}${declared ? '' : ' (nobody declared it)'}`,
    )
  for (const [upstream, offer] of offered)
    for (const note of 'problem' in offer ? [] : offer.notes) print.progress(`${upstream}: ${plain(note, 1)}`)
  for (const { upstream, missing, more } of undeclared) {
    if (missing.length > 0)
      print.progress(
        `${upstream} does not offer what is declared: ${missing.map(named).join(', ')}; it offers ${more.map(named).join(', ') || 'no other'}`,
      )
    else if (more.length > 0)
      print.progress(`${upstream} also offers ${more.map(named).join(', ')}: nobody may use what is not declared`)
  }
}

/** Tells of a file of acceptances that cannot be read any more, and so was not written. */
function tellUnwritten({ print }: Call, { source, message }: Problem): ExitCode {
  print.fault(`nothing was accepted: ${sourceText(source)} ${message}`)
  return EXIT.failed
}

function tellUnacceptable({ print }: Call, { unacceptable }: DefinitionReview): void {
  if (unacceptable.length > 0)
    print.line(
      `${unacceptable.length} cannot be accepted, and nobody may use ${unacceptable.length === 1 ? 'it' : 'them'}:`,
    )
  for (const { upstream, tool, why } of unacceptable) print.line(`  ${upstream}/${named(tool)}: ${plain(why, 1)}`)
}

function printObject({ print }: Call, { offers, changes, unacceptable, amiss }: DefinitionReview, accepted: boolean) {
  const { undeclared, leaking } = offers
  print.object({ ok: !amiss, accepted, changes, problems: problemsIn(offers), undeclared, leaking, unacceptable })
}

function problemsIn({ silent }: UpstreamOffers) {
  return silent.map(({ upstream, problem, said }) => ({ upstream, problem, said }))
}

/** Prints lines for a person to judge and to paste: nothing is written. */
function printStubs(call: Call, { config }: Judged, offers: UpstreamOffers): ExitCode {
  const problems = problemsIn(offers)
  const all = [...offers.offered].map(([upstream, offer]) => {
    const declared = config.upstreams.get(upstream)?.tools
    const { stubs, unfit } = 'problem' in offer ? { stubs: [], unfit: [] } : stubsOf(offer)
    for (const { name, why } of unfit)
      call.print.progress(`${upstream}: ${name === '' ? 'a tool' : named(name)} cannot be accepted: ${plain(why, 1)}`)
    return { upstream, stubs: stubs.filter(({ name }) => declared?.has(grantedName('tool', name)) !== true) }
  })
  const some = all.filter(({ stubs }) => stubs.length > 0)
  if (some.length > 0) {
    call.print.line(
      '# Effects are what each server says of itself: check them. What it does not call harmless is irreversible.',
    )
    call.print.line('upstreams:')
  } else if (problems.length === 0) call.print.line('Everything that is offered is declared.')
  for (const { upstream, stubs } of some)
    for (const line of [`  ${upstream}:`, '    tools:', ...stubLines(stubs, '      ')]) call.print.line(line)
  call.print.object({ ok: problems.length === 0, stubs: all, problems })
  return problems.length === 0 ? EXIT.ok : EXIT.failed
}

function askOf(call: Call): AcceptAsk {
  const only = new Set(call.texts('tool'))
  if (call.flag('without-descriptions')) return { only, anyWords: true }
  return call.flag('with-descriptions') ? { only, anyWords: false } : { only }
}
