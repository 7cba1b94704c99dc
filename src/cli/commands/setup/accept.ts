import { dirname, resolve } from 'node:path'
import process from 'node:process'
import { definitionDigest, inputIn } from '../../../gateway/protocols/mcp/contract/definition.ts'
import { type Accepted, readSpoken, type Unacceptable, writeAllAccepted } from '../../../host/prepare/accepted.ts'
import { type Inspected, inspectUpstreams } from '../../../host/prepare/inspect.ts'
import { programFault, unseenArguments } from '../../../host/prepare/program.ts'
import type { Judged } from '../../../host/prepare/setup.ts'
import { stubLines, stubsOf } from '../../../host/prepare/tool-stub.ts'
import { cutText, grantedName, LIMITS, personName, type ToolName, type UpstreamName } from '../../../model/index.ts'
import { type Call, CONFIG_OPTION, type Command, EXIT, type ExitCode } from '../../command.ts'
import { readConfig } from '../../options/config.ts'
import { confirmed } from '../../person/confirmed.ts'
import {
  type Asking,
  changesIn,
  changeText,
  type DefinitionChange,
  definitionsIn,
} from '../../print/definition-changes.ts'
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
  call.print.progress(`asking ${asking.map(({ name }) => name).join(', ')}`)
  const stateDirectory = resolve(`${dirname(judged.config.file)}/.firebreak`)
  const offered = await inspectUpstreams(judged, asking, stateDirectory)
  if (!offered.ok) {
    call.print.fault(offered.reason)
    return EXIT.failed
  }
  if (call.flag('without-descriptions') && call.flag('with-descriptions')) {
    call.print.fault('--without-descriptions and --with-descriptions exclude each other')
    return EXIT.usage
  }
  const declared = new Set<string>(asking.flatMap(({ tools }) => [...tools.keys()]))
  const unknown = call.texts('tool').find((tool) => !declared.has(tool))
  if (unknown !== undefined) {
    call.print.fault(`no upstream declares the tool "${unknown}"`, `declared: ${[...declared].join(', ')}`)
    return EXIT.usage
  }
  let unreachable = false
  const problems: { upstream: UpstreamName; problem: string; said: readonly string[] }[] = []
  for (const [name, offer] of offered.value) {
    if (!('problem' in offer)) continue
    unreachable = true
    problems.push({ upstream: name, problem: offer.problem, said: offer.said })
    call.print.progress(`${name} did not tell its tools: ${offer.problem}`)
    for (const line of [...offer.said, ...hintsFor(judged, name)]) call.print.progress(`  ${line}`)
  }
  const leaking = [...offered.value].flatMap(([upstream, offer]) =>
    'problem' in offer ? [] : offer.leaking.map((leak) => ({ upstream, ...leak })),
  )
  for (const { upstream, what, secret } of leaking)
    call.print.progress(
      `${upstream}: ${plain(what, 1)} repeats the secret "${secret}" in its definition: it is not shown, not written and cannot be accepted; have the server keep it out`,
    )
  if (call.flag('stubs')) return printStubs(call, judged, offered.value, problems)
  const unread = unreadIn(judged, offered.value)
  for (const { upstream, tool, why, declared } of unread)
    call.print.progress(
      `${upstream}: ${tool === '' ? 'a tool' : named(tool)} cannot be read: ${plain(why, 1)}${declared ? '' : ' (nobody declared it)'}`,
    )
  for (const [upstream, offer] of offered.value)
    for (const note of 'problem' in offer ? [] : offer.notes) call.print.progress(`${upstream}: ${plain(note, 1)}`)
  const undeclared = undeclaredIn(judged, offered.value)
  for (const { upstream, missing, more } of undeclared) {
    if (missing.length > 0)
      call.print.progress(
        `${upstream} does not offer what is declared: ${missing.join(', ')}; it offers ${more.join(', ') || 'no other'}`,
      )
    else if (more.length > 0)
      call.print.progress(`${upstream} also offers ${more.join(', ')}: nobody may use what is not declared`)
  }
  const changes = changesIn(judged, offered.value, askingOf(call))
  for (const line of changes.flatMap(changeText)) call.print.line(line)
  const good = changes.filter((change) => change.problem === undefined)
  const bad = [
    ...leaking.flatMap(({ upstream, what, secret }) => {
      const tool = leakingName(what)
      const declared = judged.config.upstreams.get(upstream)?.tools.has(tool as ToolName) // looked up, and never used as one
      return declared ? [{ upstream, tool, why: `its definition repeats the secret "${secret}"` }] : []
    }),
    ...changes.flatMap(({ upstream, tool, problem }) =>
      problem === undefined ? [] : [{ upstream, tool, why: problem }],
    ),
    ...unread
      .filter(({ declared }) => declared)
      .map(({ upstream, tool, why }) => ({ upstream, tool, why: `it cannot be read: ${why}` })),
  ]
  const amiss =
    unreachable || leaking.length > 0 || undeclared.some(({ missing }) => missing.length > 0) || bad.length > 0
  const object = (accepted: boolean) =>
    call.print.object({ ok: !amiss, accepted, changes, problems, undeclared, leaking, unacceptable: bad })
  const tellBad = () => {
    if (bad.length > 0)
      call.print.line(`${bad.length} cannot be accepted, and nobody may use ${bad.length === 1 ? 'it' : 'them'}:`)
    for (const { upstream, tool, why } of bad) call.print.line(`  ${upstream}/${named(tool)}: ${plain(why, 1)}`)
  }
  if (good.length === 0) {
    if (!call.flag('dry-run'))
      writeAllAccepted(judged.config, judged.accepted, spokenBy(judged, offered.value), unacceptableOf(bad))
    tellBad()
    if (changes.length === 0 && !amiss) call.print.line('Nothing has changed since it was accepted.')
    object(false)
    return amiss ? EXIT.failed : EXIT.ok
  }
  const person = call.text('as')
  const never = call.flag('dry-run') || (call.flag('no-input') && !call.flag('yes'))
  if (person === undefined && !never) {
    call.print.fault('--as is missing: an acceptance has a name', 'firebreak accept --as you@example.org')
    return EXIT.usage
  }
  const asked =
    !never &&
    (call.flag('yes') || (await confirmed(call, stateDirectory, `Accept ${good.length} of these as ${person}? [y/N] `)))
  if (!asked || person === undefined) {
    const again = process.stdin.isTTY ? '' : ' (no terminal to ask on: --yes accepts without asking)'
    tellBad()
    call.print.line(`${good.length} wait to be accepted, nothing was${never ? '' : again}`)
    object(false)
    return EXIT.needsApproval
  }
  accept(judged, good, person, spokenBy(judged, offered.value), unacceptableOf(bad))
  call.print.line(`${good.length} accepted by ${person}, beside ${judged.config.file}`)
  tellBad()
  object(true)
  return amiss ? EXIT.failed : EXIT.ok
}

/** Prints lines for a person to judge and to paste: nothing is written. */
function printStubs(
  call: Call,
  { config }: Judged,
  offered: ReadonlyMap<UpstreamName, Inspected>,
  problems: readonly object[],
): ExitCode {
  const all = [...offered].map(([upstream, offer]) => {
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

/** Returns the tools that the configuration declares and the upstream does not have, and the other way round. */
function undeclaredIn({ config }: Judged, offered: ReadonlyMap<UpstreamName, Inspected>) {
  return [...offered].flatMap(([upstream, offer]) => {
    if ('problem' in offer) return []
    const declared = [...(config.upstreams.get(upstream)?.tools.keys() ?? [])].filter(
      (tool) => !tool.startsWith('resource:'),
    )
    const has = definitionsIn(offer).map(([tool]) => tool)
    const told = new Set([...offer.leaking.map(({ what }) => leakingName(what)), ...offer.lost.map(({ name }) => name)])
    const missing = declared.filter((tool) => !has.includes(tool) && !told.has(tool))
    const more = has.filter((tool) => !declared.includes(tool))
    return missing.length + more.length > 0 ? [{ upstream, missing, more }] : []
  })
}

/** Returns the name of a leaking definition as grants have it; of one that is not named, its kind. */
function leakingName(what: string): string {
  return what.replace(/^tool /, '').replace(/^prompt /, 'prompt:')
}

/** Returns what upstreams offer and cannot be read, each with why; `declared` where the configuration wants it. */
function unreadIn({ config }: Judged, offered: ReadonlyMap<UpstreamName, Inspected>) {
  return [...offered].flatMap(([upstream, offer]) => {
    const wanted = new Set<string>(config.upstreams.get(upstream)?.tools.keys())
    const lost = 'problem' in offer ? [] : offer.lost
    return lost.map(({ name: tool, why }) => ({ upstream, tool, why, declared: wanted.has(tool) }))
  })
}

function askingOf(call: Call): Asking {
  const only = new Set(call.texts('tool'))
  if (call.flag('without-descriptions')) return { only, anyWords: true }
  return call.flag('with-descriptions') ? { only, anyWords: false } : { only }
}

/** Returns what cannot be accepted, for `doctor`, which does not ask upstreams what they offer. */
function unacceptableOf(
  bad: readonly { readonly upstream: UpstreamName; readonly tool: string; readonly why: string }[],
): Unacceptable {
  const all = new Map<UpstreamName, Map<string, string>>()
  for (const { upstream, tool, why } of bad) {
    const own = all.get(upstream) ?? new Map<string, string>()
    all.set(upstream, own.set(tool, cutText(why, LIMITS.faultCharactersMax)))
  }
  return all
}

/** Most servers that do not start lack something that their cell does not show them. */
function hintsFor({ config }: Judged, name: UpstreamName): readonly string[] {
  const server = config.upstreams.get(name)?.server
  if (server?.kind !== 'stdio') return []
  const [program = '', ...args] = server.command
  const fault = programFault(server.cell, program)
  const unseen = unseenArguments(server.cell, args)
  if (unseen.length > 0) {
    const shown = unseen.map((path) => `${path}: ${path}`).join(', ')
    return [
      `its cell does not see ${unseen.join(', ')}`,
      `show what it needs of it: mcp: { cell: { files: { ${shown} } } }`,
    ]
  }
  return fault === undefined
    ? [
        `its cell sees the host’s /usr and what stands under mcp.cell.files, and has no network; all that it said: .firebreak/log/upstream-${name}.log`,
      ]
    : [fault.problem, fault.fix]
}

/**
 * Returns the revision that each upstream spoke when it was asked last: the next start begins with it, and asks no
 * more.
 */
function spokenBy(
  { config }: Judged,
  offered: ReadonlyMap<UpstreamName, Inspected>,
): ReadonlyMap<UpstreamName, string> {
  const now = [...offered].flatMap(([name, offer]) => ('problem' in offer ? [] : [[name, offer.revision] as const]))
  return new Map([...readSpoken(config), ...now])
}

function accept(
  { config, accepted }: Judged,
  changes: readonly DefinitionChange[],
  person: string,
  spoken: ReadonlyMap<UpstreamName, string>,
  unacceptable: Unacceptable,
): void {
  const upstreams = new Map([...accepted].map(([name, tools]) => [name, new Map<ToolName, Accepted>(tools)]))
  for (const { upstream, tool, definition, anyWords } of changes) {
    const tools = upstreams.get(upstream) ?? new Map<ToolName, Accepted>()
    const input = inputIn(definition)
    upstreams.set(upstream, tools)
    tools.set(tool, {
      name: tool,
      definition,
      ...(input && { input }),
      digest: definitionDigest(definition, anyWords),
      ...(anyWords && { anyWords }),
      acceptedBy: personName(person),
      acceptedAtMs: Date.now(),
    })
  }
  writeAllAccepted(config, upstreams, spoken, unacceptable)
}
